/*
 * The smallest training module there is, in C: a straight line, y = sum of w[i] * x[i] + b, by SGD on half the squared error. Nothing but the ABI
 * (assembly/README.md) and a compiler for WebAssembly is needed:
 *
 *   clang --target=wasm32 -O2 -nostdlib -fno-builtin -ffp-contract=off -mno-sign-ext -mno-bulk-memory -mno-nontrapping-fptoint -Wl,--no-entry -o line.wasm line.c
 *
 * Parameters: w, then b. Rows are taken in the order in which they come.
 */
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))

/* The control block, as far as it is used here. */
typedef struct {
  uint32_t inputs, loss;
  float positive_weight;
  uint32_t layer_count, rows, epochs, batch;
  float learning_rate, momentum, l2, proximal, clip_norm, example_clip_norm;
  uint32_t schedule, warmup;
  float final_fraction;
  uint32_t train_from, train_to, seed, round, device_high, device_low;
  uint32_t parameters, outputs;
  float *start, *result, *candidate, *x, *y, *predictions;
  uint32_t *confusion, *histogram;
  double loss_sum, squared_error, absolute_error;
  uint32_t samples, steps;
} control_t;

enum { SQUARED = 2, BLOCK_BYTES = 2048, BEHIND = 32, MOST_INPUTS = 65535 };

static union {
  control_t control;
  uint8_t bytes[BLOCK_BYTES];
} block __attribute__((aligned(64)));

static control_t *const c = &block.control;
static float *gradient;
static uint64_t next;

/* A training: where it is, and what it has done. */
static uint32_t row, epoch, samples, steps_taken;
static double loss;

static float *floats(uint64_t count) {
  float *at = (float *)(uintptr_t)next;
  next += 4 * count + BEHIND;
  return at;
}

EXPORT(abi) int32_t abi(void) { return 1; }
EXPORT(base) int32_t base(void) { return (int32_t)(intptr_t)c; }

EXPORT(setup) int32_t setup(int32_t batch, int32_t rows) {
  (void)batch;
  if (c->inputs < 1 || c->inputs > MOST_INPUTS) return 0;
  c->loss = SQUARED;
  c->parameters = c->inputs + 1;
  c->outputs = 1;
  next = (uint64_t)(uintptr_t)(&block + 1);
  c->start = floats(c->parameters);
  c->result = floats(c->parameters);
  c->candidate = floats(c->parameters);
  gradient = floats(c->parameters);
  c->x = floats((uint64_t)(uint32_t)rows * c->inputs);
  c->y = floats((uint32_t)rows);
  c->predictions = floats((uint32_t)rows);
  return next < 0x80000000u ? (int32_t)next : 0;
}

EXPORT(init) void init(void) {
  for (uint32_t i = 0; i < c->parameters; i++) c->candidate[i] = 0.0f;
}

EXPORT(begin) void begin(void) {
  for (uint32_t i = 0; i < c->parameters; i++) c->result[i] = c->start[i];
  row = epoch = samples = steps_taken = 0;
  loss = 0.0;
}

static float value(const float *w, const float *x) {
  float sum = w[c->inputs];
  for (uint32_t i = 0; i < c->inputs; i++) sum += w[i] * x[i];
  return sum;
}

static void step(void) {
  const uint32_t left = c->rows - row, count = left < c->batch ? left : c->batch;
  for (uint32_t i = 0; i < c->parameters; i++) gradient[i] = c->proximal * (c->result[i] - c->start[i]);
  for (uint32_t r = row; r < row + count; r++) {
    const float *x = c->x + r * c->inputs;
    const float error = value(c->result, x) - c->y[r];
    loss += 0.5 * (double)error * (double)error;
    for (uint32_t i = 0; i < c->inputs; i++) gradient[i] += error * x[i] / (float)count;
    gradient[c->inputs] += error / (float)count;
  }
  for (uint32_t i = 0; i < c->parameters; i++) c->result[i] -= c->learning_rate * gradient[i];
  steps_taken++;
  samples += count;
  row += count;
  if (row == c->rows) row = 0, epoch++;
}

EXPORT(advance) int32_t advance(int32_t steps) {
  for (; steps > 0 && epoch < c->epochs; steps--) step();
  return epoch == c->epochs;
}

/* The parameters are where they belong already. */
EXPORT(collect) void collect(void) {
  c->loss_sum = loss;
  c->samples = samples;
  c->steps = steps_taken;
}

EXPORT(evaluate) void evaluate(int32_t more) {
  if (!more) c->loss_sum = c->squared_error = c->absolute_error = 0.0;
  for (uint32_t r = 0; r < c->rows; r++) {
    const double error = (double)value(c->candidate, c->x + r * c->inputs) - (double)c->y[r];
    c->loss_sum += 0.5 * error * error;
    c->squared_error += error * error;
    c->absolute_error += error < 0.0 ? -error : error;
  }
}

EXPORT(predict) void predict(void) {
  for (uint32_t r = 0; r < c->rows; r++) c->predictions[r] = value(c->candidate, c->x + r * c->inputs);
}
