"""The codecs and the fold as assembly/CODECS.md describes them, in numpy float32 and exact rationals; not taken from the kernels."""

import math
from fractions import Fraction

import numpy as np

F = np.float32
np.seterr(over="ignore", under="ignore")

# ---------------------------------------------------------------- random bits

M0, M1, W0, W1, MASK = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF
ROTATION, ROUNDING = 3, 4


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & MASK, (a >> 32) ^ c3 ^ k1, a & MASK
        k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return c0, c1, c2, c3


# Known answers published with Random123.
assert philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
assert philox((MASK,) * 4, (MASK,) * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)


def stream(key, purpose, count):
    """The first `count` bytes."""
    words = []
    for i in range((count + 15) // 16):
        words += philox((i, key["round"], purpose, key["seed"]), key["device"])
    return np.array(words, dtype="<u4").view(np.uint8)[:count]


# ---------------------------------------------------------------- scales


def bits(value):
    return int(np.array(value, dtype=F).view(np.uint32))


def value(half):
    return np.array([half << 16], dtype=np.uint32).view(F)[0]


LEAST = value(0x0080)
assert float(LEAST) == 2.0**-126


def scale_up(v):
    return (bits(max(v, LEAST)) + 0xFFFF) >> 16


def scale_nearest(v):
    if v < LEAST:
        return 0
    b = bits(v)
    return (b + 0x7FFF + ((b >> 16) & 1)) >> 16


def u16(half):
    return half.to_bytes(2, "little")


# ---------------------------------------------------------------- integer blocks


def encode_blocks(x, key, width, stochastic):
    top = 127 if width == 8 else 7
    r = stream(key, ROUNDING, 2 * len(x)).view("<u2")
    out = b""
    for at in range(0, len(x), 64):
        block = x[at : at + 64]
        a = np.max(np.abs(block))
        if a == 0:
            scale, levels = 0, np.zeros(len(block), dtype=np.int64)
        else:
            scale = scale_up(F(a / F(top)))
            v = F(F(1) / value(scale))
            u = ((r[at : at + 64].astype(np.float64) + 0.5) / 65536).astype(F) if stochastic else F(0.5)
            levels = np.clip(np.floor(block * v + u).astype(np.int64), -top, top)
        out += u16(scale)
        if width == 8:
            out += levels.astype(np.int8).tobytes()
        else:
            half = (len(block) + 1) // 2
            nibbles = [int(q) & 15 for q in levels] + [0]
            out += bytes(nibbles[j] | (nibbles[j + half] << 4 if j + half < len(levels) else 0) for j in range(half))
    return out


def parts_blocks(payload, n, width):
    """(scale, levels) of each block."""
    at = 0
    for start in range(0, n, 64):
        m = min(64, n - start)
        scale = value(int.from_bytes(payload[at : at + 2], "little"))
        at += 2
        if width == 8:
            levels = [b - 256 if b > 127 else b for b in payload[at : at + m]]
            at += m
        else:
            half = (m + 1) // 2
            low = [b & 15 for b in payload[at : at + half]]
            high = [b >> 4 for b in payload[at : at + half]]
            levels = [q - 16 if q > 7 else q for q in (low + high)[:m]]
            at += half
        yield scale, levels
    assert at == len(payload)


# ---------------------------------------------------------------- rotated blocks

CENTROIDS = {1: [1], 2: [3, 10], 4: [4, 11, 18, 26, 35, 45, 58, 77]}
THRESHOLDS = {1: [], 2: [13], 4: [15, 29, 44, 61, 80, 103, 135]}
UNIT = {1: F(0), 2: F(13.25), 4: F(55.5)}


def transform(y):
    """Walsh-Hadamard, distances 1, 2, 4, ...; in the type of `y`."""
    y = y.copy()
    h = 1
    while h < len(y):
        y = y.reshape(-1, 2, h)
        y = np.stack([y[:, 0] + y[:, 1], y[:, 0] - y[:, 1]], axis=1).reshape(-1)
        h *= 2
    return y


def blocks(n):
    at = 0
    while at < n:
        size = 1024
        while size > 32 and size > n - at:
            size //= 2
        yield at, size
        at += size


def lane_sum(terms):
    lanes = np.zeros(16, dtype=F)
    for row in terms.reshape(-1, 16):
        lanes = lanes + row
    c = (lanes[0:4] + lanes[4:8]) + (lanes[8:12] + lanes[12:16])
    return F(F(c[0] + c[1]) + F(c[2] + c[3]))


def signs(key, at, size):
    all_bits = np.unpackbits(stream(key, ROTATION, (at + size + 7) // 8), bitorder="little")
    return all_bits[at : at + size].astype(bool)


def encode_eden(x, key, b, biased):
    out = b""
    for at, size in blocks(len(x)):
        block = np.zeros(size, dtype=F)
        given = x[at : at + size]
        block[: len(given)] = given
        a = np.max(np.abs(block))
        scale, codes = 0, np.zeros(size, dtype=np.int64)
        if a > 0:
            e = min(max(bits(a) >> 23, 1), 253)
            y = block * F(2.0 ** (127 - e))
            y = transform(np.where(signs(key, at, size), -y, y))
            energy = lane_sum(y * y)
            w = F(UNIT[b] / np.sqrt(F(energy / F(size))))
            z = np.abs(y) * w
            index = np.zeros(size, dtype=np.int64)
            for threshold in THRESHOLDS[b]:
                index += z >= F(threshold)
            c = np.array(CENTROIDS[b])[index]
            codes = index + (np.signbit(y).astype(np.int64) << (b - 1))
            inner = lane_sum(np.abs(y) * c.astype(F))
            raw = F(inner / F(size * int(np.sum(c * c)))) if biased else F(energy / F(inner * F(size)))
            scale = scale_nearest(F(raw * F(2.0 ** (e - 127))))
        out += u16(scale)
        stride = min(16, size * b // 8)
        per = stride * 8 // b
        for group in range(0, size, per):
            for t in range(stride):
                byte = 0
                for j in range(8 // b):
                    byte |= int(codes[group + t + j * stride]) << (b * j)
                out += bytes([byte])
    return out


def parts_eden(payload, n, b, key):
    """(scale, signed integers of positions below n) of each block."""
    at = 0
    for start, size in blocks(n):
        scale = value(int.from_bytes(payload[at : at + 2], "little"))
        at += 2
        q = np.zeros(size, dtype=np.int64)
        stride = min(16, size * b // 8)
        per = stride * 8 // b
        for group in range(0, size, per):
            for t in range(stride):
                for j in range(8 // b):
                    code = (payload[at] >> (b * j)) & ((1 << b) - 1)
                    c = CENTROIDS[b][code & ((1 << (b - 1)) - 1)]
                    q[group + t + j * stride] = -c if code >> (b - 1) else c
                at += 1
        assert np.sum(np.abs(q)) <= 32767
        h = transform(q)
        h = np.where(signs(key, start, size), -h, h)
        yield scale, [int(v) for v in h[: n - start]]
    assert at == len(payload)


# ---------------------------------------------------------------- largest values


def encode_topk(x, fraction):
    n = len(x)
    k = min(n, max(1, math.floor(n * fraction + 0.5)))
    order = sorted((i for i in range(n) if x[i] != 0), key=lambda i: (-abs(float(x[i])), i))
    chosen = sorted(order[:k])
    out = len(chosen).to_bytes(4, "little")
    before = -1
    for i in chosen:
        gap = i - before - 1
        before = i
        while gap > 127:
            out += bytes([gap & 127 | 128])
            gap >>= 7
        out += bytes([gap])
    for i in chosen:
        b = bits(x[i])
        half = (b + 0x7FFF + ((b >> 16) & 1)) >> 16
        out += u16(half - 1 if half & 0x7FFF == 0x7F80 else half)
    return out


def parts_topk(payload, n):
    count = int.from_bytes(payload[:4], "little")
    at, position, entries = 4, -1, {}
    positions = []
    for _ in range(count):
        gap = shift = 0
        while True:
            byte = payload[at]
            at += 1
            gap |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        position += gap + 1
        positions.append(position)
    for position in positions:
        entries[position] = value(int.from_bytes(payload[at : at + 2], "little"))
        at += 2
    assert at == len(payload)
    return [entries.get(i, F(0)) for i in range(n)]


# ---------------------------------------------------------------- all codecs

CODECS = ["f32", "int8", "int8-nearest", "int4", "int4-nearest", "eden1", "eden2", "eden4", "topk"]


def encode(codec, x, key, biased=False, fraction=0.01):
    if codec == "f32":
        return x.astype("<f4").tobytes()
    if codec.startswith("int"):
        return encode_blocks(x, key, int(codec[3]), not codec.endswith("nearest"))
    if codec.startswith("eden"):
        return encode_eden(x, key, int(codec[4]), biased)
    return encode_topk(x, fraction)


def parts(codec, payload, n, key):
    """The payload as (scale, integers) of each block; a codec without blocks has one part a value, with integer 1."""
    if codec == "f32":
        return [(v, [1]) for v in np.frombuffer(payload, dtype="<f4")]
    if codec.startswith("int"):
        return list(parts_blocks(payload, n, int(codec[3])))
    if codec.startswith("eden"):
        return list(parts_eden(payload, n, int(codec[4]), key))
    return [(v, [1]) for v in parts_topk(payload, n)]


def decoded(codec, payload, n, key):
    # Exact products; adding 0 turns -0 into 0.
    exact = [float(scale) * q for scale, levels in parts(codec, payload, n, key) for q in levels]
    return (np.array(exact) + 0.0).astype(F) + F(0)


# ---------------------------------------------------------------- fold


def nearest_even(v):
    """A rational to the nearest integer, ties to even."""
    low = math.floor(v)
    rest = v - low
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2):
        return low + 1
    return low


def contributions(codec, payload, n, key, weight, g):
    """Integers, in units of 2^g."""
    unit = Fraction(2) ** g
    out = []
    for scale, levels in parts(codec, payload, n, key):
        # The product in float64: exact for the weights used here, but stated as the spec does.
        product = Fraction(float(weight) * float(scale))
        step = nearest_even(product / unit)
        out += [q * step for q in levels]
    return out


def grid_exponent(cohort, cap, largest):
    product = Fraction(max(cohort, 2)) * Fraction(cap) * Fraction(largest)
    exponent = -1200
    while Fraction(2) ** exponent < product:
        exponent += 1
    return exponent - 52
