#include "tls.h"

#include <arpa/inet.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tag of an IP address among the names of a certificate (RFC 5280, section 4.2.1.6). */
#define IP_ADDRESS (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7)

struct fm_tls {
    fm_tls_below_t *below;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context chance;
    mbedtls_x509_crt authority;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    /** Where the host is an IP address: its bytes, 4 or 16. */
    uint8_t address[16];
    size_t addressBytes;
    /** Bytes of a write that was taken, and is not yet told so; 0: none. */
    uint32_t taken;
    /** Why a handshake failed, and whether nobody has asked yet. */
    char problem[256];
    bool failed;
};

static int below_read(void *context, unsigned char *bytes, size_t size)
{
    const fm_tls_below_t *below = context;
    int32_t got = below->read(below->context, bytes, (uint32_t)size);

    return (got > 0) ? (int)got : (got == 0) ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_NET_CONN_RESET;
}

static int below_write(void *context, const unsigned char *bytes, size_t size)
{
    const fm_tls_below_t *below = context;
    int32_t put = below->write(below->context, bytes, (uint32_t)size);

    return (put > 0) ? (int)put : (put == 0) ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_NET_CONN_RESET;
}

/** Whether a certificate names the IP address; mbedTLS 2.28 knows names of hosts alone. */
static bool names_address(const mbedtls_x509_crt *certificate, const fm_tls_t *tls)
{
    bool named = false;

    for (const mbedtls_x509_sequence *name = &certificate->subject_alt_names; name != NULL; name = name->next) {
        named = named || ((name->buf.tag == IP_ADDRESS) && (name->buf.len == tls->addressBytes) &&
                          (memcmp(name->buf.p, tls->address, tls->addressBytes) == 0));
    }
    return named;
}

