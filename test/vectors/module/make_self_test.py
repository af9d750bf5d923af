"""Writes `self-test.json` beside this file: `python3 make_self_test.py`: the digests of the self-test (assembly/README.md) of Fedmote's own kernels, by the
reference beside the kernels' vectors, and of assembly/examples/line, whose arithmetic is here once more. Both in numpy float32.
"""

import hashlib
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent / "kernels"))

import numpy as np
from codec_reference import philox
from train_reference import F, evaluate, init, shapes, train

ROWS = 22
KEY = {"seed": 1, "round": 2, "device": [3, 4]}
SETTINGS = {"epochs": 2, "batch": 4, "learningRate": 0.0625, "momentum": 0.5, "l2": 0, "proximal": 0.25}
GENERATOR = 8


def values(count):
    words = [w for i in range(count // 4 + 1) for w in philox((i, KEY["round"], GENERATOR, KEY["seed"]), KEY["device"])]
    return [F((w >> 8) * 2.0**-23 - 1) for w in words[:count]]


def digest(model, samples, steps, doubles, counts, *vectors):
    out = struct.pack("<6I", *model, samples, steps) + struct.pack("<4d", *doubles) + struct.pack(f"<{len(counts)}I", *counts)
    for vector in vectors:
        out += np.asarray(vector, dtype="<f4").tobytes()
    return hashlib.sha256(out).hexdigest()


def own():
    spec = {
        "inputs": 4,
        "layers": [{"kind": "dense", "units": 5, "activation": "relu"}, {"kind": "dense", "units": 3, "activation": "identity"}],
        "loss": "softmax",
        "positiveWeight": 1,
    }
    x = np.array(values(ROWS * 4), dtype=F).reshape(ROWS, 4)
    y = np.array([row % 3 for row in range(ROWS)], dtype=F)
    start = init(spec, KEY)
    result, loss_sum, steps, samples = train(spec, start, x, y, SETTINGS, KEY)
    sums, _, predictions = evaluate(spec, result, x, y)
    doubles = [loss_sum, sums["lossSum"], sums["squaredError"], sums["absoluteError"]]
    return digest([4, 0, shapes(spec)[1], 3], samples, steps, doubles, sums["confusion"], start, result, predictions)


def line():
    """As assembly/examples/line/line.c has it."""
    inputs = 4
    numbers = values(ROWS * inputs + ROWS)
    x, y = np.array(numbers[: ROWS * inputs]).reshape(ROWS, inputs), numbers[ROWS * inputs :]
    start = np.zeros(inputs + 1, dtype=F)
    w = start.copy()
    rate, proximal = F(SETTINGS["learningRate"]), F(SETTINGS["proximal"])

    def value(row):
        total = w[inputs]
        for i in range(inputs):
            total = total + w[i] * x[row][i]
        return total

    loss, steps, samples = 0.0, 0, 0
    for _ in range(SETTINGS["epochs"]):
        for first in range(0, ROWS, SETTINGS["batch"]):
            rows = range(first, min(ROWS, first + SETTINGS["batch"]))
            count = F(len(rows))
            g = [proximal * (w[i] - start[i]) for i in range(inputs + 1)]
            for row in rows:
                error = value(row) - y[row]
                loss += 0.5 * float(error) * float(error)
                for i in range(inputs):
                    g[i] = g[i] + error * x[row][i] / count
                g[inputs] = g[inputs] + error / count
            for i in range(inputs + 1):
                w[i] = w[i] - rate * g[i]
            steps, samples = steps + 1, samples + len(rows)
    errors = [float(value(row)) - float(y[row]) for row in range(ROWS)]
    evaluated = [0.0, 0.0, 0.0]
    for error in errors:
        evaluated[0] += 0.5 * error * error
        evaluated[1] += error * error
        evaluated[2] += abs(error)
    predictions = [value(row) for row in range(ROWS)]
    return digest([inputs, 2, inputs + 1, 1], samples, steps, [loss, *evaluated], [], start, w, predictions)


(HERE / "self-test.json").write_text(json.dumps({"own": own(), "line": line()}, indent=2) + "\n")
