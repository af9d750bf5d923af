/** The command line of `fedmote-c-device`. */
#ifndef FM_POSIX_ARGUMENTS_H
#define FM_POSIX_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/** Where a broker is: "mqtt://HOST:PORT", "mqtts://HOST:PORT" or "HOST:PORT", taken apart. */
typedef struct {
    char text[256];
    const char *host;
    const char *port;
    bool secure;
} broker_t;

/** Each option's value as it was given; NULL: it was not. */
typedef struct {
    const char *broker;
    const char *fleet;
    const char *id;
    const char *data;
    const char *label;
    const char *split;
    const char *classes;
    const char *packet;
    const char *memory;
    const char *keepAlive;
    const char *ca;
    const char *cert;
    const char *key;
    const char *user;
    const char *password;
    const char *logLevel;
} arguments_t;

/** Reads the command line. False, after a word on stderr, where something is unknown, missing, or does not go together. */
bool arguments_read(arguments_t *arguments, broker_t *broker, int argc, char **argv);

/** A number, or another one where there is none. */
uint32_t arguments_whole(const char *text, uint32_t otherwise);

#endif
