"""Writes training.json: python3 make_training.py. Golden bytes of local training and evaluation, from train_reference.py."""

import numpy as np

from golden import f32, f64, write
from train_reference import F, evaluate, exp, init, log, shapes, tanh, train

random = np.random.default_rng(20261129)


def dense(units, activation="identity"):
    return {"kind": "dense", "units": units, "activation": activation}


def conv(channels, filters, width, stride, activation):
    return {"kind": "conv1d", "channels": channels, "filters": filters, "width": width, "stride": stride, "activation": activation}


def pool(mode, channels, width):
    return {"kind": "pool", "mode": mode, "channels": channels, "width": width}


def described(loss, inputs, layers, weight=1):
    return {"inputs": inputs, "layers": layers, "loss": loss, "positiveWeight": weight}


def samples(spec, rows):
    x = random.normal(size=(rows, spec["inputs"])).astype(F)
    classes = {"softmax": shapes(spec)[0][-1]["outputs"], "logistic": 2, "squared": 0}[spec["loss"]]
    y = random.integers(classes, size=rows).astype(F) if classes else random.normal(size=rows).astype(F)
    return x, y


def evaluated(spec, w, x, y):
    sums, histogram, predictions = evaluate(spec, w, x, y)
    sums = {k: f64(v) if isinstance(v, float) else v for k, v in sums.items()}
    return {"evaluation": sums | {"histogram": {str(i): n for i, n in enumerate(histogram) if n}}, "predictions": f32(predictions)}


def case(name, inputs, layers, loss="softmax", rows=23, weight=1, limit=None, change=None, **settings):
    """`change(start, x)` changes both in place."""
    spec = described(loss, inputs, layers, weight)
    settings = {"epochs": 1, "batch": rows, "learningRate": 0.1, "momentum": 0, "l2": 0, "proximal": 0} | settings
    key = {"seed": int(random.integers(2**32)), "round": int(random.integers(2**32)), "device": random.integers(2**32, size=2).tolist()}
    x, y = samples(spec, rows)
    first = init(spec, key)
    start = (first + random.normal(scale=0.05, size=first.shape)).astype(F)
    if change is not None:
        change(start, x)
    result, loss_sum, steps, processed = train(spec, start, x, y, settings, key, limit)
    assert np.isfinite(result).all(), name
    return {
        "name": name, "spec": spec, "settings": settings, "key": key, "rows": rows, "x": f32(x), "y": f32(y),
        "init": f32(first), "start": f32(start), **({} if limit is None else {"limit": limit}), "result": f32(result),
        "delta": f32(result - start), "lossSum": f64(loss_sum), "steps": steps, "samples": processed, **evaluated(spec, result, x, y),
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
    name: {"x": f32(x), "y": f32([f(v) for v in x])} for name, f, x in (("exp", exp, points), ("log", log, logs), ("tanh", tanh, curves))
}

# ---------------------------------------------------------------- settings together, and at their ends

random = np.random.default_rng(20261203)
line, half = {"kind": "linear", "warmup": 0, "finalFraction": 0.25}, {"kind": "cosine", "warmup": 3, "finalFraction": 0.1}
wide = [conv(2, 9, 3, 1, "tanh"), pool("average", 9, 3), dense(17, "relu"), dense(9)]


def tie(start, x):
    """The first channel is constant and the filters see nothing of the second: all positions have the same outputs, but not the same inputs."""
    x[:, 0::2] = x[:, :1]
    start[3:6] = 0


