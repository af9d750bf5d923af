/** What the README's example of modules calls: here, flash in memory, OpenSSL, and Paho's client. */
#ifndef MODULES_H
#define MODULES_H

#include <ed25519.h>
#include <fedmote_module.h>

extern const uint8_t operator_key[FM_PUBLIC_KEY_BYTES];

fm_result_t flash_read(void *context, uint32_t at, uint8_t *bytes, uint32_t size);
fm_result_t flash_program(void *context, uint32_t at, const uint8_t *bytes, uint32_t size);
fm_result_t flash_erase(void *context, uint32_t at);

void subscribe(const char *topic);
/** An empty topic: none. */
void unsubscribe(const char *topic);

void start_module(uint32_t address, uint32_t bytes);
void stop_module(void);

/* The example's own. */
bool modules_begin(void);
void modules_want(uint32_t sequence);
bool modules_poll(void);
void modules_message(fm_bytes_t topic, fm_bytes_t payload);

#endif
