/** Operations that compilers call where there is no FPU; floats are their bits (run-time ABI for the Arm architecture, section 5.1.2). */
#ifndef FLOAT_H
#define FLOAT_H

#include <stdint.h>

uint32_t __aeabi_fadd(uint32_t a, uint32_t b);
uint32_t __aeabi_fsub(uint32_t a, uint32_t b);
/** b - a. */
uint32_t __aeabi_frsub(uint32_t a, uint32_t b);
uint32_t __aeabi_fmul(uint32_t a, uint32_t b);
uint32_t __aeabi_fdiv(uint32_t a, uint32_t b);

/** From a whole number, and to one, towards 0. */
uint32_t __aeabi_i2f(int32_t value);
uint32_t __aeabi_ui2f(uint32_t value);
int32_t __aeabi_f2iz(uint32_t bits);

#endif
