/**
 * TLS 1.2 over a byte stream, by mbedTLS 2.28. The broker's certificate must come from the given authority, be valid now and name the host:
 * there is no way around that. A program that is built without mbedTLS has no TLS, and says so.
 */
#ifndef FM_POSIX_TLS_H
#define FM_POSIX_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fedmote.h"

/** Files in PEM form. */
typedef struct {
    /** Certificates of the authorities that may vouch for the broker. */
    const char *authority;
    /** This client's own certificate and its key; both NULL: none. */
    const char *certificate;
    const char *key;
} fm_tls_files_t;

/** The byte stream below, with the meaning that fm_port_t gives to `read` and `write`. */
typedef struct {
    void *context;
    int32_t (*read)(void *context, uint8_t *bytes, uint32_t size);
    int32_t (*write)(void *context, const uint8_t *bytes, uint32_t size);
} fm_tls_below_t;

typedef struct fm_tls fm_tls_t;

/**
 * Reads the files. `host`: the name, or the IP address, that the broker's certificate must have; borrowed, as is `below`.
 * NULL, with what is wrong in `problem`, where there is no TLS to be had.
 */
fm_tls_t *fm_tls_new(fm_tls_below_t *below, const char *host, const fm_tls_files_t *files, char *problem,
                     size_t problemSize);

/** Goes on with the handshake, over a stream that is there. FM_OK: done. FM_AGAIN: not yet. Else see fm_tls_problem(). */
fm_result_t fm_tls_open(fm_tls_t *tls);

/** As the functions of fm_port_t. */
int32_t fm_tls_read(fm_tls_t *tls, uint8_t *bytes, uint32_t size);
int32_t fm_tls_write(fm_tls_t *tls, const uint8_t *bytes, uint32_t size);

/** Whether there are bytes to read although the stream below may have none. */
bool fm_tls_pending(const fm_tls_t *tls);

/** Ends the connection; the stream below may still be there to say so. */
void fm_tls_reset(fm_tls_t *tls);

/** Why a handshake came to nothing since this was asked last; NULL where none did, or only the stream below ended. */
const char *fm_tls_problem(fm_tls_t *tls);

void fm_tls_free(fm_tls_t *tls);

#endif