/** Holds the broker's own certificate, at depth 0, to the IP address. */
static int verify_address(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    if ((depth == 0) && !names_address(certificate, context)) {
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    return 0;
}

/** 0, or mbedTLS's error, with the file in `problem`. */
static int read_files(fm_tls_t *tls, const fm_tls_files_t *files)
{
    const char *file = files->authority;
    int error = mbedtls_x509_crt_parse_file(&tls->authority, file);

    if ((error == 0) && (files->certificate != NULL)) {
        file = files->certificate;
        error = mbedtls_x509_crt_parse_file(&tls->certificate, file);
    }
    if ((error == 0) && (files->key != NULL)) {
        file = files->key;
        error = mbedtls_pk_parse_keyfile(&tls->key, file, NULL);
    }
    if ((error == 0) && (files->certificate != NULL)) {
        error = mbedtls_pk_check_pair(&tls->certificate.pk, &tls->key);
    }
    if ((error == 0) && (files->certificate != NULL)) {
        error = mbedtls_ssl_conf_own_cert(&tls->config, &tls->certificate, &tls->key);
    }
    /* Above 0: so many certificates of the file could not be read. */
    (void)snprintf(tls->problem, sizeof(tls->problem), "%s: %s", file,
                   (error > 0) ? "one of its certificates cannot be read" : "");
    return error;
}

static int make_config(fm_tls_t *tls, const char *host)
{
    static const char purpose[] = "fedmote-c-device";
    int error = mbedtls_ctr_drbg_seed(&tls->chance, mbedtls_entropy_func, &tls->entropy,
                                      (const unsigned char *)purpose, sizeof(purpose));

    if (error == 0) {
        error = mbedtls_ssl_config_defaults(&tls->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);
    }
    mbedtls_ssl_conf_rng(&tls->config, mbedtls_ctr_drbg_random, &tls->chance);
    mbedtls_ssl_conf_min_version(&tls->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(&tls->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&tls->config, &tls->authority, NULL);
    if (inet_pton(AF_INET, host, tls->address) == 1) {
        tls->addressBytes = 4U;
    } else if (inet_pton(AF_INET6, host, tls->address) == 1) {
        tls->addressBytes = 16U;
    } else {
        tls->addressBytes = 0U;
    }
    if (tls->addressBytes > 0U) {
        mbedtls_ssl_conf_verify(&tls->config, verify_address, tls);
    }
    return error;
}

static int make_ssl(fm_tls_t *tls, const char *host)
{
    int error = mbedtls_ssl_setup(&tls->ssl, &tls->config);

    if ((error == 0) && (tls->addressBytes == 0U)) {
        error = mbedtls_ssl_set_hostname(&tls->ssl, host);
    }
    mbedtls_ssl_set_bio(&tls->ssl, tls->below, below_write, below_read, NULL);
    return error;
}

fm_tls_t *fm_tls_new(fm_tls_below_t *below, const char *host, const fm_tls_files_t *files, char *problem,
                     size_t problemSize)
{
    fm_tls_t *tls = calloc(1U, sizeof(*tls));
    char why[128] = "";
    int error;

    if (tls == NULL) {
        (void)snprintf(problem, problemSize, "no memory for TLS");
        return NULL;
    }
    tls->below = below;
    mbedtls_entropy_init(&tls->entropy);
    mbedtls_ctr_drbg_init(&tls->chance);
    mbedtls_x509_crt_init(&tls->authority);
    mbedtls_x509_crt_init(&tls->certificate);
    mbedtls_pk_init(&tls->key);
    mbedtls_ssl_config_init(&tls->config);
    mbedtls_ssl_init(&tls->ssl);
    (void)snprintf(tls->problem, sizeof(tls->problem), "TLS: ");
    error = make_config(tls, host);
    error = (error == 0) ? read_files(tls, files) : error;
    error = (error == 0) ? make_ssl(tls, host) : error;
    if (error != 0) {
        if (error < 0) {
            mbedtls_strerror(error, why, sizeof(why));
        }
        (void)snprintf(problem, problemSize, "%s%s", tls->problem, why);
        fm_tls_free(tls);
        return NULL;
    }
    return tls;
}

/** What is wrong with the broker's certificate, for people. */
static void tell_certificate(fm_tls_t *tls)
{
    static const struct {
        uint32_t flag;
        const char *text;
    } flaws[] = {
        { MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no certificate of --ca vouches for the broker's" },
        { MBEDTLS_X509_BADCERT_CN_MISMATCH, "the broker's certificate is for another name" },
        { MBEDTLS_X509_BADCERT_EXPIRED, "the broker's certificate, or its authority's, has expired" },
        { MBEDTLS_X509_BADCERT_FUTURE, "the broker's certificate, or its authority's, is not valid yet" },
    };
    uint32_t found = mbedtls_ssl_get_verify_result(&tls->ssl);
    size_t at = 0U;

    for (size_t i = 0U; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
        if ((found & flaws[i].flag) != 0U) {
            at += (size_t)snprintf(&tls->problem[at], sizeof(tls->problem) - at, "%s%s", (at == 0U) ? "" : "; ",
                                   flaws[i].text);
        }
    }
    if (at == 0U) {
        (void)mbedtls_x509_crt_verify_info(tls->problem, sizeof(tls->problem), "", found);
        tls->problem[strcspn(tls->problem, "\n")] = '\0';
    }
}

fm_result_t fm_tls_open(fm_tls_t *tls)
{
    int error = mbedtls_ssl_handshake(&tls->ssl);

    if (error == 0) {
        return FM_OK;
    }
    if ((error == MBEDTLS_ERR_SSL_WANT_READ) || (error == MBEDTLS_ERR_SSL_WANT_WRITE)) {
        return FM_AGAIN;
    }
    tls->failed = error != MBEDTLS_ERR_NET_CONN_RESET;
    if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        tell_certificate(tls);
    } else {
        mbedtls_strerror(error, tls->problem, sizeof(tls->problem));
    }
    return FM_CLOSED;
}

/** As fm_port_t counts: bytes, 0 for none now, below 0 for the end. */
static int32_t outcome(int result)
{
    return ((result == MBEDTLS_ERR_SSL_WANT_READ) || (result == MBEDTLS_ERR_SSL_WANT_WRITE)) ? 0
           : (result > 0)                                                                    ? (int32_t)result
                                                                                             : -1;
}

int32_t fm_tls_read(fm_tls_t *tls, uint8_t *bytes, uint32_t size)
{
    return outcome(mbedtls_ssl_read(&tls->ssl, bytes, size));
}

int32_t fm_tls_write(fm_tls_t *tls, const uint8_t *bytes, uint32_t size)
{
    /* What was encrypted and could not be sent is the same bytes, and no more of them. */
    uint32_t most = ((tls->taken > 0U) && (tls->taken < size)) ? tls->taken : size;
    int32_t written = outcome(mbedtls_ssl_write(&tls->ssl, bytes, most));

    tls->taken = (written == 0) ? most : 0U;
    return written;
}

bool fm_tls_pending(const fm_tls_t *tls)
{
    return mbedtls_ssl_check_pending(&tls->ssl) != 0;
}

void fm_tls_reset(fm_tls_t *tls)
{
    (void)mbedtls_ssl_close_notify(&tls->ssl);
    (void)mbedtls_ssl_session_reset(&tls->ssl);
    tls->taken = 0U;
}

const char *fm_tls_problem(fm_tls_t *tls)
{
    const char *problem = tls->failed ? tls->problem : NULL;

    tls->failed = false;
    return problem;
}

void fm_tls_free(fm_tls_t *tls)
{
    if (tls != NULL) {
        mbedtls_ssl_free(&tls->ssl);
        mbedtls_ssl_config_free(&tls->config);
        mbedtls_pk_free(&tls->key);
        mbedtls_x509_crt_free(&tls->certificate);
        mbedtls_x509_crt_free(&tls->authority);
        mbedtls_ctr_drbg_free(&tls->chance);
        mbedtls_entropy_free(&tls->entropy);
        free(tls);
    }
}
