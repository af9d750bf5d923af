#!/usr/bin/env python3
"""Golden vectors of the codecs and the fold, computed by codec_reference.py; nothing here calls the kernels.

Writes codecs.json, fold.json and feedback.json beside itself. Needs numpy; the tests need only the JSON files.
All byte strings are hex, little-endian: deltas and decoded values float32, sums float64.
"""

import math
from fractions import Fraction

import numpy as np

from codec_reference import CODECS, F, ROUNDING, contributions, decoded, encode, grid_exponent, signs, stream, transform, u16
from golden import f32, f64, write


def sums_hex(total, g):
    exact = [Fraction(t) * Fraction(2) ** g for t in total]
    as_float = [float(v) for v in exact]
    assert all(Fraction(v) == w for v, w in zip(as_float, exact)), "a sum that float64 does not hold"
    return f64(as_float)


# ---------------------------------------------------------------- the reference's toy values (algorithms 1.1)

assert list(transform(np.arange(1, 9))) == [36, -4, -8, 0, -16, 0, 0, 0]


TOY = np.array([3, -1, 4, 1, -5, 9, 2, -6], dtype=F)
TOY_SIGNS = np.array([1, -1, 1, 1, -1, -1, 1, -1])
TOY_DECODED = {False: 3.5306122449 * np.array([1, -1, 1, 1, -1, 3, 1, -1]), True: 3.0625 * np.array([1, -1, 1, 1, -1, 3, 1, -1])}


def toy_eden():
    x, s = TOY.astype(float), TOY_SIGNS
    y = transform(x * s) / math.sqrt(8)
    assert np.allclose(
        y, [4.5961940777, 5.3033008589, -4.5961940777, 6.0104076401, 1.7677669530, -1.7677669530, 3.8890872965, -6.7175144213]
    )
    for biased, scale, error in (
        (False, np.sum(y * y) / np.sum(np.abs(y)), 0.15285297792586416),
        (True, np.mean(np.abs(y)), 0.1325867052023121),
    ):
        assert abs(scale - {False: 4.993039720215213, True: 4.331029034767603}[biased]) < 1e-12
        back = s * transform(scale * np.sign(y)) / math.sqrt(8)
        assert np.allclose(back, TOY_DECODED[biased])
        assert abs(np.sum((back - x) ** 2) / np.sum(x * x) - error) < 1e-12


toy_eden()


def toy_cases():
    """The same eight values through eden1: a block of 32 repeats their transform four times, which the scale takes back, under a key whose first signs are those."""
    minus = TOY_SIGNS < 0
    key = next(k for k in ({"seed": 1, "round": r, "device": [0, 0]} for r in range(10000)) if np.array_equal(signs(k, 0, 8), minus))
    cases = []
    for biased, published in TOY_DECODED.items():
        payload = encode("eden1", TOY, key, biased)
        back = decoded("eden1", payload, 8, key)
        # A bfloat16 scale is off by at most 2^-9 of itself.
        assert np.all(np.abs(back - published) <= 2.0**-9 * np.abs(published) + 1e-9)
        cases.append({"biased": biased, "payload": payload.hex(), "decoded": f32(back), "published": list(published)})
    return {"codec": "eden1", "key": key, "input": f32(TOY), "cases": cases}


def toy_transform():
    """[1..8], four times over, as 4.5 + .5 s0 + 1 s1 + 2 s2 with s = -1 or 1: one-bit payloads of scale 1, whose folded sum is the transform."""
    updates = []
    for weight, bit in ((4.5, None), (0.5, 0), (1, 1), (2, 2)):
        minus = [0 if bit is None else 1 - ((i >> bit) & 1) for i in range(32)]
        payload = u16(0x3F80) + bytes(sum(minus[t + 4 * j] << j for j in range(8)) for t in range(4))
        updates.append({"weight": weight, "payload": payload.hex()})
    key = {"seed": 8, "round": 0, "device": [1, 2]}
    s = np.where(signs(key, 0, 32), -1, 1)
    expected = np.array([36, -4, -8, 0, -16, 0, 0, 0] + [0] * 24) * 4 * s
    return {"key": key, "codec": "eden1", "n": 32, "g": -16, "updates": updates, "sum": sums_hex([int(v) << 16 for v in expected], -16)}


# ---------------------------------------------------------------- inputs

