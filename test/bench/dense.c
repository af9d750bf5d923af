/*
 * The kernels' dense layer in C, with the same panels and tiles: what a compiler makes of the same algorithm. Arguments: milliseconds for a pass, then
 * shapes "inputs units batch". Prints one line each: GFlop/s of forward, weight gradient, input gradient (the fastest run of each).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef float v4 __attribute__((vector_size(16), aligned(4)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static v4 load(const float *p) { return *(const v4 *)p; }
static void store(float *p, v4 v) { *(v4 *)p = v; }
static v4 splat(float x) { return (v4){x, x, x, x}; }

/* out[r][0..7] = sum over k of a[r][k] * panel[k][0..7], + panel[depth]; pitches in floats. */
#define TILE(ROWS)                                                                                                    \
  static void tile##ROWS(const float *a, long row, const float *b, int depth, float *out, long out_row) {             \
    v4 c[ROWS][2];                                                                                                    \
    for (int r = 0; r < ROWS; r++) c[r][0] = c[r][1] = splat(0);                                                      \
    for (int k = 0; k < depth; k++, b += 8) {                                                                         \
      const v4 b0 = load(b), b1 = load(b + 4);                                                                        \
      _Pragma("GCC unroll 5") for (int r = 0; r < ROWS; r++) {                                                        \
        const v4 s = splat(a[r * row + k]);                                                                           \
        c[r][0] += s * b0;                                                                                            \
        c[r][1] += s * b1;                                                                                            \
      }                                                                                                               \
    }                                                                                                                 \
    _Pragma("GCC unroll 5") for (int r = 0; r < ROWS; r++) {                                                          \
      store(out + r * out_row, c[r][0] + load(b));                                                                    \
      store(out + r * out_row + 4, c[r][1] + load(b + 4));                                                            \
    }                                                                                                                 \
  }
TILE(4)
TILE(5)

static void multiply(const float *a, long row, const float *panel, int depth, float *out, long out_row, int rows) {
  int fives = rows & 3;
  if (fives * 5 > rows) fives = 0;
  while (rows > 0) {
    const int height = fives-- > 0 ? 5 : 4;
    if (height == 5) tile5(a, row, panel, depth, out, out_row);
    else tile4(a, row, panel, depth, out, out_row);
    a += height * row;
    out += height * out_row;
    rows -= height;
  }
}

static void outer4(const float *a, long row, const float *b, long b_row, int depth, float *out) {
  v4 c[4][2];
  for (int r = 0; r < 4; r++) c[r][0] = c[r][1] = splat(0);
  for (; depth > 0; depth--, a += row, b += b_row) {
    const v4 b0 = load(b), b1 = load(b + 4);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++) {
      const v4 s = splat(a[r]);
      c[r][0] += s * b0;
      c[r][1] += s * b1;
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) {
    store(out + 8 * r, c[r][0]);
    store(out + 8 * r + 4, c[r][1]);
  }
}

static void transpose(const float *w, long panel, int panels, float *to) {
  for (int p = 0; p < panels; p++, w += panel, to += 64)
    for (int q = 0; q < 4; q++) {
      const float *from = w + (q & 1) * 4 + (q & 2) * 16;
      float *at = to + (q & 1) * 32 + (q & 2) * 2;
      const v4 r0 = load(from), r1 = load(from + 8), r2 = load(from + 16), r3 = load(from + 24);
      const v4 a = __builtin_shuffle(r0, r1, (__attribute__((vector_size(16))) int){0, 4, 1, 5});
      const v4 b = __builtin_shuffle(r2, r3, (__attribute__((vector_size(16))) int){0, 4, 1, 5});
      const v4 c = __builtin_shuffle(r0, r1, (__attribute__((vector_size(16))) int){2, 6, 3, 7});
      const v4 d = __builtin_shuffle(r2, r3, (__attribute__((vector_size(16))) int){2, 6, 3, 7});
      store(at, __builtin_shuffle(a, b, (__attribute__((vector_size(16))) int){0, 1, 4, 5}));
      store(at + 8, __builtin_shuffle(a, b, (__attribute__((vector_size(16))) int){2, 3, 6, 7}));
      store(at + 16, __builtin_shuffle(c, d, (__attribute__((vector_size(16))) int){0, 1, 4, 5}));
      store(at + 24, __builtin_shuffle(c, d, (__attribute__((vector_size(16))) int){2, 3, 6, 7}));
    }
}

static long pitch_of(int n) {
  const long bytes = (n + 7L) / 8 * 32;
  return (bytes & 255 ? bytes : bytes + 64) / 4;
}

static int inputs, units, batch, panels;
static long x_row, y_row, panel_floats;
static float *x, *y, *dx, *w, *turned, block[67 * 8], one[4] = {1, 1, 1, 1};

static void forward(void) {
  for (int p = panels - 1; p >= 0; p--)
    multiply(x, x_row, w + p * panel_floats, inputs, y + 8 * p, y_row, batch);
}

static void weights(void) {
  for (int from = 0; from < inputs; from += 64) {
    const int to = from + 64 < inputs ? from + 64 : inputs;
    for (int p = 0; p < panels; p++)
      for (int k = from; k < to; k += 4) outer4(x + k, x_row, y + 8 * p, y_row, batch, block + 8 * (k - from));
  }
  for (int p = 0; p < panels; p++) outer4(one, 0, y + 8 * p, y_row, batch, block);
}

static void gradient(void) {
  for (int q = 0; q < (inputs + 7) / 8; q++) {
    transpose(w + 64 * q, panel_floats, panels, turned);
    memset(turned + 8 * units, 0, 32);
    multiply(y, y_row, turned, units, dx + 8 * q, x_row, batch);
  }
}

static double rate(void (*work)(void), double budget) {
  const double flops = 2.0 * inputs * units * batch;
  const int times = (int)(4e6 / flops) + 1;
  double least = 1e9;
  int n = 0;
  work();
  for (const double end = now() + budget; n < 3 || now() < end; n++) {
    const double begin = now();
    for (int i = 0; i < times; i++) work();
    const double seconds = (now() - begin) / times;
    if (seconds < least) least = seconds;
  }
  return flops / least * 1e-9;
}

int main(int count, char **arguments) {
  const double budget = count > 1 ? atof(arguments[1]) / 1000 : 0;
  for (int i = 2; i + 2 < count; i += 3) {
    inputs = atoi(arguments[i]);
    units = atoi(arguments[i + 1]);
    batch = atoi(arguments[i + 2]);
    panels = (units + 7) / 8;
    x_row = pitch_of(inputs);
    y_row = pitch_of(units);
    panel_floats = 8L * (inputs + 1);
    const long rows = batch + 8, slack = 1024;
    x = calloc((size_t)(rows * x_row + slack), 4);
    dx = calloc((size_t)(rows * x_row + slack), 4);
    y = calloc((size_t)(rows * y_row + slack), 4);
    w = calloc((size_t)(panels * panel_floats + slack), 4);
    turned = calloc((size_t)(64L * panels + slack), 4);
    for (long j = 0; j < rows * x_row; j++) x[j] = (float)(j * 7 % 17) / 16.0f;
    for (long j = 0; j < panels * panel_floats; j++) w[j] = (float)(j * 5 % 13) / 64.0f;
    const double f = rate(forward, budget);
    const double g = rate(weights, budget);
    const double d = rate(gradient, budget);
    printf("%.4f %.4f %.4f\n", f, g, d);
    free(x);
    free(dx);
    free(y);
    free(w);
    free(turned);
  }
  return 0;
}
