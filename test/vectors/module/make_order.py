"""Writes `order.json` beside this file: `python3 make_order.py`.

Written from src/wire/order.cddl and RFC 8949 alone: it shares nothing with the TypeScript that it judges. Bytes are in hexadecimal.
"""

import json
import pathlib

HERE = pathlib.Path(__file__).parent
ACTIONS = ["start", "plan", "pause", "resume", "abort"]
NAMES = ["action", "slot", "sequence", "issued", "nonce", "tag", "stages", "enough", "failures", "tolerance"]


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for info, size in ((24, 1), (25, 2), (26, 4)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError(value)


def cbor(item):
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, dict):
        return head(5, len(item)) + b"".join(cbor(key) + cbor(value) for key, value in item.items())
    return head(0, item) if item >= 0 else head(1, -1 - item)


def fields(order):
    items = {0: 1}
    for key, name in enumerate(NAMES, 12):
        if name in order:
            value = order[name]
            items[key] = ACTIONS.index(value) if name == "action" else bytes(value) if name == "stages" else value
    return items


U32 = 2**32 - 1
PAUSE = dict(action="pause", slot="train", sequence=2, issued=1796000000, nonce=7)
START = PAUSE | dict(action="start", tag="gateways", stages=[5, 25, 100], enough=90, failures=10, tolerance=20)
LARGEST = dict(
    action="abort",
    slot="a-slot-with-the-longest-name-32b",
    sequence=U32,
    issued=U32,
    nonce=U32,
    tag="x" * 32,
    stages=list(range(85, 101)),
    enough=100,
    failures=100,
    tolerance=10000,
)
VALID = [PAUSE, PAUSE | dict(action="resume", nonce=0), PAUSE | dict(action="plan"), START, LARGEST]


def change(**changes):
    return cbor(fields(START | changes))


def without(key):
    return cbor({each: value for each, value in fields(START).items() if each != key})


INVALID = {
    "version 2": (cbor(fields(START) | {0: 2}), "version"),
    "no version": (without(0), "version"),
    "no action": (without(12), "missing"),
    "no slot": (without(13), "missing"),
    "no sequence": (without(14), "missing"),
    "no time": (without(15), "missing"),
    "no nonce": (without(16), "missing"),
    "action 5": (cbor(fields(START) | {12: 5}), "bound"),
    "sequence 0": (change(sequence=0), "bound"),
    "at 1970": (change(issued=0), "bound"),
    "a slot with a slash": (change(slot="a/b"), "kind"),
    "an empty tag": (change(tag=""), "kind"),
    "no stages": (change(stages=[]), "bound"),
    "17 stages": (change(stages=list(range(1, 18))), "bound"),
    "a stage of 0 percent": (change(stages=[0, 100]), "bound"),
    "a stage of 101 percent": (change(stages=[5, 101]), "bound"),
    "stages that descend": (change(stages=[25, 5]), "bound"),
    "a stage twice": (change(stages=[25, 25]), "bound"),
    "enough 101": (change(enough=101), "bound"),
    "failures -1": (change(failures=-1), "bound"),
    "tolerance 10001": (change(tolerance=10001), "bound"),
    "an unknown key": (cbor(fields(START) | {22: 0}), "unknown"),
    "a manifest's key": (cbor({0: 1, 1: 1} | fields(START)), "unknown"),
    "a byte more": (cbor(fields(START)) + b"\0", "trailing"),
    "truncated": (cbor(fields(START))[:-1], "truncated"),
}

vectors = dict(
    valid=[dict(order=order, payload=cbor(fields(order)).hex()) for order in VALID],
    invalid=[dict(what=what, payload=raw.hex(), code=code) for what, (raw, code) in INVALID.items()],
)
(HERE / "order.json").write_text(json.dumps(vectors, indent=2) + "\n")
