/** Milliseconds from SysTick, which counts the processor's clock down. */
#include "board.h"
#include "clock.h"
#include "handlers.h"

#define CLOCK_HZ 25000000U

#define SYST_CSR (*(volatile uint32_t *)0xE000E010U)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014U)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018U)
/* Processor clock, interrupt, on. */
#define SYST_CSR_ON 7U

static volatile uint32_t now;

void clock_begin(void)
{
    SYST_RVR = ((CLOCK_HZ / 1000U) * BOARD_TICK_MS) - 1U;
    SYST_CVR = 0U;
    SYST_CSR = SYST_CSR_ON;
}

void clock_tick(void)
{
    now += BOARD_TICK_MS;
}

uint32_t board_now_ms(void)
{
    return now;
}