rng = np.random.default_rng(20261129)


def normal(n, deviation):
    return (rng.standard_normal(n) * deviation).astype(F)


def one_hot(n, at, v):
    x = np.zeros(n, dtype=F)
    x[at] = v
    return x


def holes(x):
    x = x.copy()
    x[64:128] = 0
    x[::7] = 0
    x[3] = -0.0
    return x


INPUTS = {
    "one": np.array([0.0041], dtype=F),
    "minus one": np.array([-1], dtype=F),
    "five": np.array([0.5, -0.25, 3e-3, -0.0, 1e-6], dtype=F),
    "thirty-three": normal(33, 0.01),
    "sixty-four": normal(64, 1e-3),
    "ninety-six": rng.laplace(size=96).astype(F),
    "seventy-seven, with ties": (rng.integers(-3, 4, 77) / 8).astype(F),
    "554": normal(554, 0.02),
    "1124": rng.lognormal(size=1124).astype(F) * rng.choice(np.array([-1, 1], dtype=F), 1124),
    "1124 with holes": holes(normal(1124, 0.1)),
    "1060, a spike": one_hot(1060, 700, -2.5) + normal(1060, 1e-4),
    "one-hot": one_hot(1024, 17, 1),
    "constant": np.full(256, 0.1, dtype=F),
    "zeros": np.zeros(200, dtype=F),
    "tiny": normal(160, 1e-30),
    "at the smallest scale": normal(160, 1e-37),
    "subnormal": normal(100, 1e-42),
    "huge": normal(130, 1e36),
    "wide range": (normal(320, 1) * np.exp2(rng.integers(-60, 60, 320))).astype(F),
}

KEYS = [
    {"seed": 7, "round": 3, "device": [0x01234567, 0x89ABCDEF]},
    {"seed": 0xFFFFFFFF, "round": 0, "device": [0, 0xFFFFFFFF]},
]


def rounding_edges(top, key):
    """Stochastic rounding at its edge: with a scale of 1, values that the random bits bring to exactly 1, and by turns the next ones below."""
    r = stream(key, ROUNDING, 2 * 130).view("<u2").astype(np.float64)
    x = (1 - (r + 0.5) / 65536).astype(F)
    x[1::2] = np.nextafter(x[1::2], F(0))
    x[::64] = top
    return x


for top in (127, 7):
    INPUTS[f"rounding edges, {top} levels"] = rounding_edges(top, KEYS[len(INPUTS) % 2])


def codec_cases():
    cases = []
    for i, (name, x) in enumerate(INPUTS.items()):
        key = i % 2
        for codec in CODECS:
            if codec == "f32" and name not in ("five", "thirty-three", "huge"):
                continue
            for option in [{}, {"biased": True}] if codec.startswith("eden") else [{}]:
                if codec == "topk":
                    option = {"fraction": 0.1 if i % 3 else 1}
                payload = encode(codec, x, KEYS[key], **option)
                back = decoded(codec, payload, len(x), KEYS[key])
                cases.append(
                    {"input": name, "codec": codec, **option, "key": key, "payload": payload.hex(), "decoded": f32(back)}
                )
    return {
        "about": "encode(codec, inputs[input], keys[key]) = payload; decode = decoded. Made by make.py from assembly/CODECS.md.",
        "keys": KEYS,
        "inputs": {name: f32(x) for name, x in INPUTS.items()},
        "cases": cases,
        "toy": toy_cases(),
        "far": far_cases(),
    }


def far_cases():
    """topk with gaps at the ends of one, two, three and four bytes; all other values are 0."""
    rng = np.random.default_rng(20261201)
    cases = []
    for n, gaps in ((20000, [0, 127, 128, 16383, 129]), (2**21 + 4000, [5, 16384, 2**20, 2**20 - 16000, 3, 0]), (2**21 + 40, [2**21, 2])):
        positions = np.cumsum([gap + 1 for gap in gaps]) - 1
        x = np.zeros(n, dtype=F)
        x[positions] = rng.standard_normal(len(gaps))
        payload = encode("topk", x, None, fraction=0.001)
        back = decoded("topk", payload, n, None)
        assert list(np.flatnonzero(back)) == list(positions)
        cases.append(
            {"n": n, "positions": positions.tolist(), "values": f32(x[positions]), "payload": payload.hex(), "decoded": f32(back[positions])}
        )
    return cases


