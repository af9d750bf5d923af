/** The Cortex-M port's float operations, against those of the machine that this runs on, which are IEEE 754's too. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "float.h"

static uint32_t passed;
static uint32_t failed;

static float number(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/** The bits of a float; NaNs are not told apart. */
static uint32_t settled(uint32_t bits)
{
    return ((bits << 1U) > 0xFF000000U) ? 0x7FC00000U : bits;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return settled(bits);
}

static void expect(const char *what, uint32_t a, uint32_t b, uint32_t got, uint32_t wanted)
{
    if (got == wanted) {
        passed++;
        return;
    }
    failed++;
    if (failed < 20U) {
        printf("%s of %08x and %08x: %08x, not %08x\n", what, (unsigned)a, (unsigned)b, (unsigned)got, (unsigned)wanted);
    }
}

/** xorshift64 (Marsaglia 2003). */
static uint32_t chance(void)
{
    static uint64_t state = 88172645463325252U;

    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    return (uint32_t)(state >> 16U);
}

/** Bits of a float: zeros, infinities, NaNs, subnormal ones, neighbours in size and ones with few digits come often. */
static uint32_t pick(void)
{
    uint32_t bits = chance();

    switch (chance() % 8U) {
    case 0U:
        return bits & 0x80000000U;
    case 1U:
        return (bits & 0x80000000U) | 0x7F800000U;
    case 2U:
        return bits & 0x8000FFFFU;
    case 3U:
        return bits & 0x807FFFFFU;
    case 4U:
        return (bits & 0x807FFFFFU) | ((112U + (chance() % 30U)) << 23U);
    case 5U:
        return bits & 0xFFFF0000U;
    default:
        return bits;
    }
}

static void compare(uint32_t a, uint32_t b)
{
    float whole = number(a);
    int32_t integer = (int32_t)b;

    expect("sum", a, b, settled(__aeabi_fadd(a, b)), bits_of(number(a) + number(b)));
    expect("difference", a, b, settled(__aeabi_fsub(a, b)), bits_of(number(a) - number(b)));
    expect("difference, the other way", a, b, settled(__aeabi_frsub(a, b)), bits_of(number(b) - number(a)));
    expect("product", a, b, settled(__aeabi_fmul(a, b)), bits_of(number(a) * number(b)));
    expect("quotient", a, b, settled(__aeabi_fdiv(a, b)), bits_of(number(a) / number(b)));
    expect("float", b, 0U, __aeabi_i2f(integer), bits_of((float)integer));
    expect("float, unsigned", b, 0U, __aeabi_ui2f(b), bits_of((float)b));
    if ((whole > -2147483648.0F) && (whole < 2147483648.0F)) {
        expect("whole part", a, 0U, (uint32_t)__aeabi_f2iz(a), (uint32_t)(int32_t)whole);
    }
}

int main(void)
{
    for (uint32_t i = 0U; i < 1000000U; i++) {
        uint32_t a = pick();

        compare(a, pick());
        /* Its neighbours, of either sign: what cancels out. */
        compare(a, a ^ (chance() & 0x80000007U));
    }
    printf("%u passed, %u failed\n", (unsigned)passed, (unsigned)failed);
    return (failed == 0U) ? 0 : 1;
}
