/**
 * The compiler's float operations for cores without an FPU (IEEE 754 binary32, to nearest even, subnormals included; the run-time ABI for the
 * Arm architecture, section 5.1.2) in 500 bytes of code, where libgcc's take 1300. The same bits, but for NaNs, which are not told apart.
 * An image that links this file takes them from here; they are slower: firmware-bridge/README.md says by how much.
 */
#include "float.h"

#define SIGN 0x80000000U
#define INFINITE 0x7F800000U
#define NOT_A_NUMBER 0x7FFFFFFFU

/* The exponent of what is not finite. */
#define SPECIAL 255

/** Shifts right; whether anything fell off stays visible in the last bit. */
static uint32_t float_shifted(uint32_t mantissa, uint32_t by)
{
    uint32_t kept = 0U;
    uint32_t lost = mantissa;

    if (by < 32U) {
        kept = mantissa >> by;
        lost -= kept << by;
    }
    return kept | ((lost != 0U) ? 1U : 0U);
}

/** The float nearest to mantissa * 2^(exponent - 158), with the sign of `sign`: 1 is 2^31 with exponent 127. */
static uint32_t float_rounded(uint32_t sign, int32_t exponent, uint32_t mantissa)
{
    uint32_t bits = 0U;

    if (mantissa != 0U) {
        int32_t zeros = __builtin_clz(mantissa);
        uint32_t rest = mantissa << zeros;
        int32_t power = exponent - zeros;

        if (power < 1) {
            rest = float_shifted(rest, (uint32_t)(1 - power));
            power = 1;
        }
        bits = INFINITE;
        if (power < SPECIAL) {
            /* The highest bit, where there is one, adds one to the exponent. */
            bits = ((uint32_t)(power - 1) << 23U) + (rest >> 8U);
            bits += (((rest & 0xFFU) + (bits & 1U)) > 0x80U) ? 1U : 0U;
        }
    }
    return (sign & SIGN) | bits;
}

/** A float's exponent, in the upper half, and its mantissa with the highest bit set, so that the two are as above; mantissa 0 for a zero. */
static uint64_t float_parts(uint32_t bits)
{
    uint32_t mantissa = bits << 8U;
    uint32_t exponent = (bits >> 23U) & 0xFFU;

    if (exponent != 0U) {
        mantissa |= SIGN;
    } else {
        exponent = 1U;
        if (mantissa != 0U) {
            uint32_t zeros = (uint32_t)__builtin_clz(mantissa);

            mantissa <<= zeros;
            exponent -= zeros;
        }
    }
    return ((uint64_t)exponent << 32U) | mantissa;
}

static int32_t float_exponent(uint64_t parts)
{
    return (int32_t)(uint32_t)(parts >> 32U);
}

uint32_t __aeabi_fadd(uint32_t a, uint32_t b)
{
    uint32_t large = a;
    uint32_t small = b;
    uint32_t sum;
    uint64_t parts;
    uint64_t other;

    if ((a << 1U) < (b << 1U)) {
        large = b;
        small = a;
    }
    parts = float_parts(large);
    other = float_parts(small);
    if (float_exponent(parts) == SPECIAL) {
        /* Infinity, or what is no number and larger. */
        sum = ((large ^ small) == SIGN) ? NOT_A_NUMBER : large;
    } else {
        /* With a bit for the carry. */
        uint32_t shifted = float_shifted((uint32_t)other >> 1U, (uint32_t)(float_exponent(parts) - float_exponent(other)));

        sum = (uint32_t)parts >> 1U;
        if (((large ^ small) & SIGN) == 0U) {
            sum += shifted;
        } else {
            sum -= shifted;
            /* What cancels out is +0. */
            large = (sum == 0U) ? 0U : large;
        }
        sum = float_rounded(large, float_exponent(parts) + 1, sum);
    }
    return sum;
}

uint32_t __aeabi_fsub(uint32_t a, uint32_t b)
{
    return __aeabi_fadd(a, b ^ SIGN);
}

uint32_t __aeabi_frsub(uint32_t a, uint32_t b)
{
    return __aeabi_fsub(b, a);
}

uint32_t __aeabi_fmul(uint32_t a, uint32_t b)
{
    uint32_t large = a;
    uint32_t small = b;
    uint32_t product;
    uint64_t parts;
    uint64_t other;

    if ((a << 1U) < (b << 1U)) {
        large = b;
        small = a;
    }
    parts = float_parts(large);
    other = float_parts(small);
    if (float_exponent(parts) == SPECIAL) {
        product = ((uint32_t)other == 0U) ? NOT_A_NUMBER : (((a ^ b) & SIGN) | (large & NOT_A_NUMBER));
    } else {
        uint64_t exact = (uint64_t)(uint32_t)parts * (uint32_t)other;
        uint32_t lost = ((uint32_t)exact != 0U) ? 1U : 0U;

        product = float_rounded(a ^ b, (float_exponent(parts) + float_exponent(other)) - 126, (uint32_t)(exact >> 32U) | lost);
    }
    return product;
}

uint32_t __aeabi_fdiv(uint32_t a, uint32_t b)
{
    uint64_t parts = float_parts(a);
    uint64_t other = float_parts(b);
    uint32_t quotient = 0U;

    if ((float_exponent(parts) == SPECIAL) || (float_exponent(other) == SPECIAL) || ((uint32_t)other == 0U)) {
        /* Zero and infinity are the inverse of each other; of what is neither only the sign counts here. */
        quotient = __aeabi_fmul(a, ((b << 9U) == 0U) ? (b ^ INFINITE) : b);
    } else {
        uint32_t rest = (uint32_t)parts >> 1U;
        uint32_t divisor = (uint32_t)other >> 1U;
        uint32_t i;

        for (i = 0U; i < 32U; i++) {
            quotient <<= 1U;
            if (rest >= divisor) {
                rest -= divisor;
                quotient |= 1U;
            }
            rest <<= 1U;
        }
        quotient |= (rest != 0U) ? 1U : 0U;
        quotient = float_rounded(a ^ b, (float_exponent(parts) - float_exponent(other)) + 127, quotient);
    }
    return quotient;
}

uint32_t __aeabi_i2f(int32_t value)
{
    uint32_t bits = (uint32_t)value;

    return float_rounded(bits, 158, (value < 0) ? (0U - bits) : bits);
}

uint32_t __aeabi_ui2f(uint32_t value)
{
    return float_rounded(0U, 158, value);
}

int32_t __aeabi_f2iz(uint32_t bits)
{
    uint64_t parts = float_parts(bits);
    int32_t exponent = float_exponent(parts);
    uint32_t size = 0U;

    /* In C a number that is too large is nobody's. */
    if (exponent >= 127) {
        size = (uint32_t)parts >> ((uint32_t)(158 - exponent) & 31U);
    }
    return (int32_t)((bits < SIGN) ? size : (0U - size));
}
