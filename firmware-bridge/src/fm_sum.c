/** Addition of binary64 in integers: align, add, normalise, round to nearest even. */
#include "fm_sum.h"

#include "fm_bits.h"

/* A mantissa has its highest bit here: one bit is left for the carry of an addition ... */
#define TOP_BIT 62U
/* ... and ten below the 53 that binary64 keeps. */
#define SPARE_MASK 0x3FFU
#define SPARE_BITS 10U

/** Shifts right; whether anything fell off stays visible in the last bit. Bit by bit: it is not much, and little code. */
static uint64_t sum_shifted(uint64_t mantissa, uint32_t by)
{
    uint64_t kept = mantissa;
    uint64_t lost = 0U;
    uint32_t i;

    for (i = 0U; (i < by) && (kept != 0U); i++) {
        lost |= kept & 1U;
        kept >>= 1U;
    }
    return kept | lost;
}

/** Brings the highest bit of a mantissa that is not 0 to its place, or one down after a carry. */
static void sum_normalise(fm_sum_t *sum)
{
    if ((sum->mantissa >> (TOP_BIT + 1U)) != 0U) {
        sum->mantissa = sum_shifted(sum->mantissa, 1U);
        sum->exponent++;
    }
    while ((sum->mantissa != 0U) && ((sum->mantissa >> TOP_BIT) == 0U)) {
        sum->mantissa <<= 1U;
        sum->exponent--;
    }
}

/** Adds what `term` holds, which is normalised and not 0; nothing of it is of use afterwards. */
static void sum_add(fm_sum_t *sum, fm_sum_t *term)
{
    fm_sum_t *large = sum;
    fm_sum_t *small = term;
    uint64_t mantissa;
    int32_t apart;

    if ((sum->mantissa == 0U) || (term->exponent > sum->exponent) ||
        ((term->exponent == sum->exponent) && (term->mantissa > sum->mantissa))) {
        large = term;
        small = sum;
    }
    apart = large->exponent - small->exponent;
    mantissa = sum_shifted(small->mantissa, (uint32_t)apart);
    if (large->negative != small->negative) {
        mantissa = 0U - mantissa;
    }
    mantissa += large->mantissa;
    *sum = *large;
    sum->mantissa = mantissa;
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
    fm_sum_t term = { bits & 0x7FFFFFU, -149, bits > FM_MAGNITUDE, exponent == 0xFFU };

    if (exponent > 0U) {
        term.mantissa |= 0x800000U;
        term.exponent = (int32_t)exponent - 150;
    }
    if (power == 2U) {
        /* 24 bits by 24. */
        term.mantissa *= term.mantissa;
        term.exponent *= 2;
        term.negative = false;
    }
    sum->spoiled = sum->spoiled || term.spoiled;
    if ((term.mantissa != 0U) && (!sum->spoiled)) {
        sum_normalise(&term);
        sum_add(sum, &term);
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
    /* The exponent of the highest bit, as float32 has it. */
    int32_t exponent = sum->exponent + (int32_t)TOP_BIT + 127;
    uint32_t bits = 0U;

    if (sum->spoiled || (exponent > 254)) {
        bits = FM_INFINITE;
    } else if (sum->mantissa != 0U) {
        /* Numbers below the normal ones keep fewer bits. */
        int32_t below = 1 - exponent;
        uint32_t subnormal = (below > 0) ? (uint32_t)below : 0U;
        /* 24 bits, the next one, and whether there is anything below. */
        uint32_t fraction = (uint32_t)sum_shifted(sum->mantissa, (TOP_BIT - 25U) + subnormal);
        bool up = ((fraction & 2U) != 0U) && ((fraction & 5U) != 0U);

        bits = (fraction >> 2U) + (up ? 1U : 0U);
        bits += (subnormal > 0U) ? 0U : (((uint32_t)exponent - 1U) << 23U);
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
