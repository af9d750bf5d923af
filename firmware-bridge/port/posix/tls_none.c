/** In a build without mbedTLS there is no TLS, and nothing that would pass for it. */
#include <stdio.h>

#include "tls.h"

fm_tls_t *fm_tls_new(fm_tls_below_t *below, const char *host, const fm_tls_files_t *files, char *problem,
                     size_t problemSize)
{
    (void)below;
    (void)host;
    (void)files;
    (void)snprintf(problem, problemSize,
                   "mqtts:// needs mbedTLS 2.28 (Debian's libmbedtls-dev), and this program was built without it");
    return NULL;
}

fm_result_t fm_tls_open(fm_tls_t *tls)
{
    (void)tls;
    return FM_CLOSED;
}

int32_t fm_tls_read(fm_tls_t *tls, uint8_t *bytes, uint32_t size)
{
    (void)tls;
    (void)bytes;
    (void)size;
    return -1;
}

int32_t fm_tls_write(fm_tls_t *tls, const uint8_t *bytes, uint32_t size)
{
    (void)tls;
    (void)bytes;
    (void)size;
    return -1;
}

bool fm_tls_pending(const fm_tls_t *tls)
{
    (void)tls;
    return false;
}

void fm_tls_reset(fm_tls_t *tls)
{
    (void)tls;
}

const char *fm_tls_problem(fm_tls_t *tls)
{
    (void)tls;
    return NULL;
}

void fm_tls_free(fm_tls_t *tls)
{
    (void)tls;
}
