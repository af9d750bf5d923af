#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void stream_reset(void *context)
{
    fm_posix_stream_t *stream = context;

    if (stream->tls != NULL) {
        fm_tls_reset(stream->tls);
    }
    if (stream->socket >= 0) {
        (void)close(stream->socket);
    }
    stream->socket = -1;
    stream->connected = false;
    stream->secured = false;
}

/** Begins to connect to the first address that takes a connection. */
static fm_result_t stream_begin(fm_posix_stream_t *stream)
{
    struct addrinfo hints = { 0 };
    struct addrinfo *addresses = NULL;
    int yes = 1;

    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(stream->host, stream->port, &hints, &addresses) != 0) {
        return FM_CLOSED;
    }
    for (struct addrinfo *each = addresses; (each != NULL) && (stream->socket < 0); each = each->ai_next) {
        int made = socket(each->ai_family, each->ai_socktype, each->ai_protocol);

        if (made < 0) {
            continue;
        }
        (void)fcntl(made, F_SETFL, fcntl(made, F_GETFL) | O_NONBLOCK);
        (void)setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        if ((connect(made, each->ai_addr, each->ai_addrlen) == 0) || (errno == EINPROGRESS)) {
            stream->socket = made;
        } else {
            (void)close(made);
        }
    }
    freeaddrinfo(addresses);
    return (stream->socket < 0) ? FM_CLOSED : FM_AGAIN;
}

/** Goes on with the connection. */
static fm_result_t stream_connect(fm_posix_stream_t *stream)
{
    struct pollfd writable;
    int error = 0;
    socklen_t size = sizeof(error);

    if (stream->connected) {
        return FM_OK;
    }
    if (stream->socket < 0) {
        return stream_begin(stream);
    }
    writable.fd = stream->socket;
    writable.events = POLLOUT;
    writable.revents = 0;
    if (poll(&writable, 1U, 0) <= 0) {
        return FM_AGAIN;
    }
    if ((getsockopt(stream->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) || (error != 0)) {
        return FM_CLOSED;
    }
    stream->connected = true;
    return FM_OK;
}

static fm_result_t stream_open(void *context)
{
    fm_posix_stream_t *stream = context;
    fm_result_t result = stream_connect(stream);

    if ((result == FM_OK) && (stream->tls != NULL) && !stream->secured) {
        result = fm_tls_open(stream->tls);
        stream->secured = result == FM_OK;
        stream->everSecured = stream->everSecured || stream->secured;
    }
    return result;
}

/** What a system call's outcome means: bytes, none now, or the end. */
static int32_t stream_outcome(ssize_t bytes)
{
    if (bytes >= 0) {
        return (int32_t)bytes;
    }
    return ((errno == EAGAIN) || (errno == EWOULDBLOCK) || (errno == EINTR)) ? 0 : -1;
}

static int32_t socket_read(void *context, uint8_t *bytes, uint32_t size)
{
    const fm_posix_stream_t *stream = context;
    ssize_t got = recv(stream->socket, bytes, size, 0);

    /* The other side has closed. */
    return (got == 0) ? -1 : stream_outcome(got);
}

static int32_t socket_write(void *context, const uint8_t *bytes, uint32_t size)
{
    const fm_posix_stream_t *stream = context;

    return stream_outcome(send(stream->socket, bytes, size, MSG_NOSIGNAL));
}

static int32_t stream_read(void *context, uint8_t *bytes, uint32_t size)
{
    const fm_posix_stream_t *stream = context;

    return (stream->tls == NULL) ? socket_read(context, bytes, size) : fm_tls_read(stream->tls, bytes, size);
}

static int32_t stream_write(void *context, const uint8_t *bytes, uint32_t size)
{
    const fm_posix_stream_t *stream = context;

    return (stream->tls == NULL) ? socket_write(context, bytes, size) : fm_tls_write(stream->tls, bytes, size);
}

static uint32_t stream_now_ms(void *context)
{
    struct timespec now;

    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U);
}

static uint32_t stream_random(void *context)
{
    uint32_t word = 0U;
    int source = open("/dev/urandom", O_RDONLY);

    (void)context;
    if ((source < 0) || (read(source, &word, sizeof(word)) != (ssize_t)sizeof(word))) {
        word ^= stream_now_ms(NULL) * 2654435761U + (uint32_t)getpid();
    }
    if (source >= 0) {
        (void)close(source);
    }
    return word;
}

void fm_posix_port(fm_posix_stream_t *stream, const char *host, const char *port, fm_port_t *out)
{
    stream->host = host;
    stream->port = port;
    stream->socket = -1;
    stream->connected = false;
    stream->tls = NULL;
    stream->secured = false;
    stream->everSecured = false;
    out->context = stream;
    out->open = stream_open;
    out->read = stream_read;
    out->write = stream_write;
    out->reset = stream_reset;
    out->now_ms = stream_now_ms;
    out->random = stream_random;
}

bool fm_posix_secure(fm_posix_stream_t *stream, const fm_tls_files_t *files, char *problem, size_t problemSize)
{
    stream->below = (fm_tls_below_t){ stream, socket_read, socket_write };
    stream->tls = fm_tls_new(&stream->below, stream->host, files, problem, problemSize);
    return stream->tls != NULL;
}

const char *fm_posix_problem(fm_posix_stream_t *stream)
{
    return (stream->tls == NULL) ? NULL : fm_tls_problem(stream->tls);
}

void fm_posix_free(fm_posix_stream_t *stream)
{
    fm_tls_free(stream->tls);
    stream->tls = NULL;
}

void fm_posix_wait(const fm_posix_stream_t *stream, int timeoutMs)
{
    struct pollfd readable;

    if ((stream->tls != NULL) && fm_tls_pending(stream->tls)) {
        return;
    }
    readable.fd = stream->socket;
    readable.events = POLLIN;
    readable.revents = 0;
    (void)poll(&readable, (stream->socket < 0) ? 0U : 1U, timeoutMs);
}
