"""What a payload may be, as assembly/CODECS.md says: a reader that trusts nothing, not taken from the kernels."""

from fractions import Fraction

import numpy as np

from codec_reference import CENTROIDS, blocks, signs, transform, value

PARTS, SCALE, VALUE, BOUND = "parts", "scale", "value", "bound"


def refusal(codec, payload, n, key, weight, limit):
    """The first thing wrong with the payload, reading from the front, or None. `limit`: of |weight x value|, a rational."""
    try:
        if codec == "topk":
            largest_values(payload, n, weight, limit)
        elif codec == "f32":
            values(payload, n, weight, limit)
        elif codec.startswith("int"):
            integer_blocks(payload, n, int(codec[3]), weight, limit)
        else:
            rotated_blocks(payload, n, int(codec[4]), key, weight, limit)
    except Refused as refused:
        return str(refused)
    return None


class Refused(Exception):
    pass


def refuse(when, fault):
    if when:
        raise Refused(fault)


class Reader:
    def __init__(self, payload):
        self.payload, self.at = payload, 0

    def take(self, count):
        refuse(len(self.payload) - self.at < count, PARTS)
        self.at += count
        return self.payload[self.at - count : self.at]

    def half(self):
        return int.from_bytes(self.take(2), "little")

    def scale(self):
        pattern = self.half()
        refuse(pattern >= 0x7F80, SCALE)
        return Fraction(float(value(pattern)))

    def end(self):
        refuse(self.at != len(self.payload), PARTS)


def checked_length(payload, expected):
    refuse(len(payload) != expected, PARTS)


def values(payload, n, weight, limit):
    checked_length(payload, 4 * n)
    all_values = np.frombuffer(payload, dtype="<f4")
    for at in range(0, n, 64):
        block = all_values[at : at + 64]
        refuse(not np.all(np.isfinite(block)), VALUE)
        refuse(any(weight * Fraction(abs(float(v))) > limit for v in block), BOUND)


def integer_blocks(payload, n, width, weight, limit):
    sizes = [min(64, n - at) for at in range(0, n, 64)]
    checked_length(payload, sum(2 + (m if width == 8 else (m + 1) // 2) for m in sizes))
    reader = Reader(payload)
    for m in sizes:
        scale = reader.scale()
        if width == 8:
            levels = list(np.frombuffer(reader.take(m), dtype=np.int8).astype(int))
        else:
            packed = reader.take((m + 1) // 2)
            nibbles = [b & 15 for b in packed] + [b >> 4 for b in packed]
            levels = [q - 16 if q > 7 else q for q in nibbles]
            refuse(any(levels[m:]), VALUE)
            levels = levels[:m]
        refuse(min(levels) == -(1 << (width - 1)), VALUE)
        refuse(weight * scale * max(abs(int(q)) for q in levels) > limit, BOUND)
    reader.end()


def rotated_blocks(payload, n, b, key, weight, limit):
    checked_length(payload, sum(2 + size * b // 8 for _, size in blocks(n)))
    reader = Reader(payload)
    for start, size in blocks(n):
        scale = reader.scale()
        stride = min(16, size * b // 8)
        codes = []
        while len(codes) < size:
            group = reader.take(stride)
            codes += [(byte >> shift) & ((1 << b) - 1) for shift in range(0, 8, b) for byte in group]
        half = 1 << (b - 1)
        q = np.array([-CENTROIDS[b][c - half] if c >= half else CENTROIDS[b][c] for c in codes])
        refuse(np.sum(np.abs(q)) > 32767, VALUE)
        h = transform(q)[: n - start]
        refuse(weight * scale * int(np.max(np.abs(h))) > limit, BOUND)
    reader.end()


def largest_values(payload, n, weight, limit):
    reader = Reader(payload)
    count = int.from_bytes(reader.take(4), "little")
    refuse(count > n, PARTS)
    position = -1
    for _ in range(count):
        gap, at = 0, 0
        while True:
            byte = reader.take(1)[0]
            refuse(at > 0 and byte == 0, PARTS)
            gap |= (byte & 127) << (7 * at)
            at += 1
            if byte < 128:
                break
            refuse(at == 4, PARTS)
        position += gap + 1
        refuse(position >= n, PARTS)
    patterns = [reader.half() for _ in range(count)]
    reader.end()
    for pattern in patterns:
        refuse(pattern & 0x7FFF >= 0x7F80, VALUE)
        refuse(weight * Fraction(abs(float(value(pattern)))) > limit, BOUND)
