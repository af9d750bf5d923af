#include "ed25519.h"

#include <openssl/evp.h>

bool ed25519_verify(void *context, const uint8_t *key, const uint8_t *message, uint32_t size, const uint8_t *signature)
{
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32U);
    EVP_MD_CTX *work = EVP_MD_CTX_new();
    bool good = (public != NULL) && (work != NULL) && (EVP_DigestVerifyInit(work, NULL, NULL, NULL, public) == 1) &&
                (EVP_DigestVerify(work, signature, 64U, message, size) == 1);

    (void)context;
    EVP_MD_CTX_free(work);
    EVP_PKEY_free(public);
    return good;
}
