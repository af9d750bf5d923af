# The library's sources, one a line: the only list of them. The Makefile and every package read it.
FM_SOURCES = \
  src/fm_cbor.c \
  src/fm_message.c \
  src/fm_notice.c \
  src/fm_result.c \
  src/fm_utf8.c
