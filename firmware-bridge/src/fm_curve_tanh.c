/** tanh. */
#include "fm_curve.h"
#include "fm_math.h"

static float tanh_slope(float y)
{
    return 1.0F - (y * y);
}

const fm_curve_t fm_curve_tanh = { fm_tanh, tanh_slope };
