/** What rounds of counts have in common: a vector behind the model that travels as it is. */
#ifndef FM_ROUND_COUNTS_H
#define FM_ROUND_COUNTS_H

#include "fm_device.h"

/** The vector of `count` floats, counted over so many samples, is what is to be sent. */
void fm_round_counts(fm_device_t *device, uint32_t count, uint32_t samples);

#endif
