"""python3 test/bench/simulation_numpy.py MODEL SECONDS: what local SGD in numpy with OpenBLAS takes on one thread, as JSON. MODEL is `2nn` (784-200-200-10 ReLU,
600 samples, batches of 10) or `softmax` (60 features, 10 classes, 100 samples, batches of 10); an update is one epoch from the fleet's model, and the weighted sum
of what it changed. float32, in place wherever numpy allows it."""
import json, os, sys, time

os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np

SHAPES = {"2nn": ([784, 200, 200, 10], 600), "softmax": ([60, 10], 100)}
BATCH = 10
RATE = np.float32(0.1)


def epoch(start, x, y, order):
    """One epoch of SGD: what it changes."""
    layers = [(w.copy(), b.copy()) for w, b in start]
    x, y = x[order], y[order]
    rows = np.arange(BATCH)
    for at in range(0, len(x), BATCH):
        inputs = [x[at : at + BATCH]]
        for w, b in layers[:-1]:
            out = inputs[-1] @ w
            out += b
            np.maximum(out, 0, out=out)
            inputs.append(out)
        w, b = layers[-1]
        error = inputs[-1] @ w
        error += b
        error -= error.max(axis=1, keepdims=True)
        np.exp(error, out=error)
        error /= error.sum(axis=1, keepdims=True)
        error[rows, y[at : at + BATCH]] -= 1
        error *= RATE / BATCH
        for i in range(len(layers) - 1, -1, -1):
            w, b = layers[i]
            gradient = inputs[i].T @ error
            shift = error.sum(axis=0)
            if i > 0:
                error = error @ w.T
                error[inputs[i] == 0] = 0
            w -= gradient
            b -= shift
    return [(w - w0, b - b0) for (w, b), (w0, b0) in zip(layers, start)]


def main(model, seconds):
    sizes, samples = SHAPES[model]
    generator = np.random.default_rng(1)
    x = generator.random((samples, sizes[0]), dtype=np.float32)
    y = generator.integers(0, sizes[-1], samples)
    start = [
        (generator.normal(0, 0.05, (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in zip(sizes, sizes[1:])
    ]
    total = [(np.zeros(w.shape), np.zeros(b.shape)) for w, b in start]
    least, end = float("inf"), time.perf_counter() + seconds
    repeat = 1 if model == "2nn" else 20
    while time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(repeat):
            for (w, b), (dw, db) in zip(total, epoch(start, x, y, generator.permutation(samples))):
                w += samples * dw
                b += samples * db
        least = min(least, (time.perf_counter() - begin) / repeat)
    maps = open("/proc/self/maps").read() if os.path.exists("/proc/self/maps") else ""
    print(json.dumps({"seconds": least, "numpy": np.__version__, "openblas": "openblas" in maps}))


main(sys.argv[1], float(sys.argv[2]))
