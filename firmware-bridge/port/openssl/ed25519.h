/** Ed25519 (RFC 8032) by OpenSSL's libcrypto, whose rules for signatures are those of Node. */
#ifndef ED25519_H
#define ED25519_H

#include <stdbool.h>
#include <stdint.h>

/** As fm_module_options_t's `verify`. */
bool ed25519_verify(void *context, const uint8_t *key, const uint8_t *message, uint32_t size, const uint8_t *signature);

#endif
