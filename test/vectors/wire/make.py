"""Writes the golden vectors of protocol 1 beside this file: `python3 make.py`.

Written from src/wire/protocol.cddl and RFC 8949 alone, with the standard library alone: it shares nothing with the TypeScript that it
judges. Every vector has the bytes (hex), CBOR diagnostic notation and the decoded message as JSON, in which byte strings are hex.
`invalid.json` has bytes that every decoder must refuse, with the reason, and the error code of the TypeScript decoder.
"""

import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent


class Raw(bytes):
    """Bytes to be placed as they are where an item belongs."""


# ---- CBOR (RFC 8949, section 4.2.1) ---------------------------------------------------------------------------------------------


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError(value)


def cbor(item):
    if isinstance(item, Raw):
        return bytes(item)
    if isinstance(item, bool):
        return b"\xf5" if item else b"\xf4"
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(cbor(each) for each in item)
    return head(5, len(item)) + b"".join(cbor(key) + cbor(item[key]) for key in item)


def diagnostic(item):
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    if isinstance(item, bytes):
        return f"h'{item.hex()}'"
    if isinstance(item, str):
        return json.dumps(item, ensure_ascii=False)
    if isinstance(item, list):
        return "[" + ", ".join(diagnostic(each) for each in item) + "]"
    return "{" + ", ".join(f"{key}: {diagnostic(item[key])}" for key in item) + "}"


# ---- messages: what travels, and what it means ----------------------------------------------------------------------------------

ROUND_KIND = ["train", "statistics", "evaluate", "released"]
ROUND_PHASE = ["offline", "selecting", "working", "finishing", "committed", "abandoned", "released"]
ACTIVATION = ["identity", "relu", "tanh"]
LOSS = ["softmax", "logistic", "squared", "custom"]
ACTION = ["join", "wait", "stop"]
STATUS = ["folded", "duplicate", "late", "busy", "refused"]
FLASH = ["install", "revert"]
FLASHED = ["idle", "loading", "installed", "confirmed", "refused", "rolledBack", "reverted", "failing"]


def f32(*values):
    return struct.pack(f"<{len(values)}f", *values)


def as_f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def hello(m):
    return {
        0: 1, 1: 1, 2: m["session"], 3: m["maxPacket"], 4: m["ramKiB"], 5: bytes(m["codecs"]), 6: bytes(m["abis"]),
        7: m["features"],
    }  # fmt: skip


def ready(m):
    return {0: 1, 1: 2, 2: m["session"], 3: m["willing"], 4: m["samples"], 5: m["testSamples"]}


def gone(m):
    return {0: 1, 1: 3, 2: m["session"]}


def layer(m):
    if m["kind"] == "dense":
        return {0: 0, 1: m["units"], 2: ACTIVATION.index(m["activation"])}
    if m["kind"] == "conv1d":
        return {
            0: 1, 1: m["channels"], 2: m["filters"], 3: m["width"], 4: m["stride"], 5: ACTIVATION.index(m["activation"]),
        }  # fmt: skip
    return {0: 2, 1: ["average", "max"].index(m["mode"]), 2: m["channels"], 3: m["width"]}


def layer_range(m):
    return {0: m["from"], 1: m["to"]}


def training(m):
    item = {
        0: m["inputs"], 1: [layer(each) for each in m["layers"]], 2: LOSS.index(m["loss"]), 3: f32(m["positiveWeight"]),
        4: m["standardized"], 5: m["epochs"], 6: m["batch"], 7: f32(m["learningRate"]), 8: f32(m["momentum"]),
        9: f32(m["l2"]), 10: f32(m["proximal"]),
    }  # fmt: skip
    if "errorFeedback" in m:
        item[11] = m["errorFeedback"]
    if "schedule" in m:
        kind = ["constant", "linear", "cosine"].index(m["schedule"]["kind"])
        item[12] = {0: kind, 1: m["schedule"]["warmup"], 2: f32(m["schedule"]["finalFraction"])}
    if "clipping" in m:
        item[13] = {key: f32(m["clipping"][name]) for key, name in enumerate(("step", "example")) if name in m["clipping"]}
    if "trained" in m:
        item[14] = layer_range(m["trained"])
    if "shared" in m:
        item[15] = layer_range(m["shared"])
    if "maxStaleness" in m:
        item[16] = m["maxStaleness"]
    return item


def notice(m):
    item = {
        0: 1, 1: 4, 2: m["round"], 3: m["epoch"], 4: ROUND_KIND.index(m["kind"]), 5: ROUND_PHASE.index(m["phase"]),
        6: m["session"], 7: m["secondsLeft"], 8: m["version"], 9: m["digest"], 10: m["sizeBytes"],
        11: struct.pack(f"<{len(m['chunkClasses'])}I", *m["chunkClasses"]), 12: bytes(m["codecs"]), 13: m["grid"],
        14: m["weightCap"], 15: m["seed"], 16: m["shards"], 17: m["spreadSeconds"],
    }  # fmt: skip
    if "committed" in m:
        item[18] = {0: m["committed"]["round"], 1: m["committed"]["epoch"]}
    item[19] = training(m["training"])
    if "deltas" in m:
        item[20] = {0: m["deltas"]["base"], 1: m["deltas"]["codec"]}
    if "module" in m:
        item[23] = {0: m["module"]["slot"], 1: m["module"]["sequence"], 2: m["module"]["least"]}
    return item


