/** Can be preprocessed only where there is the mbedTLS that tls.c is written for. */
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR != 2 || MBEDTLS_VERSION_MINOR < 28
#error "mbedTLS 2.28 is wanted"
#endif
