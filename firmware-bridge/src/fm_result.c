#include "fedmote.h"

const char *fm_result_text(fm_result_t result)
{
    static const char *const texts[] = {
        "done",
        "nothing to do for now: call again later",
        "the federation has ended, and its model is here",
        "an argument or an option is out of its bounds",
        "a buffer is too small",
        "the memory for models is too small",
        "a packet is larger than the buffer for incoming packets",
        "these bytes are no message of protocol 1",
        "these bytes are no MQTT 3.1.1 packet that a broker sends",
        "the broker does not take this client, or a subscription of its",
        "the byte stream has ended",
        "nothing was heard for too long",
        "the federation asks for what this image has no code for",
        "the federation's model takes another number of features",
        "a label or a value is not one that the model takes",
        "what was pulled is not the model that was announced",
        "training or evaluation left the finite numbers",
        "the coordinator told this device to stop",
    };
    const char *text = "no result of this library";

    if (result <= FM_STOPPED) {
        text = texts[result];
    }
    return text;
}
