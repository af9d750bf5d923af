/** The port: UART, clock and chance as the library wants them. */
#include "board.h"

#include "clock.h"
#include "uart.h"

void board_begin(void)
{
    clock_begin();
    uart_begin();
}

void board_wait(void)
{
    __asm volatile("wfi");
}

/* A UART has no other end to call, and none that says it is gone: opening always succeeds, and silence tells. */
static fm_result_t port_open(void *context)
{
    (void)context;
    return FM_OK;
}

static int32_t port_read(void *context, uint8_t *bytes, uint32_t size)
{
    (void)context;
    return uart_read(bytes, size);
}

static int32_t port_write(void *context, const uint8_t *bytes, uint32_t size)
{
    (void)context;
    return uart_write(bytes, size);
}

static void port_reset(void *context)
{
    (void)context;
    uart_reset();
}

static uint32_t port_now_ms(void *context)
{
    (void)context;
    return board_now_ms();
}

static uint32_t port_random(void *context)
{
    (void)context;
    return board_random();
}

const fm_port_t board_port = { 0, port_open, port_read, port_write, port_reset, port_now_ms, port_random };
