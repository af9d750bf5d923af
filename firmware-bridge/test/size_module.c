/** The least program around the unit for modules, to see how large it is: test/firmware/sizes.ts links it and reads the map. */
#include <stddef.h>

#include "fedmote_module.h"

#define CHUNKS 128U

fm_module_t image_module;
uint8_t image_chunks[CHUNKS / 8U];

/* What a board has of its own is no part of the sizes: storage, Ed25519, what runs modules. */
fm_store_t image_store;
fm_module_options_t image_options;

void image(void);

void image(void)
{
    char topic[FM_MODULE_TOPIC_BYTES];
    const fm_bytes_t nothing = { NULL, 0U };

    if (fm_module_begin(&image_module, &image_options) == FM_OK) {
        fm_module_want(&image_module, 1U);
        while ((fm_module_poll(&image_module) == FM_OK) || fm_module_topic(&image_module, topic)) {
            (void)fm_module_on_message(&image_module, nothing, nothing);
        }
        (void)fm_module_revert(&image_module);
    }
    (void)fm_reason_code(image_module.reason);
}
