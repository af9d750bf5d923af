/** What an image is made of that has everything. */
#include "fedmote.h"

static const fm_loss_t *const parts_all_losses[] = { &fm_softmax, &fm_logistic, &fm_squared };
static const fm_codec_t *const parts_all_codecs[] = { &fm_codec_f32, &fm_codec_int8, &fm_codec_eden1 };
static const fm_decoder_t *const parts_all_decoders[] = { &fm_decoder_int8, &fm_decoder_eden1, &fm_decoder_eden2,
                                                        &fm_decoder_eden4 };

const fm_parts_t fm_parts_all = { parts_all_losses, 3U, parts_all_codecs, 3U, parts_all_decoders, 4U };
