/** What the README's examples call a board: here, a process with a socket, and samples that the test compiles in. */
#ifndef BOARD_H
#define BOARD_H

#include <fedmote.h>

/* ROWS is the test's to say. */
#define FEATURES 6U
#define CLASSES 3U

extern const float readings[ROWS][FEATURES + 1U];

fm_result_t link_open(void *context);
int32_t link_read(void *context, uint8_t *bytes, uint32_t size);
int32_t link_write(void *context, const uint8_t *bytes, uint32_t size);
void link_reset(void *context);
uint32_t tick_ms(void *context);
uint32_t entropy(void *context);

void sleep_until_byte_or_ms(uint32_t ms);
void show(const float *outputs, uint32_t count);

/** Host and port of the broker, and both as Paho has them. */
const char *broker_url(void);

#endif
