/** Counts instructions, as bench.c does: what a block of 64 bytes takes SHA-256. */
#include <stdint.h>

#include "board.h"
#include "fm_sha256.h"

#define BLOCKS 16U
#define BLOCK_BYTES 64U

/* CMSDK timer 0, which counts down at 25 MHz: 40 instructions a tick. */
#define TIMER_CTRL (*(volatile uint32_t *)0x40000000U)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004U)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008U)
#define INSTRUCTIONS_PER_TICK 40U

static uint8_t bytes[BLOCKS * BLOCK_BYTES];
static fm_sha256_t sha;

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fm_sha256_begin(&sha);
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CTRL = 1U;
    fm_sha256_add(&sha, bytes, sizeof(bytes));
    board_log_number(((UINT32_MAX - TIMER_VALUE) / BLOCKS) * INSTRUCTIONS_PER_TICK);
    board_log("\n");
    return 0;
}
