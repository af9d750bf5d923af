/** The rest of the README's example of modules: takes one over the broker that BROKER names, SEQUENCE being the one that is wanted, and writes it to stdout. */
#include "modules.h"

#include <MQTTClient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 4096U

static uint8_t memory[36U * SECTOR];
static MQTTClient mqtt;

fm_result_t flash_read(void *context, uint32_t at, uint8_t *bytes, uint32_t size)
{
    (void)context;
    memcpy(bytes, &memory[at], size);
    return FM_OK;
}

fm_result_t flash_program(void *context, uint32_t at, const uint8_t *bytes, uint32_t size)
{
    (void)context;
    for (uint32_t i = 0U; i < size; i++) {
        memory[at + i] &= bytes[i];
    }
    return FM_OK;
}

fm_result_t flash_erase(void *context, uint32_t at)
{
    (void)context;
    memset(&memory[at], 0xFF, SECTOR);
    return FM_OK;
}

void subscribe(const char *topic)
{
    if (MQTTClient_subscribe(mqtt, topic, 1) != MQTTCLIENT_SUCCESS) {
        exit(2);
    }
}

void unsubscribe(const char *topic)
{
    if (topic[0] != '\0') {
        (void)MQTTClient_unsubscribe(mqtt, topic);
    }
}

void stop_module(void)
{
}

void start_module(uint32_t address, uint32_t bytes)
{
    (void)fwrite(&memory[address], 1U, bytes, stdout);
}

int main(void)
{
    MQTTClient_connectOptions how = MQTTClient_connectOptions_initializer;

    memset(memory, 0xFF, sizeof(memory));
    (void)MQTTClient_create(&mqtt, getenv("BROKER"), "mote-7", MQTTCLIENT_PERSISTENCE_NONE, NULL);
    if ((MQTTClient_connect(mqtt, &how) != MQTTCLIENT_SUCCESS) || !modules_begin()) {
        return 2;
    }
    modules_want((uint32_t)strtoul(getenv("SEQUENCE"), NULL, 10));
    while (modules_poll()) {
        char *topic = NULL;
        MQTTClient_message *message = NULL;
        int topicBytes = 0;

        (void)MQTTClient_receive(mqtt, &topic, &topicBytes, &message, 50U);
        if (message != NULL) {
            modules_message((fm_bytes_t){ (const uint8_t *)topic, (uint32_t)strlen(topic) },
                            (fm_bytes_t){ message->payload, (uint32_t)message->payloadlen });
            MQTTClient_freeMessage(&message);
            MQTTClient_free(topic);
        }
    }
    (void)MQTTClient_disconnect(mqtt, 1000);
    MQTTClient_destroy(&mqtt);
    return 0;
}
