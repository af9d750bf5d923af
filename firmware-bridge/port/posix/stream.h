/** A byte stream over TCP, a clock and a little chance, for the library on POSIX systems. */
#ifndef FM_POSIX_STREAM_H
#define FM_POSIX_STREAM_H

#include "fedmote.h"

typedef struct {
    const char *host;
    const char *port;
    /** The socket; below 0: none. */
    int socket;
    /** Whether the connection is made. */
    bool connected;
} fm_posix_stream_t;

/** Fills in a port over this stream. Host and port are borrowed. */
void fm_posix_port(fm_posix_stream_t *stream, const char *host, const char *port, fm_port_t *out);

/** Waits until there are bytes to read, at most so long. */
void fm_posix_wait(const fm_posix_stream_t *stream, int timeoutMs);

#endif
