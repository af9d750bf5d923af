/** The byte stream: UART 0 of the MPS2 boards (Arm CMSDK APB UART). What it receives waits in a ring. */
#include "uart.h"

#include <stdbool.h>
#include <stddef.h>

#include "board.h"
#include "handlers.h"

#define CLOCK_HZ 25000000U
#define BAUD 115200U

#define UART_DATA (*(volatile uint32_t *)0x40004000U)
#define UART_STATE (*(volatile uint32_t *)0x40004004U)
#define UART_CTRL (*(volatile uint32_t *)0x40004008U)
#define UART_INTCLEAR (*(volatile uint32_t *)0x4000400CU)
#define UART_BAUDDIV (*(volatile uint32_t *)0x40004010U)

#define STATE_TX_FULL 1U
#define STATE_RX_FULL 2U
/* Transmit, receive, interrupt when a byte has been received. */
#define CTRL_ON 0xBU
#define INT_RX 2U

/* Interrupt 0 of the nested vectored interrupt controller: on. */
#define NVIC_ISER0 (*(volatile uint32_t *)0xE000E100U)

/* A power of two. */
#define RING_BYTES 256U

static uint8_t ring[RING_BYTES];
/* Counted without end; their difference is what is in the ring. */
static volatile uint32_t given;
static volatile uint32_t taken;

void uart_begin(void)
{
    UART_BAUDDIV = CLOCK_HZ / BAUD;
    UART_CTRL = CTRL_ON;
    NVIC_ISER0 = 1U;
}

/**
 * Moves what has come into the ring, while there is room. What has no room stays in the UART: a UART with
 * flow control, as QEMU's, then keeps the sender waiting; one without loses it, and the connection with it.
 */
static void uart_collect(void)
{
    while (((UART_STATE & STATE_RX_FULL) != 0U) && ((given - taken) < RING_BYTES)) {
        ring[given % RING_BYTES] = (uint8_t)UART_DATA;
        given++;
    }
}

void uart_received(void)
{
    UART_INTCLEAR = INT_RX;
    uart_collect();
}

int32_t uart_read(uint8_t *bytes, uint32_t size)
{
    uint32_t count = 0U;

    while ((count < size) && (given != taken)) {
        bytes[count] = ring[taken % RING_BYTES];
        taken++;
        count++;
        if (given == taken) {
            /* A byte that came while the ring was full has made its interrupt already. */
            __asm volatile("cpsid i" ::: "memory");
            uart_collect();
            __asm volatile("cpsie i" ::: "memory");
        }
    }
    return (int32_t)count;
}

int32_t uart_write(const uint8_t *bytes, uint32_t size)
{
    uint32_t count = 0U;

    while ((count < size) && ((UART_STATE & STATE_TX_FULL) == 0U)) {
        UART_DATA = bytes[count];
        count++;
    }
    return (int32_t)count;
}

void uart_reset(void)
{
    taken = given;
    __asm volatile("cpsid i" ::: "memory");
    uart_collect();
    __asm volatile("cpsie i" ::: "memory");
    taken = given;
}
