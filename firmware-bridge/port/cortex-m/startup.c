/** From reset to main(), for Cortex-M3 and M4: the vector table, memory, the FPU. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "handlers.h"

#define MOST_ARGUMENTS 8

/* Coprocessor access control: full access to the FPU, which is off after reset. */
#define CPACR (*(volatile uint32_t *)0xE000ED88U)
#define CPACR_FPU (0xFU << 20U)

#define CODE_FAULT 70

/* What the stack is filled with, to see later how deep it was. */
#define PAINT 0xA5U

/* From the linker script. */
extern uint8_t stack_begin[];
extern uint8_t stack_end[];
extern uint8_t stack_top[];
extern uint8_t data_image[];
extern uint8_t data_begin[];
extern uint8_t data_end[];
extern uint8_t bss_begin[];
extern uint8_t bss_end[];

int main(int argc, char **argv);

/* Of a C library with files (newlib's rdimon), in images that are linked with one. */
__attribute__((weak)) void initialise_monitor_handles(void);
__attribute__((weak)) void exit(int code);

void reset(void);

/* Inside reset(): what is below this function's own frame is not in use yet. */
static void paint_stack(void)
{
    volatile uint8_t *end = __builtin_frame_address(0);
    volatile uint8_t *at;

    for (at = stack_begin; (at < stack_end) && (at < (end - 64)); at++) {
        *at = PAINT;
    }
}

uint32_t board_stack_used(void)
{
    const uint8_t *at = stack_begin;

    while ((at < stack_end) && (*at == PAINT)) {
        at++;
    }
    return (uint32_t)(stack_end - at);
}

void reset(void)
{
    char *arguments[MOST_ARGUMENTS];
    int code;

#if defined(__ARM_FP)
    CPACR |= CPACR_FPU;
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    paint_stack();
    (void)memcpy(data_begin, data_image, (uint32_t)(data_end - data_begin));
    (void)memset(bss_begin, 0, (uint32_t)(bss_end - bss_begin));
    if (initialise_monitor_handles != NULL) {
        initialise_monitor_handles();
    }
    code = main(board_arguments(arguments, MOST_ARGUMENTS), arguments);
    if (exit != NULL) {
        exit(code);
    }
    board_exit(code);
}

static void fault(void)
{
    board_log("fault\n");
    board_exit(CODE_FAULT);
}

typedef void (*handler_t)(void);

/* The first 16 are the processor's, the rest the board's interrupts. */
__attribute__((section(".vectors"), used)) static const handler_t vectors[18] = {
    [0] = (handler_t)(uintptr_t)stack_top, /* not a handler: the first stack pointer */
    [1] = reset,
    [2] = fault,
    [3] = fault,
    [4] = fault,
    [5] = fault,
    [6] = fault,
    [11] = fault,
    [14] = fault,
    [15] = clock_tick,
    [16] = uart_received,
    [17] = fault,
};
