/** The Notice: what the coordinator is doing, with the model's layers and the settings of local training. */
#ifndef FM_NOTICE_H
#define FM_NOTICE_H

#include "fm_message.h"

/** All of a Notice but what every message begins with. */
void fm_notice_walk(fm_cbor_t *cbor, fm_notice_t *notice);

#endif
