/** Log, exit, arguments and chance through the debugger (Arm, "Semihosting for AArch32 and AArch64", IHI 0088). */
#include <stddef.h>

#include "board.h"

#define SYS_OPEN 0x01U
#define SYS_CLOSE 0x02U
#define SYS_WRITEC 0x03U
#define SYS_WRITE0 0x04U
#define SYS_READ 0x06U
#define SYS_GET_CMDLINE 0x15U
#define SYS_EXIT_EXTENDED 0x20U
#define APPLICATION_EXIT 0x20026U

#define OPEN_READ_BINARY 1U

#define LINE_BYTES 128U

static uint32_t semihost_call(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;

    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_log(const char *text)
{
    (void)semihost_call(SYS_WRITE0, text);
}

void board_log_number(uint32_t number)
{
    char text[11];
    uint32_t at = sizeof(text) - 1U;
    uint32_t left = number;

    text[at] = '\0';
    do {
        at--;
        text[at] = (char)('0' + (char)(left % 10U));
        left /= 10U;
    } while (left > 0U);
    board_log(&text[at]);
}

void board_log_bytes(fm_bytes_t text)
{
    uint32_t i;

    for (i = 0U; i < text.size; i++) {
        (void)semihost_call(SYS_WRITEC, &text.bytes[i]);
    }
}

void board_exit(int code)
{
    const uint32_t block[2] = { APPLICATION_EXIT, (uint32_t)code };

    for (;;) {
        (void)semihost_call(SYS_EXIT_EXTENDED, block);
    }
}

int board_arguments(char **arguments, int most)
{
    static char line[LINE_BYTES];
    uint32_t block[2] = { (uint32_t)(uintptr_t)line, sizeof(line) };
    int count = 0;
    char before = ' ';
    uint32_t i;

    if (semihost_call(SYS_GET_CMDLINE, block) != 0U) {
        line[0] = '\0';
    }
    for (i = 0U; line[i] != '\0'; i++) {
        char c = line[i];

        if ((c != ' ') && (before == ' ') && (count < most)) {
            arguments[count] = &line[i];
            count++;
        }
        if (c == ' ') {
            line[i] = '\0';
        }
        before = c;
    }
    return count;
}

uint32_t board_random(void)
{
    static const char name[] = "/dev/urandom";
    const uint32_t how[3] = { (uint32_t)(uintptr_t)name, OPEN_READ_BINARY, sizeof(name) - 1U };
    uint32_t file[1] = { semihost_call(SYS_OPEN, how) };
    uint32_t value = 0U;
    const uint32_t what[3] = { file[0], (uint32_t)(uintptr_t)&value, sizeof(value) };

    (void)semihost_call(SYS_READ, what);
    (void)semihost_call(SYS_CLOSE, file);
    return value;
}
