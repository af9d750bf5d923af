#include "fedmote_module.h"

const char *fm_reason_code(fm_reason_t reason)
{
    static const char *const codes[] = {
        "",         "envelope", "unknown-key", "signature", "manifest", "slot",  "target", "abi",    "features",
        "expired",  "sequence", "memory",      "space",     "count",    "chunk", "digest", "space"
    };

    return codes[reason];
}
