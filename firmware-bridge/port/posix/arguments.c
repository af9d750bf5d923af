#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: fedmote-c-device --broker URL --fleet NAME --id ID --data CSV --label COL [options]\n"
    "\n"
    "  --broker URL           the MQTT broker: mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS\n"
    "  --fleet NAME           name of the fleet\n"
    "  --id ID                id of this device: 1 to 64 of a-z, 0-9 and -\n"
    "  --data CSV             this client's samples\n"
    "  --label COL            the column with the label\n"
    "  --split-column COL     the column that says train or test (default: every fifth row is test)\n"
    "  --classes NAMES        class names in label order, with commas (default: labels are class indices)\n"
    "  --packet BYTES         largest MQTT packet, at least 256 (default: 4096)\n"
    "  --memory BYTES         memory for models (default: 4 MiB)\n"
    "  --keep-alive SECONDS   silence that ends a connection (default: 30)\n"
    "  --ca FILE              for mqtts://: certificates (PEM) of the authorities that may vouch for the broker\n"
    "  --cert FILE, --key FILE   for mqtts://: this device's own certificate and key (PEM)\n"
    "  --user NAME, --password WORD   for the broker\n"
    "  --log-level debug      says everything that happens\n";

static bool parse(arguments_t *arguments, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **value;
    } options[] = {
        { "--broker", &arguments->broker },       { "--fleet", &arguments->fleet },
        { "--id", &arguments->id },               { "--data", &arguments->data },
        { "--label", &arguments->label },         { "--split-column", &arguments->split },
        { "--classes", &arguments->classes },     { "--packet", &arguments->packet },
        { "--memory", &arguments->memory },       { "--keep-alive", &arguments->keepAlive },
        { "--user", &arguments->user },           { "--password", &arguments->password },
        { "--log-level", &arguments->logLevel }, { "--ca", &arguments->ca },
        { "--cert", &arguments->cert },           { "--key", &arguments->key },
    };

    for (int i = 1; i < argc; i += 2) {
        const char **value = NULL;

        for (size_t k = 0U; k < sizeof(options) / sizeof(options[0]); k++) {
            if (strcmp(options[k].name, argv[i]) == 0) {
                value = options[k].value;
            }
        }
        if ((value == NULL) || (i + 1 == argc)) {
            fprintf(stderr, "%s: %s\n", argv[i], (value == NULL) ? "no such option" : "its value is missing");
            return false;
        }
        *value = argv[i + 1];
    }
    return true;
}

/** Whether every option is there that has no default. */
static bool complete(const arguments_t *arguments)
{
    return (arguments->broker != NULL) && (arguments->fleet != NULL) && (arguments->id != NULL) &&
           (arguments->data != NULL) && (arguments->label != NULL);
}

/** Takes the URL apart; the default ports are MQTT's. */
static bool read_broker(broker_t *broker, const char *url)
{
    char *at = broker->text;
    char *colon;

    (void)snprintf(broker->text, sizeof(broker->text), "%s", url);
    broker->secure = strncmp(at, "mqtts://", 8U) == 0;
    if (broker->secure) {
        at += 8;
    } else if (strncmp(at, "mqtt://", 7U) == 0) {
        at += 7;
    } else {
        /* Without a scheme. */
    }
    broker->host = at;
    broker->port = broker->secure ? "8883" : "1883";
    if (strstr(at, "://") != NULL) {
        return false;
    }
    at[strcspn(at, "/")] = '\0';
    colon = strrchr(at, ':');
    if (colon != NULL) {
        *colon = '\0';
        broker->port = colon + 1;
    }
    return *at != '\0';
}

/** What is wrong with the options for TLS; NULL: nothing. Whoever names an authority, or none, is not left without protection by that. */
static const char *tls_flaw(const arguments_t *arguments, bool secure)
{
    const char *flaw = NULL;

    if (secure && (arguments->ca == NULL)) {
        flaw = "mqtts:// needs --ca FILE";
    } else if (!secure && ((arguments->ca != NULL) || (arguments->cert != NULL) || (arguments->key != NULL))) {
        flaw = "--ca, --cert and --key are for a broker at mqtts://";
    } else if ((arguments->cert == NULL) != (arguments->key == NULL)) {
        flaw = "--cert and --key go together";
    } else {
        /* All is said. */
    }
    return flaw;
}

bool arguments_read(arguments_t *arguments, broker_t *broker, int argc, char **argv)
{
    const char *flaw;

    if (!parse(arguments, argc, argv) || !complete(arguments)) {
        fputs(usage, stderr);
        return false;
    }
    if (!read_broker(broker, arguments->broker)) {
        fprintf(stderr, "error: expected a broker like mqtt://HOST:PORT, got %s\n", arguments->broker);
        return false;
    }
    flaw = tls_flaw(arguments, broker->secure);
    if (flaw != NULL) {
        fprintf(stderr, "error: %s\n", flaw);
    }
    return flaw == NULL;
}

uint32_t arguments_whole(const char *text, uint32_t otherwise)
{
    return (text == NULL) ? otherwise : (uint32_t)strtoul(text, NULL, 10);
}
