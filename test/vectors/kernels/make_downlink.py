"""Makes downlink.json: some commits of a model whose devices get quantised deltas, as assembly/CODECS.md ("Downlink") says; not taken from the kernels."""

import hashlib
import json
import pathlib

import numpy as np

from codec_reference import decoded, encode

F = np.float32
SEED = 0xC0FFEE
rng = np.random.default_rng(20261130)


def case(codec, head, size, shared, first, means):
    """`first` is the version of the initial model; `means` the rounds' mean updates of the shared parameters."""
    low, high = shared
    initial = (rng.standard_normal(size) * 0.3).astype(F)
    head = rng.standard_normal(head).astype(F)
    exact, devices = initial.astype(np.float64), initial.copy()
    versions = []
    for i, mean in enumerate(means):
        exact[low:high] += mean
        version = first + 1 + i
        key = {"seed": SEED, "round": version, "device": [0, 0]}
        drift = (exact[low:high] - devices[low:high].astype(np.float64)).astype(F)
        payload = encode(codec, drift, key, biased=codec.startswith("eden"))
        devices[low:high] = devices[low:high] + decoded(codec, payload, high - low, key)
        model = head.astype("<f4").tobytes() + devices.astype("<f4").tobytes()
        versions.append({"version": version, "payload": payload.hex(), "digest": hashlib.sha256(model).hexdigest()})
    return {
        "codec": codec,
        "seed": SEED,
        "shared": [low, high],
        "head": head.astype("<f4").tobytes().hex(),
        "initial": initial.astype("<f4").tobytes().hex(),
        "means": [mean.astype("<f8").tobytes().hex() for mean in means],
        "versions": versions,
        "model": model.hex(),
    }


def rounds(size, count):
    # The last one moves nothing: its delta is what is still missing.
    return [rng.standard_normal(size) * 0.02 for _ in range(count - 1)] + [np.zeros(size)]


CASES = [
    case("eden4", 0, 77, (0, 77), 0, rounds(77, 4)),
    case("eden2", 6, 140, (0, 140), 1, rounds(140, 3)),
    case("eden1", 0, 1060, (0, 1060), 1, rounds(1060, 3)),
    case("int8-nearest", 4, 70, (0, 70), 300, rounds(70, 3)),
    case("int4-nearest", 0, 65, (0, 65), 0, rounds(65, 3)),
    # Four inputs, dense 2, dense 5, dense 1: the layer in the middle is shared.
    case("eden4", 8, 31, (10, 25), 1, rounds(15, 3)),
    # No drift at all.
    case("eden1", 0, 40, (0, 40), 0, [np.zeros(40)]),
]

about = "initial + means, in float64, quantised version by version; model: the last one's bytes. Made by make_downlink.py from assembly/CODECS.md."

if __name__ == "__main__":
    # One case a line.
    cases = ",\n".join(json.dumps(case) for case in CASES)
    path = pathlib.Path(__file__).with_name("downlink.json")
    path.write_text(f'{{\n"about": {json.dumps(about)},\n"cases": [\n{cases}\n]\n}}\n')
