/**
 * What the MPS2 boards have that this port uses: a UART as the byte stream to the broker, SysTick as the clock, the
 * debugger (or QEMU in its place) for the log and the end. A port to another Cortex-M changes the UART.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#include "fedmote.h"

/** UART, clock and chance, to be begun with board_begin(). */
extern const fm_port_t board_port;

/** Starts the clock and the UART. */
void board_begin(void);

/** Sleeps until a byte comes or the clock ticks. */
void board_wait(void);

/** Milliseconds since board_begin(), in steps of BOARD_TICK_MS. */
uint32_t board_now_ms(void);
#define BOARD_TICK_MS 10U

/** Bytes of the stack that have been in use, interrupts and the firmware's own functions included. */
uint32_t board_stack_used(void);

/** Text to whoever watches, through the debugger (ARM semihosting). */
void board_log(const char *text);
void board_log_number(uint32_t number);
void board_log_bytes(fm_bytes_t text);

/** 32 bits that differ from one start to the next: the host's, through the debugger. A board of one's own has a random number generator. */
uint32_t board_random(void);

/** Ends the program. To QEMU `code` is its exit code. */
void board_exit(int code) __attribute__((noreturn));

/** Arguments that QEMU was given for the program (-semihosting-config arg=...), at most `most`. Returns how many there are. */
int board_arguments(char **arguments, int most);

#endif
