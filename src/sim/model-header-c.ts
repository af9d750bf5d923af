/**
 * The C of an exported model: C99 that is C++ too, with nothing to include but stdint.h. The arithmetic is that of assembly/README.md, operation for
 * operation. Each function calls only those before it.
 */
export const C_FUNCTIONS = {
  add: `/** Adds an input's part to sums: value times its row of weights. */
static inline void fm_predict_add(const float *weights, float value, uint32_t units, float *y)
{
    uint32_t j;

    for (j = 0U; j < units; j++) {
        y[j] += value * weights[j];
    }
}`,

  zero: `static inline void fm_predict_zero(float *y, uint32_t count)
{
    uint32_t j;

    for (j = 0U; j < count; j++) {
        y[j] = 0.0F;
    }
}`,

  dense: `/** Every sum starts at 0, and adds the inputs in their order, then the bias. */
static inline void fm_predict_dense(const float *layer, const float *x, uint32_t inputs, uint32_t units, float *y)
{
    uint32_t k;

    fm_predict_zero(y, units);
    for (k = 0U; k < inputs; k++) {
        fm_predict_add(&layer[k * units], x[k], units, y);
    }
    fm_predict_add(&layer[inputs * units], 1.0F, units, y);
}`,

  scaled: `/** A feature as the model takes it. */
static inline float fm_predict_scaled(const float *x, uint32_t k)
{
    return (x[k] - fm_predict_mean[k]) * fm_predict_inverse_deviation[k];
}`,

  dense_scaled: `/** The same for the features themselves, standardised on the way. */
static inline void fm_predict_dense_scaled(const float *layer, const float *x, uint32_t inputs, uint32_t units, float *y)
{
    uint32_t k;

    fm_predict_zero(y, units);
    for (k = 0U; k < inputs; k++) {
        fm_predict_add(&layer[k * units], fm_predict_scaled(x, k), units, y);
    }
    fm_predict_add(&layer[inputs * units], 1.0F, units, y);
}`,

  scale: `static inline void fm_predict_scale(const float *x, uint32_t inputs, float *y)
{
    uint32_t k;

    for (k = 0U; k < inputs; k++) {
        y[k] = fm_predict_scaled(x, k);
    }
}`,

  conv1d: `/** A dense layer over the window at each position; windows begin \`step\` values apart. */
static inline void fm_predict_conv1d(const float *layer, const float *x, uint32_t window, uint32_t filters, uint32_t step,
                                     uint32_t positions, float *y)
{
    uint32_t p;

    for (p = 0U; p < positions; p++) {
        fm_predict_dense(layer, &x[p * step], window, filters, &y[p * filters]);
    }
}`,

  average: `/** The average over \`width\` steps, channel by channel. */
static inline void fm_predict_average(const float *x, uint32_t channels, uint32_t width, uint32_t positions, float *y)
{
    uint32_t p;
    uint32_t c;
    uint32_t s;

    for (p = 0U; p < positions; p++) {
        for (c = 0U; c < channels; c++) {
            const float *from = &x[(p * width * channels) + c];
            float sum = from[0];

            for (s = 1U; s < width; s++) {
                sum += from[s * channels];
            }
            y[(p * channels) + c] = sum * (1.0F / (float)width);
        }
    }
}`,

  maximum: `/** The maximum over \`width\` steps, channel by channel. */
static inline void fm_predict_maximum(const float *x, uint32_t channels, uint32_t width, uint32_t positions, float *y)
{
    uint32_t p;
    uint32_t c;
    uint32_t s;

    for (p = 0U; p < positions; p++) {
        for (c = 0U; c < channels; c++) {
            const float *from = &x[(p * width * channels) + c];
            float most = from[0];

            for (s = 1U; s < width; s++) {
                most = (from[s * channels] > most) ? from[s * channels] : most;
            }
            y[(p * channels) + c] = most;
        }
    }
}`,

  relu: `static inline void fm_predict_relu(float *y, uint32_t count)
{
    uint32_t j;

    for (j = 0U; j < count; j++) {
        y[j] = (y[j] > 0.0F) ? y[j] : 0.0F;
    }
}`,

  exp: `/** A float seen as its bits. */
typedef union {
    float value;
    uint32_t bits;
} fm_predict_pun_t;

/** e^x for x <= 0, to a relative error of 1e-7; what is below -87 counts as -87. Coefficients of Cephes' expf (Moshier). */
static inline float fm_predict_exp(float x)
{
    /* Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits. */
    float bounded = (x > -87.0F) ? x : -87.0F;
    float t = (bounded * 1.44269504088896341F) + 12582912.0F;
    float n = t - 12582912.0F;
    /* Less n times ln 2, in two parts. */
    float r = (bounded - (n * 0.693359375F)) - (n * -2.12194440e-4F);
    float p = 1.9875691500e-4F;
    fm_predict_pun_t power;
    fm_predict_pun_t y;

    p = (p * r) + 1.3981999507e-3F;
    p = (p * r) + 8.3334519073e-3F;
    p = (p * r) + 4.1665795894e-2F;
    p = (p * r) + 1.6666665459e-1F;
    p = (p * r) + 5.0000001201e-1F;
    y.value = ((p * (r * r)) + r) + 1.0F;
    /* Times 2^n. */
    power.value = t;
    y.bits += power.bits << 23U;
    return y.value;
}`,

  tanh: `static inline void fm_predict_tanh(float *y, uint32_t count)
{
    uint32_t j;

    for (j = 0U; j < count; j++) {
        float t = fm_predict_exp(((y[j] < 0.0F) ? y[j] : -y[j]) * 2.0F);
        float most = (1.0F - t) / (1.0F + t);

        y[j] = (y[j] < 0.0F) ? -most : most;
    }
}`,

  softmax: `/** Turns outputs into probabilities; returns the first largest. */
static inline uint32_t fm_predict_softmax(float *y, uint32_t classes)
{
    uint32_t best = 0U;
    float most;
    float total = 0.0F;
    uint32_t j;

    for (j = 1U; j < classes; j++) {
        best = (y[j] > y[best]) ? j : best;
    }
    most = y[best];
    for (j = 0U; j < classes; j++) {
        y[j] = fm_predict_exp(y[j] - most);
        total += y[j];
    }
    for (j = 0U; j < classes; j++) {
        y[j] /= total;
    }
    return best;
}`,

  logistic: `/** The probability of class 1. */
static inline float fm_predict_logistic(float z)
{
    float e = fm_predict_exp((z < 0.0F) ? z : -z);

    return ((z < 0.0F) ? e : 1.0F) / (1.0F + e);
}`,
} as const

export type CFunction = keyof typeof C_FUNCTIONS

/** In the order in which they stand in a header. */
export const C_ORDER = Object.keys(C_FUNCTIONS) as readonly CFunction[]

/** What each calls. */
export const C_NEEDS: Readonly<Partial<Record<CFunction, readonly CFunction[]>>> = {
  dense: ["zero", "add"],
  dense_scaled: ["zero", "add", "scaled"],
  scale: ["scaled"],
  conv1d: ["dense"],
  tanh: ["exp"],
  softmax: ["exp"],
  logistic: ["exp"],
}
