/** What an image is made of that has everything. */
#include <stddef.h>

#include "fedmote.h"

static const fm_loss_t *const parts_all_losses[] = { &fm_softmax, &fm_logistic, &fm_squared, NULL };
static const fm_codec_t *const parts_all_codecs[] = { &fm_codec_f32, &fm_codec_int8, &fm_codec_eden1, NULL };
static const fm_round_t *const parts_all_rounds[] = { &fm_round_training, &fm_round_statistics, &fm_round_evaluation,
                                                      NULL };

const fm_parts_t fm_parts_all = { parts_all_losses, parts_all_codecs, parts_all_rounds, &fm_terms, &fm_curve_tanh, &fm_changes };
