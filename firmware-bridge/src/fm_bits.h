/** Numbers as bytes, and floats as their bits: the same on every machine, whatever its byte order. */
#ifndef FM_BITS_H
#define FM_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/** Bits of the smallest float32 that is not finite. */
#define FM_INFINITE 0x7F800000U

/** All bits of a float32 but its sign. */
#define FM_MAGNITUDE 0x7FFFFFFFU

/** A float seen as its bits: the only object that is written as one type and read as another. */
/* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.1 */
typedef union {
    uint32_t bits;
    float value;
} fm_pun_t;

/** The bits of an IEEE 754 binary32. */
static inline uint32_t fm_float_bits(float value)
{
    /* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.1 */
    fm_pun_t pun;

    pun.value = value;
    return pun.bits;
}

/** The binary32 with these bits. */
static inline float fm_float(uint32_t bits)
{
    /* cppcheck-suppress misra-c2012-19.2 ; MISRA Ref 19.2.1 */
    fm_pun_t pun;

    pun.bits = bits;
    return pun.value;
}

/** Whether a number is above 0. Cheaper than a comparison where floats are done in software; no NaN is. */
static inline bool fm_is_above_zero(float value)
{
    return (fm_float_bits(value) - 1U) < FM_INFINITE;
}

/** Numbers that have the order of floats (-0 before +0). */
static inline uint32_t fm_order(float value)
{
    uint32_t bits = fm_float_bits(value);

    return (bits > FM_MAGNITUDE) ? ~bits : (bits | 0x80000000U);
}

/** Whether a number is finite. */
static inline bool fm_is_finite(float value)
{
    return (fm_float_bits(value) & FM_MAGNITUDE) < FM_INFINITE;
}

/* Little-endian, as the protocol has its numbers. Where the machine is, a number is copied as it lies in memory: a load or a store. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__) && (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

static inline uint32_t fm_get_le32(const uint8_t *bytes)
{
    uint32_t value;

    (void)memcpy((uint8_t *)&value, bytes, sizeof(value));
    return value;
}

static inline void fm_put_le32(uint8_t *bytes, uint32_t value)
{
    (void)memcpy(bytes, (const uint8_t *)&value, sizeof(value));
}

/** Turns little-endian floats in memory into this machine's: they are. */
static inline void fm_from_le(float *floats, uint32_t count)
{
    (void)floats;
    (void)count;
}

#else

static inline uint32_t fm_get_le32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | ((uint32_t)bytes[1] << 8U) | ((uint32_t)bytes[2] << 16U) | ((uint32_t)bytes[3] << 24U);
}

static inline void fm_put_le32(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8U);
    bytes[2] = (uint8_t)(value >> 16U);
    bytes[3] = (uint8_t)(value >> 24U);
}

static inline void fm_from_le(float *floats, uint32_t count)
{
    const uint8_t *bytes = (const uint8_t *)floats;
    uint32_t i;

    for (i = 0U; i < count; i++) {
        floats[i] = fm_float(fm_get_le32(&bytes[4U * i]));
    }
}

#endif

/** Big-endian, as SHA-256 has its words. */
static inline uint32_t fm_get_be32(const uint8_t *bytes)
{
    return ((uint32_t)bytes[0] << 24U) | ((uint32_t)bytes[1] << 16U) | ((uint32_t)bytes[2] << 8U) | (uint32_t)bytes[3];
}

static inline void fm_put_be32(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 24U);
    bytes[1] = (uint8_t)(value >> 16U);
    bytes[2] = (uint8_t)(value >> 8U);
    bytes[3] = (uint8_t)value;
}

#endif
