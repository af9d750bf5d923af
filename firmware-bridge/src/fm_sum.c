/** Addition of binary64 in integers: align, add, normalise, round to nearest even. */
#include "fm_sum.h"

#include "fm_bits.h"

/* A mantissa has its highest bit here: one bit is left for the carry of an addition ... */
#define TOP_BIT 62U
/* ... and ten below the 53 that binary64 keeps. */
#define SPARE_MASK 0x3FFU
#define SPARE_BITS 10U

/* Of float32 with two more bits: 2^-149 is the least number, and 2^128 too large. */
#define LEAST_EXPONENT (-151)
#define MOST_EXPONENT 102

/** Halves the mantissa and keeps the number; whether anything fell off stays visible in the last bit. */
static void sum_lift(fm_sum_t *sum)
{
    sum->mantissa = (sum->mantissa >> 1U) | (sum->mantissa & 1U);
    sum->exponent++;
}

/** Brings the highest bit of a mantissa that is not 0 to its place, or one down after a carry. */
static void sum_normalise(fm_sum_t *sum)
{
    if ((sum->mantissa >> (TOP_BIT + 1U)) != 0U) {
        sum_lift(sum);
    }
    while ((sum->mantissa != 0U) && ((sum->mantissa >> TOP_BIT) == 0U)) {
        sum->mantissa <<= 1U;
        sum->exponent--;
    }
}

/** Adds what `term` holds, which is normalised and not 0; nothing of it is of use afterwards. */
static void sum_add(fm_sum_t *sum, fm_sum_t *term)
{
    bool differ = sum->negative != term->negative;

    if (sum->mantissa == 0U) {
        sum->exponent = term->exponent;
    }
    while (sum->exponent < term->exponent) {
        sum_lift(sum);
    }
    while (term->exponent < sum->exponent) {
        sum_lift(term);
    }
    if (differ) {
        sum->mantissa -= term->mantissa;
        if ((sum->mantissa >> (TOP_BIT + 1U)) != 0U) {
            sum->mantissa = 0U - sum->mantissa;
            sum->negative = term->negative;
        }
    } else {
        sum->mantissa += term->mantissa;
    }
    sum_normalise(sum);
    /* To nearest, ties to even. */
    sum->mantissa += (SPARE_MASK >> 1U) + ((sum->mantissa >> SPARE_BITS) & 1U);
    sum->mantissa -= sum->mantissa & SPARE_MASK;
    sum_normalise(sum);
    sum->negative = sum->negative && (sum->mantissa != 0U);
}

/** Adds a float32 to this power. */
static void sum_power(fm_sum_t *sum, float value, uint32_t power)
{
    uint32_t bits = fm_float_bits(value);
    uint32_t exponent = (bits & FM_MAGNITUDE) >> 23U;
    uint32_t mantissa = bits & 0x7FFFFFU;
    fm_sum_t term = { 0 };

    if (exponent == 0U) {
        exponent = 1U;
    } else {
        mantissa |= 0x800000U;
    }
    term.mantissa = mantissa;
    term.exponent = (int32_t)exponent - 150;
    term.negative = bits > FM_MAGNITUDE;
    if (power == 2U) {
        /* 24 bits by 24. */
        term.mantissa *= mantissa;
        term.exponent *= 2;
        term.negative = false;
    }
    if (exponent == 0xFFU) {
        sum->spoiled = true;
    } else if (mantissa != 0U) {
        sum_normalise(&term);
        sum_add(sum, &term);
    } else {
        /* Nothing. */
    }
}

void fm_sum_add(fm_sum_t *sum, float value)
{
    sum_power(sum, value, 1U);
}

void fm_sum_add_square(fm_sum_t *sum, float value)
{
    sum_power(sum, value, 2U);
}

float fm_sum_float(const fm_sum_t *sum)
{
    fm_sum_t rest = *sum;
    uint32_t bits = 0U;

    /* 24 bits, the next one, and whether there is anything below; numbers below the normal ones keep fewer bits. */
    while (((rest.mantissa >> 26U) != 0U) || (rest.exponent < LEAST_EXPONENT)) {
        sum_lift(&rest);
    }
    if (rest.spoiled || (rest.exponent > MOST_EXPONENT)) {
        bits = FM_INFINITE;
    } else if (rest.mantissa != 0U) {
        uint32_t fraction = (uint32_t)rest.mantissa;
        int32_t above = rest.exponent - LEAST_EXPONENT;

        /* The highest bit of 24 adds one to the exponent. */
        bits = (fraction >> 2U) + ((uint32_t)above << 23U);
        bits += (((fraction & 2U) != 0U) && ((fraction & 5U) != 0U)) ? 1U : 0U;
    } else {
        /* Zero. */
    }
    return fm_float(bits | (rest.negative ? 0x80000000U : 0U));
}

bool fm_sum_limbs(const fm_sum_t *sum, float *limbs)
{
    bool good = (!sum->spoiled) && ((sum->mantissa == 0U) || ((sum->exponent + (int32_t)TOP_BIT) < 55));
    uint32_t k;

    for (k = 0U; good && (k < FM_LIMBS); k++) {
        /* How far the mantissa's unit lies above that of limb k, which is 2^(24 k - 64). */
        int32_t above = sum->exponent + 64 - (24 * (int32_t)k);
        uint64_t digit = sum->mantissa;
        int32_t limb;

        while ((above < 0) && (digit != 0U)) {
            digit >>= 1U;
            above++;
        }
        while (above > 0) {
            digit = (digit << 1U) & 0xFFFFFFU;
            above--;
        }
        digit &= 0xFFFFFFU;
        limb = (int32_t)digit;
        limbs[k] = (float)(sum->negative ? -limb : limb);
    }
    return good;
}
