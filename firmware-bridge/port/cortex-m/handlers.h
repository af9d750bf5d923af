/** What the vector table names. */
#ifndef HANDLERS_H
#define HANDLERS_H

/** SysTick. */
void clock_tick(void);

/** Interrupt 0 of the MPS2 boards: UART 0 has received a byte. */
void uart_received(void);

#endif
