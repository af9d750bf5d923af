/** Addition of binary64 in integers: align, add, normalise, round to nearest even. */
#include "fm_sum.h"

#include "fm_bits.h"

/* A mantissa has its highest bit here: one bit is left for the carry of an addition ... */
#define TOP_BIT 62U
/* ... and so many below the 53 that binary64 keeps. */
#define SPARE_BITS 10U

#define SPARE_MASK 0x3FFU
#define SPARE_HALF 0x200U
#define LEAST_KEPT 0x400U

void fm_sum_begin(fm_sum_t *sum)
{
    sum->mantissa = 0U;
    sum->exponent = 0;
    sum->negative = false;
    sum->spoiled = false;
}

/** Brings the mantissa's highest bit to its place. Zero stays. */
static void sum_normalise(fm_sum_t *sum)
{
    while ((sum->mantissa != 0U) && ((sum->mantissa >> TOP_BIT) == 0U)) {
        sum->mantissa <<= 1U;
        sum->exponent--;
    }
}

/** Shifts right; whether anything fell off stays visible in the last bit. */
static uint64_t sum_shifted(uint64_t mantissa, uint32_t by)
{
    uint64_t out = (mantissa == 0U) ? 0U : 1U;

    if (by <= TOP_BIT) {
        uint64_t kept = mantissa >> by;

        out = ((kept << by) == mantissa) ? kept : (kept | 1U);
    }
    return out;
}

static void sum_carry(fm_sum_t *sum)
{
    if ((sum->mantissa >> (TOP_BIT + 1U)) != 0U) {
        sum->mantissa = sum_shifted(sum->mantissa, 1U);
        sum->exponent++;
    }
}

static void sum_round(fm_sum_t *sum)
{
    uint64_t spare = sum->mantissa & SPARE_MASK;
    bool odd = (sum->mantissa & LEAST_KEPT) != 0U;

    sum->mantissa -= spare;
    if ((spare > SPARE_HALF) || ((spare == SPARE_HALF) && odd)) {
        sum->mantissa += LEAST_KEPT;
    }
    sum_carry(sum);
}

/** Whether `a` is larger in size than `b`; both normalised. */
static bool sum_larger(const fm_sum_t *a, const fm_sum_t *b)
{
    return (a->exponent > b->exponent) || ((a->exponent == b->exponent) && (a->mantissa > b->mantissa));
}

/** Adds what `term` holds, which is normalised and not 0. */
static void sum_term(fm_sum_t *sum, const fm_sum_t *term)
{
    if (sum->mantissa == 0U) {
        sum->mantissa = term->mantissa;
        sum->exponent = term->exponent;
        sum->negative = term->negative;
    } else {
        bool swap = sum_larger(term, sum);
        fm_sum_t small = swap ? *sum : *term;
        bool same = sum->negative == term->negative;
        uint64_t aligned;

        if (swap) {
            sum->mantissa = term->mantissa;
            sum->exponent = term->exponent;
            sum->negative = term->negative;
        }
        aligned = sum_shifted(small.mantissa, (uint32_t)(sum->exponent - small.exponent));
        sum->mantissa = same ? (sum->mantissa + aligned) : (sum->mantissa - aligned);
        sum_carry(sum);
        sum_normalise(sum);
        sum_round(sum);
        sum->negative = sum->negative && (sum->mantissa != 0U);
    }
}

/** A finite float32, not normalised. */
static void sum_of_float(fm_sum_t *term, float value)
{
    uint32_t bits = fm_float_bits(value);
    uint32_t exponent = (bits & FM_MAGNITUDE) >> 23U;
    uint32_t fraction = bits & 0x7FFFFFU;

    term->mantissa = (exponent == 0U) ? fraction : (fraction | 0x800000U);
    term->exponent = ((exponent == 0U) ? 1 : (int32_t)exponent) - 150;
    term->negative = (bits >> 31U) != 0U;
    term->spoiled = exponent == 0xFFU;
}

static void sum_add(fm_sum_t *sum, fm_sum_t *term)
{
    sum->spoiled = sum->spoiled || term->spoiled;
    sum_normalise(term);
    if (term->mantissa != 0U) {
        sum_term(sum, term);
    }
}

void fm_sum_add(fm_sum_t *sum, float value)
{
    fm_sum_t term;

    sum_of_float(&term, value);
    sum_add(sum, &term);
}

void fm_sum_add_square(fm_sum_t *sum, float value)
{
    fm_sum_t term;

    sum_of_float(&term, value);
    /* 24 bits by 24. */
    term.mantissa *= term.mantissa;
    term.exponent *= 2;
    term.negative = false;
    sum_add(sum, &term);
}

float fm_sum_float(const fm_sum_t *sum)
{
    /* The exponent of the highest bit, as float32 has it. */
    int32_t exponent = sum->exponent + (int32_t)TOP_BIT + 127;
    uint32_t bits = 0U;

    if (sum->spoiled || (exponent > 254)) {
        bits = FM_INFINITE;
    } else if (sum->mantissa != 0U) {
        /* Numbers below the normal ones keep fewer bits. */
        uint32_t subnormal = (exponent < 1) ? (uint32_t)(1 - exponent) : 0U;
        /* 24 bits, the next one, and whether there is anything below. */
        uint32_t fraction = (uint32_t)sum_shifted(sum->mantissa, (TOP_BIT - 25U) + subnormal);
        bool up = ((fraction & 2U) != 0U) && ((fraction & 5U) != 0U);

        bits = (fraction >> 2U) + (up ? 1U : 0U);
        bits += (subnormal > 0U) ? 0U : ((uint32_t)(exponent - 1) << 23U);
    } else {
        /* Zero. */
    }
    return fm_float(bits | (sum->negative ? 0x80000000U : 0U));
}

bool fm_sum_limbs(const fm_sum_t *sum, float *limbs)
{
    bool good = (!sum->spoiled) && ((sum->mantissa == 0U) || ((sum->exponent + (int32_t)TOP_BIT) < 55));
    uint32_t k;

    for (k = 0U; good && (k < FM_LIMBS); k++) {
        /* How far the mantissa's unit lies below that of limb k, which is 2^(24 k - 64). */
        int32_t below = (24 * (int32_t)k) - 64 - sum->exponent;
        uint64_t digit = 0U;

        if ((below >= 0) && (below <= (int32_t)TOP_BIT)) {
            digit = sum->mantissa >> (uint32_t)below;
        } else if ((below < 0) && (below > -24)) {
            digit = sum->mantissa << (uint32_t)(-below);
        } else {
            /* Nothing of it falls into this limb. */
        }
        limbs[k] = (float)(uint32_t)(digit & 0xFFFFFFU);
        if (sum->negative && ((digit & 0xFFFFFFU) != 0U)) {
            limbs[k] = -limbs[k];
        }
    }
    return good;
}
