/** Coefficients are those of Cephes' expf and logf (Moshier); every operation is rounded on its own. */
#include "fm_math.h"

#include <stdint.h>

#include "fm_bits.h"

/* 1.5 * 2^23: adding it rounds a small number to an integer, which then stands in the low bits. */
#define ROUNDER 12582912.0F

/* ln 2 is the first less the second. The first has few bits, so that its products with small integers are exact. */
#define LN2_HIGH 0.693359375F
#define LN2_LESS 2.12194440e-4F

/* Where exp ends, as bits without the sign. */
#define LEAST -87.0F
#define LEAST_BITS 0x42AE0000U

/** A polynomial in x, its highest coefficient first. */
static float math_polynomial(float x, const float *terms, uint32_t count)
{
    float p = terms[0];
    uint32_t i;

    for (i = 1U; i < count; i++) {
        p = (p * x) + terms[i];
    }
    return p;
}

float fm_exp(float x)
{
    static const float terms[6] = { 1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F,
                                    4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F };
    float bounded = ((fm_float_bits(x) & FM_MAGNITUDE) < LEAST_BITS) ? x : LEAST;
    float t = (bounded * 1.44269504088896341F) + ROUNDER;
    float n = t - ROUNDER;
    float r = (bounded - (n * LN2_HIGH)) + (n * LN2_LESS);
    float p = ((math_polynomial(r, terms, 6U) * (r * r)) + r) + 1.0F;

    /* Times 2^n. */
    return fm_float(fm_float_bits(p) + (fm_float_bits(t) << 23U));
}

float fm_log(float x)
{
    static const float terms[9] = { 7.0376836292e-2F, -1.1514610310e-1F, 1.1676998740e-1F,
                                    -1.2420140846e-1F, 1.4249322787e-1F, -1.6668057665e-1F,
                                    2.0000714765e-1F, -2.4999993993e-1F, 3.3333331174e-1F };
    /* x = m * 2^e with m from sqrt(1/2) to sqrt(2). */
    uint32_t bits = fm_float_bits(x);
    uint32_t power = (bits - 0x3F3504F3U) & 0xFF800000U;
    /* The power of two, with its sign. */
    uint32_t above = ((power >> 23U) + 128U) & 0xFFU;
    int32_t exponent = (int32_t)above - 128;
    float e = (float)exponent;
    float f = fm_float(bits - power) - 1.0F;
    float z = f * f;
    float p = (((z * f) * math_polynomial(f, terms, 9U)) - (e * LN2_LESS)) - (0.5F * z);

    return (p + f) + (e * LN2_HIGH);
}

float fm_tanh(float x)
{
    uint32_t bits = fm_float_bits(x);
    float t = fm_exp(fm_float(bits | 0x80000000U) * 2.0F);
    float y = (1.0F - t) / (1.0F + t);

    /* Minus where x is below 0. */
    return fm_float(fm_float_bits(y) | ((bits > 0x80000000U) ? 0x80000000U : 0U));
}