cases += [
    case("warm-up, then constant", 10, mlp, epochs=2, batch=5, schedule={"kind": "constant", "warmup": 4}),
    case("a line without warm-up", 10, mlp, epochs=2, batch=5, schedule=line),
    case("warm-up and half a cosine, momentum", 10, mlp, epochs=3, batch=5, momentum=0.9, learningRate=0.03, schedule=half),
    case("clipped steps with momentum, decay, proximal term", 10, mlp, epochs=3, batch=5, momentum=0.5, l2=0.02, proximal=0.2, clipNorm=0.3),
    case("clipped rows with decay and proximal term", 10, mlp, epochs=2, batch=5, l2=0.02, proximal=0.2, exampleClipNorm=0.3),
    case("bounds that nothing reaches", 10, mlp, epochs=2, batch=5, exampleClipNorm=1e6, clipNorm=1e6),
    case("only the head", 10, mlp, epochs=2, batch=5, trained={"from": 2, "to": 3}),
    case("only the middle, clipped", 10, mlp, epochs=2, batch=5, clipNorm=0.1, momentum=0.5, trained={"from": 1, "to": 2}),
    case("frozen backbone, clipped rows", 10, mlp, epochs=2, batch=5, exampleClipNorm=0.2, trained={"from": 1, "to": 3}),
    case("a batch larger than the set", 10, mlp, rows=9, epochs=3, batch=64),
    case("batches of one", 10, mlp, rows=9, epochs=2, batch=1, learningRate=0.02),
    case("ended after 7 of 12 steps", 10, mlp, epochs=3, batch=6, momentum=0.5, limit=7, schedule=line),
    case("17 columns, 70 inputs, 40 rows in a batch", 70, [dense(17, "relu"), dense(10)], rows=45, batch=40, epochs=2),
    case("16 rows, 8 columns, 64 inputs", 64, [dense(8, "relu"), dense(8)], rows=16, batch=16, epochs=2),
    case("overlapping windows, tanh", 26, wide, rows=20, epochs=2, batch=6, learningRate=0.05),
    case("windows with gaps and a rest", 46, [conv(2, 3, 4, 6, "identity"), dense(3)], epochs=2, batch=8),
    case("one window, one channel, one filter", 5, [conv(1, 1, 5, 1, "relu"), dense(2)], epochs=2, batch=8),
    case("a convolution on a pool", 40, [pool("max", 2, 2), conv(2, 4, 3, 2, "relu"), dense(3)], epochs=2, batch=8),
    case("convolutions and pools, clipped rows", 72, net, rows=12, epochs=1, batch=5, exampleClipNorm=0.4),
    case("convolutions and pools, clipped steps, all settings", 72, net, rows=16, epochs=2, batch=5, momentum=0.5, l2=0.01, proximal=0.1, clipNorm=0.3, schedule=half),
    case("convolutions and pools, frozen first layers", 72, net, rows=12, epochs=2, batch=5, trained={"from": 2, "to": 6}),
    case("convolutions and pools, frozen head", 72, net, rows=12, epochs=2, batch=5, momentum=0.5, trained={"from": 0, "to": 4}),
    case("regression with a tanh layer, clipped steps", 14, [dense(9, "tanh"), dense(1)], "squared", epochs=2, batch=8, clipNorm=0.3),
    case("regression on windows", 24, [conv(3, 4, 3, 1, "relu"), pool("average", 4, 2), dense(1)], "squared", epochs=2, batch=8, learningRate=0.02),
    case("rare events, clipped rows and momentum", 12, [dense(8, "relu"), dense(1)], "logistic", weight=7.5, epochs=2, batch=8, exampleClipNorm=0.5, momentum=0.9, learningRate=0.02),
    case("15 layers", 6, [dense(5, "tanh")] * 14 + [dense(3)], epochs=2, batch=8),
    case("convolutions and pools, 40 rows in a batch", 72, net, rows=40, epochs=2),
    case("a maximum that is there twice", 12, [conv(2, 3, 1, 1, "identity"), pool("max", 3, 3), dense(3)], change=tie),
]  # fmt: skip

# ---------------------------------------------------------------- evaluation and prediction


def evaluation(name, spec, w, x, y):
    w, x, y = np.asarray(w, dtype=F), np.reshape(x, (-1, spec["inputs"])).astype(F), np.asarray(y, dtype=F)
    return {"name": name, "spec": spec, "rows": len(y), "parameters": f32(w), "x": f32(x), "y": f32(y), **evaluated(spec, w, x, y)}


def random_evaluation(name, loss, inputs, layers, rows, size=1.0):
    spec = described(loss, inputs, layers)
    x, y = samples(spec, rows)
    return evaluation(name, spec, random.normal(scale=size, size=shapes(spec)[1]), x, y)


# Two outputs, of which each is one input; one output, which is the input.
pair, single = [1, 0, 0, 1, 0, 0], [1, 0]
edges = [-1e30, -100, -8.0001, -8, -7.9999, -0.0626, -0.0625, -0.01, -1e-7, -1e-30, -0.0, 0, 1e-30, 0.0624, 0.0625, 7.9374, 7.9375, 8, 100, 1e30]
evaluations = [
    random_evaluation("no sample at all", "softmax", 5, [dense(3)], 0),
    random_evaluation("softmax, 150 rows", "softmax", 9, [dense(6, "relu"), dense(5)], 150),
    random_evaluation("logistic, 150 rows", "logistic", 9, [dense(6, "tanh"), dense(1)], 150, 2),
    random_evaluation("squared, 150 rows", "squared", 9, [dense(6, "relu"), dense(1)], 150, 2),
    random_evaluation("convolutions and pools", "softmax", 72, net, 37),
    random_evaluation("1 class", "softmax", 3, [dense(1)], 10),
    random_evaluation("33 classes", "softmax", 8, [dense(33)], 70),
    evaluation("the first of equal outputs", described("softmax", 2, [dense(2)]), pair, [[0, 0], [1, 1], [-3, -3], [0, -0.0]] * 2, [0] * 4 + [1] * 4),
    evaluation("outputs far apart", described("softmax", 2, [dense(2)]), pair, [[86, 0], [88, 0], [1e30, -1e30], [0, 200]] * 2, [0] * 4 + [1] * 4),
    evaluation("scores at the ends of their bins, class 0", described("logistic", 1, [dense(1)]), single, edges, [0] * len(edges)),
    evaluation("scores at the ends of their bins, class 1", described("logistic", 1, [dense(1)], 3), single, edges, [1] * len(edges)),
    evaluation("large and small errors", described("squared", 1, [dense(1)]), single, [1e10, -1e10, 1e-20, 0, 3], [-1e10, -1e10, 0, -0.0, 2.5]),
]  # fmt: skip

write(
    "training.json",
    {
        "about": "Vectors are float32, little-endian, in hexadecimal; lossSum and the evaluation's sums float64. Made by make_training.py from assembly/README.md.",
        "functions": functions,
        "cases": cases,
        "evaluations": evaluations,
    },
)
