"""Writes hostile.json: payloads that must be refused, by what is done to a good one, and some that must not; verdicts from strict.py."""

import hashlib
from fractions import Fraction

import numpy as np

from codec_reference import CENTROIDS, CODECS, F, blocks, contributions, encode, grid_exponent
from golden import f64, write
from strict import BOUND, PARTS, SCALE, VALUE, refusal

# 17 integer blocks and one of 11, whose 4-bit form has padding; rotated blocks of 1024, 64 and 32, the last filled up from 11.
N = 1099
KEY = {"seed": 77, "round": 5, "device": [3, 4]}
COHORT, CAP, LARGEST, WEIGHT = 4, 10, 2, 8
G = grid_exponent(COHORT, CAP, LARGEST)
LIMIT = Fraction(2) ** (G + 52) / COHORT
assert LIMIT / WEIGHT == 4

random = np.random.default_rng(20261205)
DELTA = (random.standard_normal(N) * 0.05).astype(F)
FRACTION = 0.02


def u16(pattern):
    return pattern.to_bytes(2, "little")


BAD_SCALES = {"an infinite scale": 0x7F80, "a NaN scale": 0x7FC0, "a signalling NaN": 0x7F81, "-infinity as scale": 0xFF80, "a negative NaN": 0xFFFF,
              "a scale of -0": 0x8000, "a negative scale": 0xBD00}  # fmt: skip


def f32_cases(payload):
    for at in (0, 63, 64, 700, N - 1):
        for what, v in (("infinity", 0x7F800000), ("-infinity", 0xFF800000), ("NaN", 0x7FC00000), ("a signalling NaN", 0x7F800001)):
            yield VALUE, f"{what} at {at}", [(4 * at, v.to_bytes(4, "little"))]
        yield BOUND, f"the largest float at {at}", [(4 * at, bytes.fromhex("ffff7f7f"))]
        yield BOUND, f"one step above the bound at {at}", [(4 * at, np.nextafter(F(-4), F(-5)).tobytes())]
        yield None, f"a value on the bound at {at}", [(4 * at, F(-4).tobytes())]


def integer_cases(payload, width):
    block = 2 + 64 * width // 8
    places = {"first": (0, 64), "ninth": (8 * block, 64), "last": (17 * block, 11)}
    for place, (at, m) in places.items():
        for what, pattern in BAD_SCALES.items():
            yield SCALE, f"{what}, {place} block", [(at, u16(pattern))]
        yield BOUND, f"the largest scale, {place} block", [(at, u16(0x7F7F))]
        length = m if width == 8 else (m + 1) // 2
        # 1/16 x 64 or 1 x 4 is the bound.
        scale, level = (0x3D80, 64) if width == 8 else (0x3F80, 4)
        for fault, what, q in ((None, "on", level), (BOUND, "above", level + 1), (None, "on", -level), (BOUND, "above", -level - 1)):
            low = bytes([q & (255 if width == 8 else 15)])
            yield fault, f"a level {what} the bound ({q}), {place} block", [(at, u16(scale) + low + bytes(length - 1))]
        if width == 8:
            for i in (0, m - 1):
                yield VALUE, f"a level of -128 at {i}, {place} block", [(at + 2 + i, b"\x80")]
        else:
            yield VALUE, f"a level of -8, low half, {place} block", [(at + 2, bytes([payload[at + 2] & 0xF0 | 8]))]
            yield VALUE, f"a level of -8, high half, {place} block", [(at + 2, bytes([payload[at + 2] & 15 | 0x80]))]
    if width == 4:
        last = len(payload) - 1
        for pad in (1, 8, 15):
            yield VALUE, f"padding of {pad}", [(last, bytes([payload[last] & 15 | pad << 4]))]


