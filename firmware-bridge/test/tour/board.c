#include "board.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int tcp = -1;

fm_result_t link_open(void *context)
{
    struct sockaddr_in broker = { .sin_family = AF_INET };

    (void)context;
    broker.sin_port = htons((uint16_t)strtoul(strrchr(broker_url(), ':') + 1, NULL, 10));
    broker.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(tcp, (const struct sockaddr *)&broker, sizeof(broker)) != 0) {
        return FM_CLOSED;
    }
    (void)fcntl(tcp, F_SETFL, O_NONBLOCK);
    return FM_OK;
}

static int32_t outcome(ssize_t bytes)
{
    return (bytes >= 0) ? (int32_t)bytes : ((errno == EAGAIN) ? 0 : -1);
}

int32_t link_read(void *context, uint8_t *bytes, uint32_t size)
{
    ssize_t got = recv(tcp, bytes, size, 0);

    (void)context;
    return (got == 0) ? -1 : outcome(got);
}

int32_t link_write(void *context, const uint8_t *bytes, uint32_t size)
{
    (void)context;
    return outcome(send(tcp, bytes, size, MSG_NOSIGNAL));
}

void link_reset(void *context)
{
    (void)context;
    if (tcp >= 0) {
        (void)close(tcp);
    }
    tcp = -1;
}

uint32_t tick_ms(void *context)
{
    struct timespec now;

    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint32_t)now.tv_sec * 1000U) + ((uint32_t)now.tv_nsec / 1000000U);
}

uint32_t entropy(void *context)
{
    uint32_t bits = 0U;
    FILE *file = fopen("/dev/urandom", "rb");

    (void)context;
    if ((file == NULL) || (fread(&bits, sizeof(bits), 1U, file) != 1U)) {
        abort();
    }
    (void)fclose(file);
    return bits;
}

void sleep_until_byte_or_ms(uint32_t ms)
{
    struct pollfd readable = { tcp, POLLIN, 0 };

    (void)poll(&readable, (tcp >= 0) ? 1U : 0U, (int)ms);
}

void show(const float *outputs, uint32_t count)
{
    uint32_t i;

    (void)fprintf(stderr, "has the released model digest=");
    for (i = 0U; i < count; i++) {
        uint32_t bits;

        (void)memcpy(&bits, &outputs[i], sizeof(bits));
        (void)fprintf(stderr, "%08lx", (unsigned long)bits);
    }
    (void)fprintf(stderr, "\n");
}

const char *broker_url(void)
{
    return getenv("BROKER");
}
