# The library's sources, one a line: the only list of them. The Makefile and every package read it.
FM_SOURCES = \
  src/fm_cbor.c \
  src/fm_codec.c \
  src/fm_codec_eden1.c \
  src/fm_codec_f32.c \
  src/fm_codec_int8.c \
  src/fm_decoder_eden.c \
  src/fm_decoder_int8.c \
  src/fm_eden.c \
  src/fm_evaluation.c \
  src/fm_init.c \
  src/fm_loss_logistic.c \
  src/fm_loss_softmax.c \
  src/fm_loss_squared.c \
  src/fm_math.c \
  src/fm_message.c \
  src/fm_moments.c \
  src/fm_mqtt.c \
  src/fm_network.c \
  src/fm_notice.c \
  src/fm_random.c \
  src/fm_result.c \
  src/fm_session.c \
  src/fm_sha256.c \
  src/fm_sum.c \
  src/fm_topic.c \
  src/fm_training.c \
  src/fm_utf8.c