def rotated_cases(payload, b):
    at = 0
    for start, size in blocks(N):
        codes = size * b // 8
        for what, pattern in BAD_SCALES.items():
            yield SCALE, f"{what}, block of {size}", [(at, u16(pattern))]
        yield BOUND, f"the largest scale, block of {size}", [(at, u16(0x7F7F))]
        # All codes 0: the transform is the sum of the smallest centroids at the first position, and 0 elsewhere.
        peak = size * {1: 1, 2: 3, 4: 4}[b]
        near = int(np.array(F(4 / peak)).view(np.uint32)) >> 16
        yield None, f"a scale below or on the bound, block of {size}", [(at, u16(near) + bytes(codes))]
        yield BOUND, f"a scale above the bound, block of {size}", [(at, u16(near + 1) + bytes(codes))]
        if b == 4:
            if size == 1024:
                yield None, "a sum of 32767", [(at, u16(0x3800) + packed(of_sum(32767), b))]
                yield VALUE, "a sum of 32768", [(at, u16(0x3800) + packed(of_sum(32768), b))]
                yield VALUE, "all codes the largest centroid", [(at + 2, b"\x77" * codes)]
                yield VALUE, "all codes the largest negative centroid", [(at + 2, b"\xff" * codes)]
        at += 2 + codes
    # The last block's peak is at position 16 of 32, of which 11 are given: what is dropped has no bound.
    half = [0] * 16 + [1 << (b - 1)] * 16
    yield None, "the largest scale where nothing given is large", [(at - 2 - 4 * b, u16(0x7F7F) + packed(half, b))]


def of_sum(wanted):
    """1024 codes of 4 bits whose centroids add up to `wanted`."""
    c = CENTROIDS[4]
    codes = [7] * 385
    rest = wanted - 385 * c[7] - (1024 - 385) * c[0]
    # How to make every number up to `rest` of steps up from the smallest centroid.
    made = {0: []}
    for total in range(1, rest + 1):
        options = [made[total - (v - c[0])] + [i] for i, v in enumerate(c) if i > 0 and total - (v - c[0]) in made]
        if options:
            made[total] = min(options, key=len)
    codes += made[rest]
    codes += [0] * (1024 - len(codes))
    assert sum(c[i] for i in codes) == wanted
    return codes