def task(m):
    return {
        0: 1, 1: 5, 2: ACTION.index(m["action"]), 3: m["round"], 4: m["epoch"], 5: m["retrySeconds"], 6: m["reason"],
    }  # fmt: skip


def update(m):
    item = {
        0: 1, 1: 6, 2: m["round"], 3: m["epoch"], 4: m["updateId"], 5: m["index"], 6: m["count"], 7: m["baseVersion"],
        8: m["codec"], 9: m["samples"], 10: m["steps"], 11: f32(*m["metrics"]),
    }  # fmt: skip
    if "module" in m:
        item[15] = m["module"]
    item[23] = m["payload"]
    return item


def receipt(m):
    return {
        0: 1, 1: 7, 2: STATUS.index(m["status"]), 3: m["round"], 4: m["epoch"], 5: m["updateId"], 6: m["retrySeconds"],
        7: m["allowedBytes"], 8: m["reason"],
    }  # fmt: skip


def model(m):
    item = {0: 1, 1: 8, 2: m["version"], 3: m["index"], 4: m["count"]}
    if "base" in m:
        item[5] = m["base"]
    item[23] = m["payload"]
    return item


def flash(m):
    return {0: 1, 1: 9, 2: FLASH.index(m["action"]), 3: m["slot"], 4: m["sequence"]}


def module(m):
    return {0: 1, 1: 10, 2: m["sequence"], 3: m["index"], 4: m["count"], 23: m["payload"]}


def flashed(m):
    return {
        0: 1, 1: 17, 2: m["session"], 3: m["slot"], 4: m["active"], 5: m["target"], 6: FLASHED.index(m["state"]),
        7: m["reason"], 8: f32(*m["losses"]),
    }  # fmt: skip


REAL = {"positiveWeight", "learningRate", "momentum", "l2", "proximal", "metrics", "losses"}


