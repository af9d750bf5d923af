"""Writes training.json: python3 make_training.py. Golden bytes of local training, from train_reference.py."""

import json
import pathlib
import struct

import numpy as np

from train_reference import F, evaluate, exp, init, log, shapes, tanh, train

random = np.random.default_rng(20261129)


def hexed(values):
    return np.asarray(values, dtype="<f4").tobytes().hex()


def f64(value):
    return struct.pack("<d", value).hex()


def dense(units, activation="identity"):
    return {"kind": "dense", "units": units, "activation": activation}


def conv(channels, filters, width, stride, activation):
    return {"kind": "conv1d", "channels": channels, "filters": filters, "width": width, "stride": stride, "activation": activation}


def pool(mode, channels, width):
    return {"kind": "pool", "mode": mode, "channels": channels, "width": width}


def case(name, inputs, layers, loss="softmax", rows=23, weight=1, **settings):
    spec = {"inputs": inputs, "layers": layers, "loss": loss, "positiveWeight": weight}
    settings = {"epochs": 1, "batch": rows, "learningRate": 0.1, "momentum": 0, "l2": 0, "proximal": 0} | settings
    key = {"seed": int(random.integers(2**32)), "round": int(random.integers(2**32)), "device": random.integers(2**32, size=2).tolist()}
    x = random.normal(size=(rows, inputs)).astype(F)
    classes = {"softmax": shapes(spec)[0][-1]["outputs"], "logistic": 2, "squared": 0}[loss]
    y = random.integers(classes, size=rows).astype(F) if classes else random.normal(size=rows).astype(F)
    first = init(spec, key)
    start = (first + random.normal(scale=0.05, size=first.shape)).astype(F)
    result, loss_sum, steps = train(spec, start, x, y, settings, key)
    assert np.isfinite(result).all(), name
    sums, histogram, predictions = evaluate(spec, result, x, y)
    sums = {k: f64(v) if isinstance(v, float) else v for k, v in sums.items()}
    counted = {str(i): n for i, n in enumerate(histogram) if n}
    return {
        "name": name, "spec": spec, "settings": settings, "key": key, "rows": rows, "x": hexed(x), "y": hexed(y),
        "init": hexed(first), "start": hexed(start), "result": hexed(result), "delta": hexed(result - start),
        "lossSum": f64(loss_sum), "steps": steps, "evaluation": sums | {"histogram": counted}, "predictions": hexed(predictions),
    }  # fmt: skip


mlp = [dense(13, "relu"), dense(9, "tanh"), dense(5)]
net = [conv(3, 10, 4, 2, "relu"), pool("max", 10, 2), conv(10, 5, 2, 1, "tanh"), pool("average", 5, 2), dense(7, "relu"), dense(4)]
cases = [
    case("one dense layer, one step, softmax", 20, [dense(6)]),
    case("one dense layer, one step, logistic", 11, [dense(1)], "logistic", weight=3.5),
    case("one dense layer, one step, squared", 7, [dense(1)], "squared"),
    case("one row, one input, one class", 1, [dense(1)], rows=1),
    case("relu", 17, [dense(12, "relu"), dense(3)], epochs=2, batch=8),
    case("tanh", 17, [dense(12, "tanh"), dense(3)], epochs=2, batch=8),
    case("identity in between", 17, [dense(12), dense(3)], epochs=2, batch=8),
    case("three layers, a whole round", 66, mlp, rows=50, epochs=3, batch=10, learningRate=0.05),
    case("momentum", 10, mlp, epochs=3, batch=5, momentum=0.9, learningRate=0.02),
    case("weight decay", 10, mlp, epochs=2, batch=5, l2=0.01),
    case("proximal term", 10, mlp, epochs=3, batch=5, proximal=0.5),
    case("momentum, weight decay and proximal term", 10, mlp, epochs=3, batch=5, momentum=0.5, l2=0.01, proximal=0.1),
    case("clipped steps", 10, mlp, epochs=2, batch=5, clipNorm=0.25),
    case("clipped rows", 10, mlp, epochs=2, batch=5, exampleClipNorm=0.5),
    case("clipped rows and steps", 10, mlp, epochs=2, batch=5, exampleClipNorm=0.5, clipNorm=0.2, momentum=0.9),
    case("warm-up and line", 10, mlp, epochs=3, batch=5, schedule={"kind": "linear", "warmup": 4, "finalFraction": 0.1}),
    case("half a cosine", 10, mlp, epochs=3, batch=5, schedule={"kind": "cosine", "warmup": 0, "finalFraction": 0}),
    case("frozen backbone", 10, mlp, epochs=2, batch=5, trained={"from": 1, "to": 3}),
    case("private head frozen", 10, mlp, epochs=2, batch=5, l2=0.01, trained={"from": 0, "to": 2}),
    case("convolution", 30, [conv(3, 10, 4, 2, "relu"), dense(3)], epochs=2, batch=8),
    case("maximum pool", 24, [pool("max", 3, 3), dense(3)], epochs=2, batch=8),
    case("average pool", 25, [pool("average", 5, 2), dense(3)], epochs=2, batch=8),
    case("convolutions and pools, a whole round", 72, net, rows=30, epochs=2, batch=10, learningRate=0.05, momentum=0.5),
    case("regression, a whole round", 14, [dense(16, "relu"), dense(1)], "squared", rows=40, epochs=3, batch=10, learningRate=0.02),
    case("rare events, a whole round", 12, [dense(8, "tanh"), dense(1)], "logistic", rows=60, weight=5, epochs=3, batch=10),
]
points = np.concatenate([[0, -1e-8, -0.5, -1, -86.99, -87, -88, -1e30], -random.exponential(8, size=56)]).astype(F)
logs = np.concatenate([[1, 2, 1.4142135, 1.4142136, 10, 1024], 1 + random.exponential(3, size=58)]).astype(F)
curves = np.concatenate([[0, 1e-8, -1e-8, 0.5, -0.5, 50, -50], random.normal(scale=2, size=57)]).astype(F)
functions = {
    name: {"x": hexed(x), "y": hexed([f(v) for v in x])} for name, f, x in (("exp", exp, points), ("log", log, logs), ("tanh", tanh, curves))
}
out = pathlib.Path(__file__).with_name("training.json")
lines = ",\n".join(json.dumps(c) for c in cases)
about = "Vectors are float32, little-endian, in hexadecimal; lossSum and the evaluation's sums float64. Made by make_training.py from assembly/README.md."
out.write_text(f'{{\n"about": {json.dumps(about)},\n"functions": {json.dumps(functions)},\n"cases": [\n{lines}\n]\n}}\n')
print(f"{len(cases)} cases, {out.stat().st_size} bytes")