def packed(codes, b):
    out = b""
    stride = min(16, len(codes) * b // 8)
    per = stride * 8 // b
    for group in range(0, len(codes), per):
        for t in range(stride):
            out += bytes([sum(codes[group + t + j * stride] << (b * j) for j in range(8 // b))])
    return out


def topk_cases(payload):
    count = int.from_bytes(payload[:4], "little")
    values_at = len(payload) - 2 * count
    for wrong in (0, count - 1, count + 1, N, N + 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1):
        yield PARTS, f"a count of {wrong}", [(0, wrong.to_bytes(4, "little"))]
    yield PARTS, "a first position past the end", [(4, b"\xcb\x08")]
    yield PARTS, "a last position past the end", [(values_at - 2, b"\xff\x08")]
    # The same first gap, written longer: everything else fits.
    first, rest = payload[4], payload[5:]
    assert first < 128
    for what, gap in (
        ("not in shortest form", bytes([first | 128, 0])),
        ("of four bytes, not in shortest form", bytes([first | 128, 128, 128, 0])),
        ("of five bytes", bytes([first | 128, 128, 128, 128, 1])),
        ("that is the right one modulo 2^32", bytes([first | 128, 128, 128, 128, 16])),
        ("of six bytes", bytes([first | 128, 128, 128, 128, 128, 1])),
    ):
        yield PARTS, f"a gap {what}", [(4, gap + rest)], len(payload) + len(gap) - 1
    yield PARTS, "a gap of -1: a position twice", [(5, b"\xff\xff\xff\xff\x0f")]
    yield PARTS, "a gap of -2: positions in disorder", [(5, b"\xfe\xff\xff\xff\x0f")]
    yield PARTS, "the largest gap", [(4, b"\xff\xff\xff\x7f")]
    yield PARTS, "gaps without an end", [(4, b"\xff" * (len(payload) - 4))]
    yield PARTS, "the last gap goes on into the values", [(values_at - 1, b"\x81")]
    for i in (0, count // 2, count - 1):
        for what, pattern in (("infinity", 0x7F80), ("-infinity", 0xFF80), ("NaN", 0x7FC0), ("a negative NaN", 0xFFFF)):
            yield VALUE, f"{what}, entry {i}", [(values_at + 2 * i, u16(pattern))]
        yield BOUND, f"the largest value, entry {i}", [(values_at + 2 * i, u16(0x7F7F))]
        yield BOUND, f"the step above the bound, entry {i}", [(values_at + 2 * i, u16(0xC081))]
        yield None, f"a value on the bound, entry {i}", [(values_at + 2 * i, u16(0xC080))]
        yield None, f"-0, entry {i}", [(values_at + 2 * i, u16(0x8000))]
    yield None, "no entry at all", [(0, bytes(4))], 4


def cases_of(codec, payload):
    for length in sorted({0, 1, 2, 3, len(payload) // 2, len(payload) - 1, len(payload) + 1, len(payload) + 64, 2 * len(payload), 70000}):
        yield PARTS, f"{length} bytes", [], length
    if codec == "f32":
        yield from f32_cases(payload)
    elif codec.startswith("int"):
        yield from integer_cases(payload, int(codec[3]))
    elif codec.startswith("eden"):
        yield from rotated_cases(payload, int(codec[4]))
    else:
        yield from topk_cases(payload)
    for i in range(24):
        patches = []
        for _ in range(1 + i % 3):
            # Half of them near the front, where scales, counts and gaps are.
            at = int(random.integers(len(payload) if i % 2 else min(40, len(payload))))
            patches.append((at, bytes([int(random.integers(256))])))
        yield "any", f"random bytes {i}", patches


def changed(payload, patches, length):
    out = bytearray(payload) + bytes(max(0, length - len(payload)))
    for at, patch in patches:
        assert at + len(patch) <= len(out)
        out[at : at + len(patch)] = patch
    return bytes(out[:length])


def digest(total):
    return hashlib.sha256(bytes.fromhex(f64([float(Fraction(t) * Fraction(2) ** G) for t in total]))).hexdigest()


def codec_entry(codec):
    payload = encode(codec, DELTA, KEY, fraction=FRACTION)
    assert refusal(codec, payload, N, KEY, WEIGHT, LIMIT) is None
    good = contributions(codec, payload, N, KEY, WEIGHT, G)
    entries, counts = [], {}
    for expected, what, patches, *rest in cases_of(codec, payload):
        length = rest[0] if rest else len(payload)
        bad = changed(payload, patches, length)
        fault = refusal(codec, bad, N, KEY, WEIGHT, LIMIT)
        assert expected in ("any", fault), (codec, what, expected, fault)
        entry = {"what": what, **({"length": length} if rest else {}), "patches": [[at, patch.hex()] for at, patch in patches]}
        if fault is None:
            entry["sum"] = digest([a + b for a, b in zip(good, contributions(codec, bad, N, KEY, WEIGHT, G))])
        else:
            entry["fault"] = fault
        counts[fault] = counts.get(fault, 0) + 1
        entries.append(entry)
    print(codec, counts)
    return {"codec": codec, "payload": payload.hex(), "sum": digest(good), "cases": entries}


write(
    "hostile.json",
    {
        "about": "payload, cut or filled up with zeros to `length`, with bytes replaced (patches: [offset, bytes]): refused for `fault` (parts, scale, value, bound), "
        "or folded, after the good one, to `sum`. Sums are SHA-256 of their float64. Made by make_hostile.py from assembly/CODECS.md.",
        "n": N, "key": KEY, "cohort": COHORT, "weightCap": CAP, "largestDelta": LARGEST, "g": G, "weight": WEIGHT,
        "codecs": [codec_entry(codec) for codec in CODECS],
    },
)  # fmt: skip
