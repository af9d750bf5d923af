/** UART 0 as a byte stream; nothing here waits. */
#ifndef UART_H
#define UART_H

#include <stdint.h>

void uart_begin(void);

/** Bytes that have come, at most `size`; returns how many. */
int32_t uart_read(uint8_t *bytes, uint32_t size);

/** Returns how many of `size` bytes it has taken. */
int32_t uart_write(const uint8_t *bytes, uint32_t size);

/** Forgets what has come. */
void uart_reset(void);

#endif
