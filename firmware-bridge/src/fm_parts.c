/** What a small image is made of. */
#include "fedmote.h"

static const fm_loss_t *const parts_losses[] = { &fm_softmax };
static const fm_codec_t *const parts_codecs[] = { &fm_codec_f32, &fm_codec_int8 };

const fm_parts_t fm_parts_small = { parts_losses, 1U, parts_codecs, 2U, 0, 0U };
