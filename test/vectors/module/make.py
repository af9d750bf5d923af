"""Writes `manifest.json` beside this file: `python3 make.py`. Needs the package `cryptography`, for Ed25519.

Written from src/wire/manifest.cddl, RFC 9052 and RFC 8949 alone: it shares nothing with the TypeScript that it judges. Bytes are in hexadecimal.
"""

import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = pathlib.Path(__file__).parent
# RFC 8032, section 7.1, TEST 1.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


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
        raw = item.encode()
        return head(3, len(raw)) + raw
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(map(cbor, item))
    if isinstance(item, dict):
        return head(5, len(item)) + b"".join(cbor(k) + cbor(v) for k, v in item.items())
    return head(0, item) if item >= 0 else head(1, -1 - item)


KEY_ID = hashlib.sha256(PUBLIC).digest()[:8]


def sign(payload, protected=None):
    protected = cbor({1: -8, 4: KEY_ID}) if protected is None else protected
    signed = cbor(["Signature1", protected, b"", payload])
    signature = Ed25519PrivateKey.from_private_bytes(SECRET).sign(signed)
    return protected, signed, signature


def envelope(payload):
    protected, _, signature = sign(payload)
    return cbor([protected, {}, payload, signature])


FEATURES = {"mvp": 0, "simd": 1}
NAMES = ["sequence", "slot", "tags", "abi", "features", "memoryKiB", "sizeBytes", "digest", "chunkBytes", "selfTest", "expires"]


def encode(manifest):
    fields = {0: 1}
    for key, name in enumerate(NAMES, 1):
        if name in manifest:
            value = manifest[name]
            fields[key] = FEATURES[value] if name == "features" else value
    return cbor(fields)


DIGEST = hashlib.sha256(b"a module").digest()
SELF_TEST = hashlib.sha256(b"its answers").digest()
PLAIN = dict(
    sequence=1, slot="trainer", tags=[], abi=1, features="mvp", memoryKiB=64, sizeBytes=8, digest=DIGEST, chunkBytes=64, selfTest=SELF_TEST
)
FULL = dict(
    sequence=2**32 - 1,
    slot="a-slot-with-the-longest-name-32b",
    tags=["north", "gateway-class-2"],
    abi=255,
    features="simd",
    memoryKiB=2097088,
    sizeBytes=1048576,
    digest=SELF_TEST,
    chunkBytes=65536,
    selfTest=DIGEST,
    expires=2**32 - 1,
)


def shown(manifest):
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in manifest.items()}


def valid(manifest):
    payload = encode(manifest)
    _, signed, signature = sign(payload)
    return dict(
        manifest=shown(manifest), payload=payload.hex(), signed=signed.hex(), signature=signature.hex(), envelope=envelope(payload).hex()
    )


def change(**changes):
    return encode({**PLAIN, **changes})


def without(name):
    return encode({key: value for key, value in PLAIN.items() if key != name})


GOOD = envelope(encode(PLAIN))
PROTECTED, _, SIGNATURE = sign(encode(PLAIN))
PAYLOAD = encode(PLAIN)
HEADERS = {
    "alg ES256": cbor({1: -7, 4: KEY_ID}),
    "no kid": cbor({1: -8}),
    "kid of 7 bytes": cbor({1: -8, 4: KEY_ID[:7]}),
    "kid before alg": cbor({4: KEY_ID, 1: -8}),
}
# What no decoder may take for an envelope.
ENVELOPES = {
    "nothing": b"",
    "truncated by a byte": GOOD[:-1],
    "a byte more": GOOD + b"\0",
    "tagged": b"\xd2" + GOOD,
    "three entries": cbor([PROTECTED, {}, PAYLOAD]),
    "a detached payload": b"\x84" + cbor(PROTECTED) + cbor({}) + b"\xf6" + cbor(SIGNATURE),
    "an unprotected header": cbor([PROTECTED, {5: b"iv"}, PAYLOAD, SIGNATURE]),
    "a signature of 63 bytes": cbor([PROTECTED, {}, PAYLOAD, SIGNATURE[:63]]),
    "a payload's length not in its shortest form": b"\x84" + cbor(PROTECTED) + b"\xa0\x59\x00" + bytes([len(PAYLOAD)]) + PAYLOAD + cbor(SIGNATURE),
    "an indefinite array": b"\x9f" + cbor(PROTECTED) + cbor({}) + cbor(PAYLOAD) + cbor(SIGNATURE) + b"\xff",
    "longer than allowed": envelope(PAYLOAD + bytes(130)),
}
for what, protected in HEADERS.items():
    ENVELOPES[what] = cbor([protected, {}, PAYLOAD, sign(PAYLOAD, protected)[2]])

# Well signed, and wrong.
MANIFESTS = {
    "version 2": (PAYLOAD[:1] + cbor(0) + cbor(2) + PAYLOAD[3:], "version"),
    "sequence 0": (change(sequence=0), "bound"),
    "no slot": (without("slot"), "missing"),
    "an empty slot": (change(slot=""), "kind"),
    "a slot with a slash": (change(slot="a/b"), "kind"),
    "a slot of 33 characters": (change(slot="a" * 33), "kind"),
    "nine tags": (change(tags=["t"] * 9), "bound"),
    "a tag that is a number": (change(tags=[1]), "kind"),
    "abi 0": (change(abi=0), "bound"),
    "abi 256": (change(abi=256), "bound"),
    "features 2": (PAYLOAD.replace(cbor(5) + cbor(0) + cbor(6), cbor(5) + cbor(2) + cbor(6)), "bound"),
    "less than a page of memory": (change(memoryKiB=63), "bound"),
    "more memory than there is": (change(memoryKiB=2097089), "bound"),
    "a module of 7 bytes": (change(sizeBytes=7), "bound"),
    "a module beyond 1 MiB": (change(sizeBytes=1048577), "bound"),
    "a digest of 31 bytes": (change(digest=DIGEST[:31]), "bound"),
    "chunks of 63 bytes": (change(chunkBytes=63), "bound"),
    "chunks beyond 64 KiB": (change(chunkBytes=65537), "bound"),
    "no self-test": (without("selfTest"), "missing"),
    "expires at 0": (change(expires=0), "bound"),
    "an unknown key": (b"\xac" + PAYLOAD[1:] + cbor(12) + cbor(1), "unknown"),
    "a key twice": (b"\xac" + PAYLOAD[1:] + cbor(10) + cbor(SELF_TEST), "key"),
    "a byte more": (PAYLOAD + b"\0", "trailing"),
    "truncated": (PAYLOAD[:-1], "truncated"),
    "an array": (cbor([1, 2]), "version"),
}

vectors = dict(
    publicKey=PUBLIC.hex(),
    keyId=KEY_ID.hex(),
    secretKey=SECRET.hex(),
    valid=[valid(PLAIN), valid(FULL)],
    envelopes=[dict(what=what, bytes=raw.hex()) for what, raw in ENVELOPES.items()],
    manifests=[dict(what=what, payload=raw.hex(), code=code) for what, (raw, code) in MANIFESTS.items()],
)
(HERE / "manifest.json").write_text(json.dumps(vectors, indent=2) + "\n")
