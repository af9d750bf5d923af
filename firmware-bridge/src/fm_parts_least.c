/** What the least image is made of. */
#include <stddef.h>

#include "fedmote.h"

static const fm_loss_t *const parts_losses[] = { &fm_softmax, NULL };
static const fm_codec_t *const parts_codecs[] = { &fm_codec_f32, &fm_codec_int8, NULL };
static const fm_round_t *const parts_rounds[] = { &fm_round_training, &fm_round_statistics, &fm_round_evaluation, NULL };

const fm_parts_t fm_parts_least = { parts_losses, parts_codecs, parts_rounds, NULL, NULL, NULL };
