/** A byte stream over TCP, or TLS over that, a clock and a little chance, for the library on POSIX systems. */
#ifndef FM_POSIX_STREAM_H
#define FM_POSIX_STREAM_H

#include "fedmote.h"
#include "tls.h"

typedef struct {
    const char *host;
    const char *port;
    /** The socket; below 0: none. */
    int socket;
    /** Whether the connection is made. */
    bool connected;
    /** TLS over the connection; NULL: none. */
    fm_tls_t *tls;
    fm_tls_below_t below;
    /** Whether its handshake is over, and whether it ever was. */
    bool secured;
    bool everSecured;
} fm_posix_stream_t;

/** Fills in a port over this stream, without TLS. Host and port are borrowed. */
void fm_posix_port(fm_posix_stream_t *stream, const char *host, const char *port, fm_port_t *out);

/** Puts TLS over a stream that is not yet open. False, with what is wrong in `problem`, where that cannot be done. */
bool fm_posix_secure(fm_posix_stream_t *stream, const fm_tls_files_t *files, char *problem, size_t problemSize);

/** Why TLS came to nothing since this was asked last; NULL: it did not. */
const char *fm_posix_problem(fm_posix_stream_t *stream);

/** Frees what TLS took. */
void fm_posix_free(fm_posix_stream_t *stream);

/** Waits until there are bytes to read, at most so long. */
void fm_posix_wait(const fm_posix_stream_t *stream, int timeoutMs);

#endif