def feedback_cases():
    rng = np.random.default_rng(20261202)
    cases = []
    for codec, n, fraction in (
        ("int8", 100, None),
        ("int4-nearest", 130, None),
        ("int4", 77, None),
        ("eden1", 140, None),
        ("eden2", 96, None),
        ("eden4", 1060, None),
        ("topk", 150, 0.05),
    ):
        residual, steps = np.zeros(n, dtype=F), []
        option = {} if fraction is None else {"fraction": fraction}
        for t in range(4):
            key = {"seed": 9, "round": 50 + t, "device": [n, 1]}
            # The last step asks for nothing: it sends what is left.
            delta = (rng.laplace(size=n) * (0.02 if t < 3 else 0)).astype(F)
            wanted = residual + delta
            payload = encode(codec, wanted, key, biased=True, **option)
            residual = wanted - decoded(codec, payload, n, key)
            steps.append({"key": key, "delta": f32(delta), "payload": payload.hex(), "residual": f32(residual)})
        cases.append({"codec": codec, "n": n, **option, "steps": steps})
    return {
        "about": "z = residual + delta; payload = encode(z, key) with the biased scale; residual = z - decode(payload). Made by make.py from assembly/CODECS.md.",
        "cases": cases,
    }


def mean_case():
    """The reference's weighted FedAvg (../shared/vectors/strategies.json) through codec f32; `published` has its decimals, of real numbers."""
    start = [1.0, -2.0, 0.5]
    deltas = [[0.1, -0.2, 0.3], [0.12, -0.18, 0.25], [0.08, -0.25, 0.35], [0.11, -0.21, 0.28], [0.09, -0.19, 0.33], [0.13, -0.22, 0.31], [5, 5, -5]]
    published = [2.33035714286, -0.907857142857, -0.518571428571]
    g = grid_exponent(7, 100, 8)
    total, updates = [0, 0, 0], []
    for i, delta in enumerate(deltas):
        weight = 10 * (i + 1)
        payload = encode("f32", np.array(delta, dtype=F), None)
        total = [t + a for t, a in zip(total, contributions("f32", payload, 3, None, weight, g))]
        updates.append({"weight": weight, "payload": payload.hex()})
    mean = [Fraction(t) * Fraction(2) ** g / 280 for t in total]
    assert all(abs(w + float(m) - p) < 1e-7 for w, m, p in zip(start, mean, published))
    return {
        "start": f32(start), "cohort": 7, "weightCap": 100, "largestDelta": 8, "g": g, "updates": updates, "sum": sums_hex(total, g),
        "mean": f64([float(m) for m in mean]), "published": published,
    }  # fmt: skip


def fold_cases():
    cases = []
    for n, cohort, cap, largest, weights in (
        (77, 4, 1000, 4, [1, 1000, 17, 320]),
        (554, 3, 64, 2, [0.5, 63.9999847412109375, 20.25]),
        (40, 1, 1, 1, [1]),
    ):
        g = grid_exponent(cohort, cap, largest)
        for codec in CODECS:
            total, updates = [0] * n, []
            for j, weight in enumerate(weights):
                key = {"seed": 5, "round": n, "device": [j, j * 77]}
                payload = encode(codec, normal(n, 0.01 * largest), key, fraction=0.2)
                adds = contributions(codec, payload, n, key, weight, g)
                limit = Fraction(2) ** 52 / max(cohort, 2)
                assert max(abs(a) for a in adds) <= limit
                total = [t + a for t, a in zip(total, adds)]
                updates.append({"device": key["device"], "weight": weight, "payload": payload.hex()})
            cases.append(
                {
                    "codec": codec,
                    "n": n,
                    "cohort": cohort,
                    "weightCap": cap,
                    "largestDelta": largest,
                    "g": g,
                    "seed": 5,
                    "round": n,
                    "updates": updates,
                    "weight": sum(weights),
                    "sum": sums_hex(total, g),
                }
            )
    return {
        "about": "Folding all updates, in any order, gives `sum` (float64). Made by make.py from assembly/CODECS.md, with exact rationals.",
        "cases": cases,
        "transform": toy_transform(),
        "mean": mean_case(),
    }


if __name__ == "__main__":
    write("codecs.json", codec_cases())
    write("fold.json", fold_cases())
    write("feedback.json", feedback_cases())
