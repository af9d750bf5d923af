#include "fedmote.h"

const char *fm_result_text(fm_result_t result)
{
    const char *text = "no result of this library";

    switch (result) {
    case FM_OK:
        text = "done";
        break;
    case FM_AGAIN:
        text = "nothing to do for now: call again later";
        break;
    case FM_BAD_ARGUMENT:
        text = "an argument or an option is out of its bounds";
        break;
    case FM_NO_SPACE:
        text = "a buffer of the caller's is too small";
        break;
    case FM_BAD_MESSAGE:
        text = "these bytes are no message of protocol 1";
        break;
    default:
        /* As it is. */
        break;
    }
    return text;
}