def plain(name, value):
    """The decoded value as JSON: bytes in hex, reals as the float32 that they become."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(name, each) for each in value]
    return as_f32(value) if name in REAL else value


# ---- valid vectors --------------------------------------------------------------------------------------------------------------

U32 = 4294967295
DIGEST = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
UPDATE_ID = DIGEST[:8]


def dense(units, activation="identity"):
    return {"kind": "dense", "units": units, "activation": activation}


TRAINING = {
    "inputs": 561, "layers": [dense(64, "relu"), dense(6)], "loss": "softmax", "positiveWeight": 1, "standardized": True,
    "epochs": 1, "batch": 32, "learningRate": 0.1, "momentum": 0.9, "l2": 0.0001, "proximal": 0,
}  # fmt: skip

NOTICE = {
    "round": 3, "epoch": 5, "kind": "train", "phase": "working", "session": 3735928559, "secondsLeft": 60, "version": 3,
    "digest": DIGEST, "sizeBytes": 146392, "chunkClasses": [1024, 16384, 65536], "codecs": [5, 1, 0], "grid": -31,
    "weightCap": 1000, "seed": 7, "shards": 4, "spreadSeconds": 10, "committed": {"round": 2, "epoch": 4},
    "training": TRAINING,
}  # fmt: skip

UPDATE = {
    "round": 3, "epoch": 5, "updateId": UPDATE_ID, "index": 0, "count": 1, "baseVersion": 3, "codec": 1, "samples": 352,
    "steps": 11, "metrics": [123.25, 0.1], "payload": bytes(range(16)),
}  # fmt: skip

SENSOR = {
    "inputs": 384,
    "layers": [
        {"kind": "conv1d", "channels": 3, "filters": 8, "width": 5, "stride": 1, "activation": "relu"},
        {"kind": "pool", "mode": "max", "channels": 8, "width": 4},
        {"kind": "conv1d", "channels": 8, "filters": 16, "width": 3, "stride": 2, "activation": "tanh"},
        {"kind": "pool", "mode": "average", "channels": 16, "width": 14},
        dense(1),
    ],
    "loss": "logistic", "positiveWeight": 9.5, "standardized": False, "epochs": 5, "batch": 16, "learningRate": 0.01,
    "momentum": 0, "l2": 0, "proximal": 0.1,
}  # fmt: skip

EVERY_SETTING = {
    "errorFeedback": True, "schedule": {"kind": "cosine", "warmup": 100, "finalFraction": 0.125},
    "clipping": {"step": 1, "example": 2}, "trained": {"from": 1, "to": 5}, "shared": {"from": 1, "to": 4},
    "maxStaleness": 20,
}  # fmt: skip

WIDEST = {"kind": "conv1d", "channels": 65535, "filters": 65535, "width": 65535, "stride": 65535, "activation": "tanh"}

VALID = {
    "hello": [
        ("a gateway", {"session": 3735928559, "maxPacket": 1048576, "ramKiB": 0, "codecs": [0, 1, 3, 5, 6, 7], "abis": [1], "features": 12}),
        ("a microcontroller", {"session": 17, "maxPacket": 512, "ramKiB": 64, "codecs": [1, 0], "abis": [], "features": 66}),
        ("every number at its least", {"session": 0, "maxPacket": 256, "ramKiB": 0, "codecs": [0], "abis": [], "features": 1}),
        ("every number at its most", {"session": U32, "maxPacket": 268435455, "ramKiB": U32, "codecs": list(range(240, 256)), "abis": list(range(8)), "features": 65535}),
    ],
    "ready": [
        ("willing", {"session": 3735928559, "willing": True, "samples": 352, "testSamples": 88}),
        ("not willing", {"session": 23, "willing": False, "samples": 0, "testSamples": 24}),
        ("every number at its most", {"session": U32, "willing": True, "samples": U32, "testSamples": U32}),
    ],
    "gone": [
        ("zero", {"session": 0}),
        ("one byte", {"session": 23}),
        ("two bytes", {"session": 24}),
        ("two bytes, most", {"session": 255}),
        ("three bytes", {"session": 256}),
        ("three bytes, most", {"session": 65535}),
        ("five bytes", {"session": 65536}),
        ("five bytes, most", {"session": U32}),
    ],
    "notice": [
        ("training", NOTICE),
        ("before the first commit", {key: value for key, value in (NOTICE | {"round": 0, "phase": "selecting"}).items() if key != "committed"}),
        ("sensor windows, logistic", NOTICE | {"kind": "evaluate", "phase": "finishing", "training": SENSOR}),
        ("a module's own training", NOTICE | {"kind": "statistics", "training": TRAINING | {"layers": [], "loss": "custom"}}),
        ("regression", NOTICE | {"phase": "abandoned", "training": TRAINING | {"layers": [dense(1)], "loss": "squared"}}),
        ("offline, the coordinator's last will", NOTICE | {"phase": "offline", "secondsLeft": 0}),
        ("committed", NOTICE | {"phase": "committed"}),
        ("the model also as deltas", NOTICE | {"deltas": {"base": 1, "codec": 7}}),
        ("a private head, clipped samples", NOTICE | {"training": TRAINING | {"clipping": {"example": 0.5}, "shared": {"from": 0, "to": 1}}}),
        ("every setting there is", NOTICE | {"training": SENSOR | EVERY_SETTING, "deltas": {"base": 2, "codec": 4}}),
        ("late updates are taken", NOTICE | {"training": TRAINING | {"maxStaleness": 65535}}),
        ("released", NOTICE | {"kind": "released", "phase": "released", "codecs": [0]}),
        ("a round of a module", NOTICE | {"module": {"slot": "train", "sequence": 2, "least": 1}}),
        ("a round of the built-in kernels, with a slot", NOTICE | {"module": {"slot": "s", "sequence": 0, "least": 0}}),
        ("a module, every number at its most", NOTICE | {"module": {"slot": "a-slot-with-the-longest-name-32b", "sequence": U32, "least": U32}}),
        ("every number at its least", {
            "round": 0, "epoch": 0, "kind": "train", "phase": "offline", "session": 0, "secondsLeft": 0, "version": 0,
            "digest": bytes(32), "sizeBytes": 0, "chunkClasses": [64], "codecs": [0], "grid": -1100, "weightCap": 1, "seed": 0,
            "shards": 1, "spreadSeconds": 0, "committed": {"round": 0, "epoch": 0},
            "training": {
                "inputs": 1, "layers": [dense(1)], "loss": "softmax", "positiveWeight": 2.0**-149, "standardized": False,
                "epochs": 1, "batch": 1, "learningRate": 0, "momentum": 0, "l2": 0, "proximal": 0,
            },
        }),
        ("the largest there is", {
            "round": U32, "epoch": U32, "kind": "released", "phase": "released", "session": U32, "secondsLeft": 2147483,
            "version": U32, "digest": b"\xff" * 32, "sizeBytes": 268435455,
            "chunkClasses": [65536, 131072, 196608, 262144, 393216, 524288, 786432, 1048576], "codecs": list(range(240, 256)),
            "grid": 100, "weightCap": U32, "seed": U32, "shards": 65535, "spreadSeconds": 2147483,
            "committed": {"round": U32, "epoch": U32},
            "training": {
                "inputs": 65535, "layers": [WIDEST] * 15, "loss": "squared", "positiveWeight": 3.4028234663852886e38,
                "standardized": True, "epochs": 65535, "batch": 65535, "learningRate": 3.4028234663852886e38, "momentum": 1,
                "l2": 3.4028234663852886e38, "proximal": 3.4028234663852886e38,
            },
        }),
    ],
    "task": [
        ("join", {"action": "join", "round": 3, "epoch": 5, "retrySeconds": 0, "reason": ""}),
        ("wait", {"action": "wait", "round": 3, "epoch": 5, "retrySeconds": 3600, "reason": "not selected"}),
        ("stop", {"action": "stop", "round": 3, "epoch": 5, "retrySeconds": 0, "reason": "no common codec: this round takes eden1, int8"}),
        ("text of every width", {"action": "stop", "round": 0, "epoch": 0, "retrySeconds": 2147483, "reason": "zu groß: 5 € statt \U0001f50b"}),
        ("the longest text", {"action": "wait", "round": U32, "epoch": U32, "retrySeconds": 1, "reason": "é" * 100}),
    ],
    "update": [
        ("int8", UPDATE),
        ("the last of three chunks", UPDATE | {"index": 2, "count": 3, "payload": b"\x80"}),
        ("many chunks", UPDATE | {"index": 299, "count": 300, "codec": 5, "payload": bytes(range(24))}),
        ("no metrics", UPDATE | {"metrics": [], "samples": 0, "steps": 0}),
        ("metrics of every sign", UPDATE | {"metrics": [0.0, -0.0, -1.5, 3.4028234663852886e38, 2.0**-149, 1e-20]}),
        ("of a module", UPDATE | {"module": 2}),
        ("of the last module there can be", UPDATE | {"module": U32}),
        ("a payload of 256 bytes", UPDATE | {"payload": bytes(range(256))}),
        ("every number at its least", {"round": 0, "epoch": 0, "updateId": bytes(8), "index": 0, "count": 1, "baseVersion": 0, "codec": 0, "samples": 0, "steps": 0, "metrics": [], "payload": b"\x00"}),
        ("every number at its most", {"round": U32, "epoch": U32, "updateId": b"\xff" * 8, "index": 65534, "count": 65535, "baseVersion": U32, "codec": 255, "samples": U32, "steps": U32, "metrics": [1.0] * 16, "payload": b"\xff" * 23}),
    ],
    "receipt": [
        ("folded", {"status": "folded", "round": 3, "epoch": 5, "updateId": UPDATE_ID, "retrySeconds": 0, "allowedBytes": 0, "reason": ""}),
        ("duplicate", {"status": "duplicate", "round": 3, "epoch": 5, "updateId": UPDATE_ID, "retrySeconds": 0, "allowedBytes": 0, "reason": ""}),
        ("late", {"status": "late", "round": 4, "epoch": 6, "updateId": UPDATE_ID, "retrySeconds": 0, "allowedBytes": 0, "reason": "round 4 has begun"}),
        ("busy", {"status": "busy", "round": 3, "epoch": 5, "updateId": UPDATE_ID, "retrySeconds": 12, "allowedBytes": 0, "reason": "no room to join chunks"}),
        ("refused by size", {"status": "refused", "round": 3, "epoch": 5, "updateId": UPDATE_ID, "retrySeconds": 0, "allowedBytes": 40960, "reason": "expected at most 40960 bytes, got 81920"}),
        ("every number at its most", {"status": "refused", "round": U32, "epoch": U32, "updateId": b"\xff" * 8, "retrySeconds": 2147483, "allowedBytes": 268435455, "reason": "x" * 200}),
    ],
    "model": [
        ("whole", {"version": 3, "index": 0, "count": 1, "payload": f32(1, -2, 0.5)}),
        ("a chunk of many", {"version": 3, "index": 17, "count": 143, "payload": bytes(32)}),
        ("a delta", {"version": 3, "index": 0, "count": 2, "base": 2, "payload": b"\x01\x02\x03"}),
        ("every number at its least", {"version": 0, "index": 0, "count": 1, "payload": b"\x00"}),
        ("every number at its most", {"version": U32, "index": 65534, "count": 65535, "base": U32 - 1, "payload": b"\xff" * 256}),
    ],
    "flash": [
        ("install", {"action": "install", "slot": "train", "sequence": 2}),
        ("go back", {"action": "revert", "slot": "a-slot-with-the-longest-name-32b", "sequence": U32}),
        ("every number at its least", {"action": "install", "slot": "-", "sequence": 1}),
    ],
    "module": [
        ("a chunk of many", {"sequence": 2, "index": 1, "count": 3, "payload": b"\x00asm\x01\x00\x00\x00"}),
        ("every number at its least", {"sequence": 1, "index": 0, "count": 1, "payload": b"\x00"}),
        ("every number at its most", {"sequence": U32, "index": 65534, "count": 65535, "payload": b"\xff" * 256}),
    ],
    "flashed": [
        ("nothing yet", {"session": 17, "slot": "train", "active": 0, "target": 0, "state": "idle", "reason": "", "losses": []}),
        ("on its way", {"session": 17, "slot": "train", "active": 1, "target": 2, "state": "loading", "reason": "", "losses": []}),
        ("installed", {"session": 17, "slot": "train", "active": 2, "target": 2, "state": "installed", "reason": "", "losses": []}),
        ("confirmed", {"session": 3735928559, "slot": "train", "active": 2, "target": 2, "state": "confirmed", "reason": "", "losses": [12.5, 88, 11.25, 88]}),
        ("refused", {"session": 17, "slot": "train", "active": 1, "target": 2, "state": "refused", "reason": "signature: expected a signature of key 0011223344556677", "losses": []}),
        ("rolled back", {"session": 17, "slot": "train", "active": 1, "target": 3, "state": "rolledBack", "reason": "trap: unreachable", "losses": []}),
        ("reverted", {"session": 17, "slot": "train", "active": 1, "target": 3, "state": "reverted", "reason": "told: the rollout was halted", "losses": []}),
        ("failing", {"session": 17, "slot": "train", "active": 2, "target": 2, "state": "failing", "reason": "timeout: a step took longer than 10000 ms", "losses": []}),
        ("every number at its most", {"session": U32, "slot": "a-slot-with-the-longest-name-32b", "active": U32, "target": U32, "state": "failing", "reason": "x" * 200, "losses": [3.4028234663852886e38] * 4}),
    ],
}  # fmt: skip

BUILD = {
    "hello": hello, "ready": ready, "gone": gone, "notice": notice, "task": task, "update": update, "receipt": receipt,
    "model": model, "flash": flash, "module": module, "flashed": flashed,
}  # fmt: skip

# ---- invalid vectors ------------------------------------------------------------------------------------------------------------

invalid = []


def bad(code, reason, item):
    invalid.append({"reason": reason, "code": code, "hex": (item if isinstance(item, bytes) else cbor(item)).hex()})


def change(item, path, value):
    """A copy of nested maps and lists with one entry replaced, or taken out where value is None; keys ascending."""
    if not path:
        return value
    if isinstance(item, list):
        return [change(each, path[1:], value) if i == path[0] else each for i, each in enumerate(item)]
    out = dict(item)
    new = change(item.get(path[0]), path[1:], value)
    if new is None:
        del out[path[0]]
    else:
        out[path[0]] = new
    return dict(sorted(out.items()))


GONE = gone({"session": 5})
HELLO = hello(VALID["hello"][0][1])
READY = ready(VALID["ready"][0][1])
NOTE = notice(NOTICE)
TASK = task(VALID["task"][1][1])
UP = update(UPDATE)
RECEIPT = receipt(VALID["receipt"][3][1])
MODEL = model(VALID["model"][2][1])
FLASHING = flash(VALID["flash"][0][1])
MODULE = module(VALID["module"][0][1])
STATE = flashed(VALID["flashed"][3][1])


def structure():
    bad("truncated", "nothing at all", b"")
    bad("truncated", "a map without its entries", bytes.fromhex("a3"))
    bad("truncated", "a map whose last value is missing", bytes.fromhex("a3000101030200")[:-1])
    bad("truncated", "a head cut in its argument", bytes.fromhex("a30001010302190f"))
    bad("truncated", "a byte string longer than the message", bytes.fromhex("a3000101030243aabb"))
    bad("truncated", "a byte string of 4 GiB", bytes.fromhex("a300010103025affffffff"))
    bad("truncated", "an array of 2^32 - 1 items", bytes.fromhex("a300010103029affffffff"))
    bad("truncated", "a map of 2^32 - 1 entries", bytes.fromhex("baffffffff"))
    bad("trailing", "a byte after the message", cbor(GONE) + b"\x00")
    bad("trailing", "a second message after the first", cbor(GONE) * 2)
    bad("not-shortest", "5 in two bytes", GONE | {2: Raw.fromhex("1805")})
    bad("not-shortest", "255 in three bytes", GONE | {2: Raw.fromhex("1900ff")})
    bad("not-shortest", "65535 in five bytes", GONE | {2: Raw.fromhex("1a0000ffff")})
    bad("not-shortest", "a map head of two bytes for three entries", bytes.fromhex("b803000101030205"))
    bad("not-shortest", "a key in two bytes", bytes.fromhex("a3000101031802" "05"))
    bad("not-shortest", "a byte string head too long", change(UP, [4], Raw(b"\x58\x08" + UPDATE_ID)))
    bad("not-shortest", "a payload head too long", change(UP, [23], Raw(b"\x59\x00\x10" + bytes(16))))
    bad("too-wide", "a number of 64 bits", GONE | {2: Raw.fromhex("1b0000000100000000")})
    bad("too-wide", "a small number in nine bytes", GONE | {2: Raw.fromhex("1b0000000000000005")})
    bad("too-wide", "a byte string with a 64-bit length", GONE | {2: Raw.fromhex("5b0000000000000001aa")})
    bad("too-wide", "-2^31 - 1", change(NOTE, [13], Raw.fromhex("3a80000000")))
    bad("indefinite", "an indefinite map", bytes.fromhex("bf000101030205ff"))
    bad("indefinite", "an indefinite byte string", GONE | {2: Raw.fromhex("5f41aaff")})
    bad("indefinite", "an indefinite text", change(TASK, [6], Raw.fromhex("7f6161ff")))
    bad("indefinite", "an indefinite array of layers", change(NOTE, [19, 1], Raw.fromhex("9fa3000001010200ff")))
    bad("indefinite", "a break alone", b"\xff")
    for info in (28, 29, 30):
        bad("indefinite", f"reserved additional information {info}", GONE | {2: Raw([info])})
    bad("unsupported", "null", GONE | {2: Raw.fromhex("f6")})
    bad("unsupported", "undefined", GONE | {2: Raw.fromhex("f7")})
    bad("unsupported", "a float of 16 bits", GONE | {2: Raw.fromhex("f93c00")})
    bad("unsupported", "a float of 32 bits", GONE | {2: Raw.fromhex("fa3f800000")})
    bad("unsupported", "a float of 64 bits", GONE | {2: Raw.fromhex("fb3ff0000000000000")})
    bad("unsupported", "simple value 16", GONE | {2: Raw.fromhex("f0")})
    bad("unsupported", "simple value 255", GONE | {2: Raw.fromhex("f8ff")})
    bad("unsupported", "true in two bytes", READY | {3: Raw.fromhex("f815")})
    bad("unsupported", "a tagged message (self-described CBOR)", bytes.fromhex("d9d9f7") + cbor(GONE))
    bad("unsupported", "a tagged time", GONE | {2: Raw.fromhex("c105")})
    bad("unsupported", "a bignum", GONE | {2: Raw.fromhex("c24105")})
    bad("unsupported", "a typed array", change(UP, [11], Raw(b"\xd8\x55\x44" + f32(1))))
    bad("unsupported", "a cbor-x record definition", GONE | {2: Raw.fromhex("d9dfff831940006161" "01")})
    bad("unsupported", "a shared reference", GONE | {2: Raw.fromhex("d81d00")})
    bad("key", "keys out of order", bytes.fromhex("a3" "0103" "0001" "0205"))
    bad("key", "a key twice", bytes.fromhex("a4" "0001" "0103" "0205" "0206"))
    bad("key", "key 24", GONE | {24: 0})
    bad("key", "a negative key", bytes.fromhex("a4" "0001" "0103" "0205" "2000"))
    bad("key", "a key that is text", bytes.fromhex("a4" "0001" "0103" "0205" "616100"))
    bad("key", "a key that is a byte string", bytes.fromhex("a4" "0001" "0103" "0205" "410000"))
    bad("key", "a key that is an array", bytes.fromhex("a4" "0001" "0103" "0205" "8000"))
    bad("key", "a nested key twice", change(NOTE, [18], Raw.fromhex("a300020104" "0104")))
    bad("depth", "five arrays inside one another", GONE | {2: [[[[0]]]]})
    bad("depth", "a bomb of arrays", b"\x81" * 500 + b"\x00")
    bad("depth", "a bomb of maps", b"\xa1\x00" * 500 + b"\x00")
    bad("items", "400 numbers", GONE | {2: [0] * 400})
    bad("text", "UTF-8 cut short", change(TASK, [6], Raw.fromhex("61c3")))
    bad("text", "a stray continuation byte", change(TASK, [6], Raw.fromhex("6180")))
    bad("text", "an overlong solidus of two bytes", change(TASK, [6], Raw.fromhex("62c0af")))
    bad("text", "an overlong form of three bytes", change(TASK, [6], Raw.fromhex("63e09fbf")))
    bad("text", "an overlong form of four bytes", change(TASK, [6], Raw.fromhex("64f08fbfbf")))
    bad("text", "a surrogate", change(TASK, [6], Raw.fromhex("63eda080")))
    bad("text", "beyond U+10FFFF", change(TASK, [6], Raw.fromhex("64f4908080")))
    bad("text", "a byte that UTF-8 never has", change(TASK, [6], Raw.fromhex("61ff")))
    bad("text", "a line break", change(TASK, [6], "one\ntwo"))
    bad("text", "an escape sequence", change(TASK, [6], "\x1b[2J"))
    bad("text", "a C1 control character", change(TASK, [6], "\u009b2J"))
    bad("text", "delete", change(TASK, [6], "\x7f"))
    bad("text", "a byte order mark", change(TASK, [6], "\ufeff" + "x" * 80))
    bad("text", "text of 201 bytes", change(TASK, [6], "x" * 201))


def messages():
    bad("version", "a number is no message", 1)
    bad("version", "an array is no message", [1, 3, 5])
    bad("version", "a byte string is no message", b"\x41\xa0")
    bad("version", "an empty map", {})
    bad("version", "no version", change(GONE, [0], None))
    bad("version", "version 0", GONE | {0: 0})
    bad("version", "version 2", GONE | {0: 2})
    bad("version", "a version that is text", GONE | {0: "1"})
    bad("type", "no type", change(GONE, [1], None))
    bad("type", "type 0", GONE | {1: 0})
    bad("type", "reserved type 11", GONE | {1: 11})
    bad("type", "reserved type 16", GONE | {1: 16})
    bad("type", "type 18", GONE | {1: 18})
    bad("type", "a type that is text", GONE | {1: "gone"})
    bad("type", "a type that is true", GONE | {1: True})
    bad("unknown", "a key that gone does not have", GONE | {3: 0})
    bad("unknown", "a payload that gone does not have", GONE | {23: b"\x00"})
    for key in (21, 22):
        bad("unknown", f"the notice's reserved key {key}", NOTE | {key: {}})
    bad("unknown", "a nested key that committed does not have", change(NOTE, [18, 2], 0))
    bad("unknown", "a key that a dense layer does not have", change(NOTE, [19, 1, 0, 3], 0))
    bad("unknown", "another message's fields", {**GONE, **{k: v for k, v in READY.items() if k > 2}})
    for name, item in (("hello", HELLO), ("ready", READY), ("gone", GONE), ("notice", NOTE), ("task", TASK), ("update", UP), ("receipt", RECEIPT), ("model", MODEL), ("flash", FLASHING), ("module", MODULE), ("flashed", STATE)):  # fmt: skip
        for key in item:
            if key > 1 and not (name == "notice" and key == 18) and not (name == "model" and key == 5):
                bad("missing", f"{name} without key {key}", change(item, [key], None))
                bad("kind", f"{name} with an empty array in key {key}", change(item, [key], []))
    for key in NOTE[19]:
        bad("missing", f"training without key {key}", change(NOTE, [19, key], None))
    bad("missing", "committed without its epoch", change(NOTE, [18, 1], None))
    bad("missing", "a dense layer without its activation", change(NOTE, [19, 1, 0, 2], None))
    bad("kind", "a layer without its kind", change(NOTE, [19, 1, 0, 0], None))
    bad("kind", "a layer that is a number", change(NOTE, [19, 1, 0], 3))
    bad("kind", "layers that are a map", change(NOTE, [19, 1], {}))
    bad("kind", "training that is an array", change(NOTE, [19], [0]))
    bad("kind", "a number that is true", GONE | {2: True})
    bad("kind", "a flag that is 1", READY | {3: 1})
    bad("kind", "bytes that are text", change(UP, [4], "12345678"))
    bad("kind", "text that is bytes", change(TASK, [6], b"no"))
    bad("kind", "a real number that is an integer", change(NOTE, [19, 7], 1))


def bounds():
    def range_of(what, item, path, low, high):
        for value in (low, high):
            if value is not None:
                bad("bound", f"{what} {value}", change(item, path, value))

    range_of("session", GONE, [2], -1, None)
    range_of("a packet of", HELLO, [3], 255, 268435456)
    range_of("features", HELLO, [7], 0, 65536)
    range_of("kind", NOTE, [4], -1, 4)
    range_of("phase", NOTE, [5], -1, 7)
    range_of("seconds left", NOTE, [7], -1, 2147484)
    range_of("model bytes", NOTE, [10], -1, 268435456)
    range_of("grid", NOTE, [13], -1101, 101)
    range_of("grid", NOTE, [13], -2147483648, U32)
    range_of("weight cap", NOTE, [14], 0, None)
    range_of("shards", NOTE, [16], 0, 65536)
    range_of("spread", NOTE, [17], -1, 2147484)
    range_of("inputs", NOTE, [19, 0], 0, 65536)
    range_of("loss", NOTE, [19, 2], -1, 4)
    range_of("local epochs", NOTE, [19, 5], 0, 65536)
    range_of("batch", NOTE, [19, 6], 0, 65536)
    range_of("layer kind", NOTE, [19, 1, 0, 0], -1, 3)
    range_of("units", NOTE, [19, 1, 0, 1], 0, 65536)
    range_of("activation", NOTE, [19, 1, 0, 2], -1, 3)
    range_of("action", TASK, [2], -1, 3)
    range_of("flash action", FLASHING, [2], -1, 2)
    range_of("flash sequence", FLASHING, [4], 0, None)
    range_of("module sequence", MODULE, [2], 0, None)
    range_of("flash state", STATE, [6], -1, 8)
    range_of("module of an update", UP | {15: 1}, [15], 0, None)
    range_of("retry", TASK, [5], -1, 2147484)
    range_of("status", RECEIPT, [2], -1, 5)
    range_of("allowed bytes", RECEIPT, [7], -1, 268435456)
    range_of("codec", UP, [8], -1, 256)
    range_of("chunk count", UP, [6], 0, 65536)
    range_of("chunk index", UP, [5], -1, 65535)
    ranged = lambda start, end: change(NOTE, [19, 14], {0: start, 1: end})  # noqa: E731
    bad("unknown", "a training setting that is reserved", change(NOTE, [19, 17], 0))
    range_of("staleness", NOTE, [19, 16], 0, 65536)
    bad("kind", "a schedule that is a number", change(NOTE, [19, 12], 1))
    bad("missing", "a schedule without its warm-up", change(NOTE, [19, 12], {0: 1, 2: f32(0)}))
    bad("bound", "a schedule of no kind", change(NOTE, [19, 12], {0: 3, 1: 0, 2: f32(0)}))
    bad("bound", "a schedule that rises", change(NOTE, [19, 12], {0: 1, 1: 0, 2: f32(1.5)}))
    bad("bound", "a clipping norm of 0", change(NOTE, [19, 13], {1: f32(0)}))
    bad("bound", "trained layers beyond the last", ranged(0, 3))
    bad("bound", "no trained layers", ranged(1, 1))
    bad("bound", "trained layers from the fifteenth", ranged(15, 15))
    bad("bound", "shared layers that are not trained", change(ranged(1, 2), [19, 15], {0: 0, 1: 2}))
    bad("bound", "shared layers beyond the last", change(NOTE, [19, 15], {0: 0, 1: 3}))
    bad("bound", "a custom model's shared layers", change(change(change(NOTE, [19, 2], 3), [19, 1], []), [19, 15], {0: 0, 1: 1}))
    bad("missing", "deltas without their codec", NOTE | {20: {0: 1}})
    bad("unknown", "deltas with more", NOTE | {20: {0: 1, 1: 7, 2: 0}})
    bad("bound", "deltas from the model's own version", NOTE | {20: {0: 3, 1: 7}})
    bad("bound", "deltas in codec 256", NOTE | {20: {0: 1, 1: 256}})
    needs = lambda *values: NOTE | {23: dict(enumerate(values))}  # noqa: E731
    bad("missing", "a module without its least sequence", needs("train", 2))
    bad("unknown", "a module with more", needs("train", 2, 1, 0))
    bad("bound", "a module below its least", needs("train", 1, 2))
    bad("kind", "a slot that is empty", needs("", 2, 1))
    bad("kind", "a slot of 33 bytes", needs("s" * 33, 2, 1))
    bad("kind", "a slot in capitals", FLASHING | {3: "Train"})
    bad("kind", "a slot with a wildcard", STATE | {3: "+"})
    bad("bound", "a module chunk at its count", change(MODULE, [3], 3))
    bad("bound", "an empty module chunk", change(MODULE, [23], b""))
    bad("bound", "losses of three numbers", change(STATE, [8], f32(1, 2, 3)))
    bad("bound", "losses of five numbers", change(STATE, [8], f32(1, 2, 3, 4, 5)))
    bad("bound", "losses of 15 bytes", change(STATE, [8], bytes(15)))
    bad("bound", "a loss that is not a number", change(STATE, [8], f32(float("nan"), 1, 1, 1)))
    bad("bound", "a state of no module", change(STATE, [5], 0))
    bad("bound", "idle about a module", change(STATE, [6], 0))
    bad("text", "a reason with a line break", change(STATE, [7], "a\nb"))
    bad("text", "a reason of 201 bytes", change(STATE, [7], "x" * 201))
    bad("bound", "16 layers", change(NOTE, [19, 1], [layer(dense(1))] * 16))
    bad("bound", "no layers, though the loss is softmax", change(NOTE, [19, 1], []))
    bad("bound", "layers, though the loss is custom", change(NOTE, [19, 2], 3))
    bad("bound", "a chunk at its count", change(UP, [5], 1))
    bad("bound", "a model chunk at its count", change(MODEL, [3], 2))
    bad("bound", "a delta against itself", change(MODEL, [5], 3))
    bad("bound", "a delta against a later version", change(MODEL, [5], 4))
    bad("bound", "an update id of 7 bytes", change(UP, [4], bytes(7)))
    bad("bound", "an update id of 9 bytes", change(UP, [4], bytes(9)))
    bad("bound", "a digest of 31 bytes", change(NOTE, [9], bytes(31)))
    bad("bound", "no codecs", change(NOTE, [12], b""))
    bad("bound", "17 codecs", change(HELLO, [5], bytes(range(17))))
    bad("bound", "a codec twice", change(HELLO, [5], b"\x01\x00\x01"))
    bad("bound", "9 ABIs", change(HELLO, [6], bytes(range(9))))
    bad("bound", "no chunk classes", change(NOTE, [11], b""))
    bad("bound", "9 chunk classes", change(NOTE, [11], struct.pack("<9I", *range(1000, 1009))))
    bad("bound", "a chunk class of 63", change(NOTE, [11], struct.pack("<I", 63)))
    bad("bound", "a chunk class of 1 MiB and a byte", change(NOTE, [11], struct.pack("<I", 1048577)))
    bad("bound", "a chunk class twice", change(NOTE, [11], struct.pack("<2I", 1024, 1024)))
    bad("bound", "chunk classes that descend", change(NOTE, [11], struct.pack("<2I", 16384, 1024)))
    bad("bound", "chunk classes of 5 bytes", change(NOTE, [11], bytes(5)))
    bad("bound", "metrics of 5 bytes", change(UP, [11], bytes(5)))
    bad("bound", "17 metrics", change(UP, [11], f32(*[0.0] * 17)))
    bad("bound", "a metric that is not a number", change(UP, [11], f32(0, float("nan"))))
    bad("bound", "an infinite metric", change(UP, [11], f32(float("-inf"))))
    bad("bound", "an empty payload", change(UP, [23], b""))
    bad("bound", "an empty model chunk", change(MODEL, [23], b""))
    for key, name in ((3, "positive weight"), (7, "learning rate"), (8, "momentum"), (9, "L2"), (10, "proximal term")):
        for value in ("nan", "inf", "-inf", "-0.0", "-0.5"):
            bad("bound", f"{name} {value}", change(NOTE, [19, key], f32(float(value))))
        bad("bound", f"{name} of 8 bytes", change(NOTE, [19, key], struct.pack("<d", 0.5)))
    bad("bound", "positive weight 0", change(NOTE, [19, 3], f32(0)))
    bad("bound", "momentum above 1", change(NOTE, [19, 8], Raw.fromhex("440100803f")))


def write(name, content):
    (HERE / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def main():
    for kind, cases in VALID.items():
        vectors = []
        for name, fields in cases:
            item = BUILD[kind](fields)
            vectors.append({
                "name": name,
                "hex": cbor(item).hex(),
                "diagnostic": diagnostic(item),
                "value": {"type": kind} | plain("", fields),
            })  # fmt: skip
        write(kind, vectors)
    structure()
    messages()
    bounds()
    write("invalid", invalid)


main()
