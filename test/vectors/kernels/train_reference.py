"""Local training as assembly/README.md ("The arithmetic") describes it, in numpy float32; not taken from the kernels."""

import math

import numpy as np

from codec_reference import philox

F = np.float32
np.seterr(over="ignore", under="ignore", invalid="ignore")


def bits(x):
    return int(np.array(x, dtype=F).view(np.int32))


def from_bits(i):
    return np.array(i & 0xFFFFFFFF, dtype=np.uint32).view(F)[()]


# ---------------------------------------------------------------- elementary functions

EXP_TERMS = [F(c) for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)]
LOG_TERMS = [
    F(c)
    for c in (
        -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
        -2.4999993993e-1, 3.3333331174e-1,
    )
]  # fmt: skip
LN2_HIGH, LN2_LOW = F(0.693359375), F(-2.12194440e-4)


def exp(x):
    x = x if x > F(-87) else F(-87)
    t = x * F(1.44269504088896341) + F(12582912)
    n = t - F(12582912)
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    p = F(1.9875691500e-4)
    for c in EXP_TERMS:
        p = p * r + c
    p = (p * (r * r) + r) + F(1)
    return from_bits(bits(p) + (bits(t) << 23))


def log(x):
    s = (bits(x) - 0x3F3504F3) & 0xFF800000
    e = F((s - (1 << 32) if s >> 31 else s) >> 23)
    f = from_bits(bits(x) - s) - F(1)
    z = f * f
    p = F(7.0376836292e-2)
    for c in LOG_TERMS:
        p = p * f + c
    return ((((z * f) * p + e * LN2_LOW) - F(0.5) * z) + f) + e * LN2_HIGH


def tanh(z):
    t = exp(abs(z) * F(-2))
    y = (F(1) - t) / (F(1) + t)
    return -y if z < 0 else y


def cos_pi(u):
    v = F(0.5) - u
    z = v * v
    p = F(0.08214589)
    for c in (-0.59926453, 2.55016404, -5.16771278, 3.14159265):
        p = p * z + F(c)
    return p * v


# ---------------------------------------------------------------- layers


def shapes(spec):
    """Each layer with fan in, columns, positions, step between windows, activation, and its parameters' offset."""
    out, inputs, at = [], spec["inputs"], 0
    for layer in spec["layers"]:
        kind = layer["kind"]
        if kind == "dense":
            s = dict(depth=inputs, columns=layer["units"], positions=1, step=0, outputs=layer["units"], width=1)
        else:
            stride = layer["stride"] if kind == "conv1d" else layer["width"]
            positions = (inputs // layer["channels"] - layer["width"]) // stride + 1
            conv = kind == "conv1d"
            columns = layer["filters"] if conv else 0
            s = dict(depth=layer["width"] * layer["channels"] if conv else 0, columns=columns, positions=positions)
            s |= dict(step=stride * layer["channels"], outputs=positions * (columns or layer["channels"]), width=layer["width"])
        s |= dict(layer=layer, activation=layer.get("activation", "identity"), at=at, inputs=inputs)
        out.append(s)
        inputs, at = s["outputs"], at + (s["depth"] + 1) * s["columns"]
    return out, at


def matrix(s, w):
    return w[s["at"] : s["at"] + (s["depth"] + 1) * s["columns"]].reshape(s["depth"] + 1, s["columns"])


def activate(z, kind):
    if kind == "relu":
        return np.where(z > 0, z, F(0)).astype(F)
    if kind == "tanh":
        return np.array([tanh(v) for v in z], dtype=F)
    return z


def window(s, x, p):
    return x[p * s["step"] : p * s["step"] + s["depth"]]


def forward(spec, w, x):
    rows = [np.array(x, dtype=F)]
    for s in shapes(spec)[0]:
        below = rows[-1]
        if s["layer"]["kind"] == "pool":
            c, width = s["layer"]["channels"], s["layer"]["width"]
            parts = []
            for p in range(s["positions"]):
                steps = below[p * width * c : (p + 1) * width * c].reshape(width, c)
                v = steps[0].copy()
                for step in steps[1:]:
                    v = v + step if s["layer"]["mode"] == "average" else np.where(step > v, step, v)
                parts.append(v * (F(1) / F(width)) if s["layer"]["mode"] == "average" else v)
            rows.append(np.concatenate(parts).astype(F))
            continue
        m = matrix(s, w)
        parts = []
        for p in range(s["positions"]):
            x = below if s["step"] == 0 else window(s, below, p)
            z = np.zeros(s["columns"], dtype=F)
            for k in range(s["depth"]):
                z = z + x[k] * m[k]
            parts.append(activate(z + m[-1], s["activation"]))
        rows.append(np.concatenate(parts))
    return rows


def loss(spec, z, y, scale):
    """Loss of one row, and the gradient of its outputs."""
    if spec["loss"] == "softmax":
        m = z.max()
        e = np.array([exp(v - m) for v in z], dtype=F)
        s = F(0)
        for v in e:
            s = s + v
        p = e / s
        p[int(y)] = p[int(y)] - F(1)
        return (log(s) + m) - z[int(y)], p * scale
    v = z[0]
    if spec["loss"] == "squared":
        d = v - y
        return (F(0.5) * d) * d, np.array([d * scale], dtype=F)
    weight = F(spec["positiveWeight"])
    e = exp(-abs(v))
    s = F(1) + e
    p = (F(1) if v >= 0 else e) / s
    if y == 1:
        return weight * ((-v if v < 0 else F(0)) + log(s)), np.array([(weight * (p - F(1))) * scale], dtype=F)
    return (v if v > 0 else F(0)) + log(s), np.array([p * scale], dtype=F)


def gradient(spec, w, passes, first):
    """Gradient of the layers from `first` on; `passes`: (outputs of every layer, gradient of the outputs), row by row."""
    layers, size = shapes(spec)
    g = np.zeros(size, dtype=F)
    deltas = [d for _, d in passes]
    for i in range(len(layers) - 1, first - 1, -1):
        s = layers[i]
        below = []
        for (outputs, _), d in zip(passes, deltas):
            x = outputs[i]
            dx = np.zeros(s["inputs"], dtype=F)
            if s["layer"]["kind"] == "pool":
                c, width = s["layer"]["channels"], s["layer"]["width"]
                for p in range(s["positions"]):
                    for j in range(c):
                        at = [(p * width + k) * c + j for k in range(width)]
                        if s["layer"]["mode"] == "average":
                            dx[at] = d[p * c + j] * (F(1) / F(width))
                        else:
                            dx[at[int(np.argmax(x[at]))]] = d[p * c + j]
            else:
                gm, m = matrix(s, g), matrix(s, w)
                for p in range(s["positions"]):
                    dp = d[p * s["columns"] : (p + 1) * s["columns"]]
                    xp = x if s["step"] == 0 else window(s, x, p)
                    gm[:-1] = gm[:-1] + np.outer(xp, dp)
                    gm[-1] = gm[-1] + dp
                    c = np.zeros(s["depth"], dtype=F)
                    for j in range(s["columns"]):
                        c = c + dp[j] * m[:-1, j]
                    if s["step"] == 0:
                        dx = c
                    else:
                        at = slice(p * s["step"], p * s["step"] + s["depth"])
                        dx[at] = dx[at] + c
            kind = layers[i - 1]["activation"] if i > 0 else "identity"
            if kind == "relu":
                dx = np.where(x > 0, dx, F(0)).astype(F)
            elif kind == "tanh":
                dx = dx * (F(1) - x * x)
            below.append(dx)
        deltas = below
    return g


def norm(g):
    lanes = [0.0] * 4
    for i, v in enumerate(g.astype(np.float64)):
        lanes[i % 4] += v * v
    return math.sqrt((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))


# ---------------------------------------------------------------- training


def word(i, purpose, key):
    return philox((i // 4, key["round"], purpose, key["seed"]), key["device"])[i % 4]


def init(spec, key):
    layers, size = shapes(spec)
    w, i = np.zeros(size, dtype=F), 0
    for s in layers:
        fan = s["depth"] if s["activation"] == "relu" else s["depth"] + s["columns"] * s["width"]
        for n in range(s["depth"] * s["columns"]):
            u = F(((word(i, 1, key) >> 8) - 2**23) * 2.0**-23)
            w[s["at"] + n] = u * np.sqrt(F(6) / F(fan))
            i += 1
    return w


def rate_of(settings, t, total):
    rate = F(settings["learningRate"])
    schedule = settings.get("schedule", {"kind": "constant"})
    warmup, last = schedule.get("warmup", 0), F(schedule.get("finalFraction", 0))
    if t < warmup:
        return rate * (F(t + 1) / F(warmup))
    if schedule["kind"] == "constant":
        return rate
    u = F(t - warmup) / F(total - warmup)
    q = F(1) - u if schedule["kind"] == "linear" else F(0.5) * (F(1) + cos_pi(u))
    return rate * (last + (F(1) - last) * q)


def train(spec, start, x, y, settings, key, limit=None):
    """Returns parameters, sum of the loss (float64), steps, samples processed; ends after `limit` steps where that is given."""
    layers, size = shapes(spec)
    rows = len(y)
    trained = settings.get("trained", {"from": 0, "to": len(layers)})
    ends = [s["at"] for s in layers] + [size]
    learn = slice(ends[trained["from"]], ends[trained["to"]])
    total = settings["epochs"] * -(-rows // settings["batch"])
    l2, proximal, momentum = (F(settings[name]) for name in ("l2", "proximal", "momentum"))
    bound, example_bound = settings.get("clipNorm", 0), settings.get("exampleClipNorm", 0)
    w, v = start.copy(), np.zeros(size, dtype=F)
    order, words, steps, samples, loss_sum = list(range(rows)), 0, 0, 0, 0.0
    for _ in range(settings["epochs"]):
        for i in range(rows - 1, 0, -1):
            j = word(words, 2, key) * (i + 1) >> 32
            words += 1
            order[i], order[j] = order[j], order[i]
        for at in range(0, rows, settings["batch"]):
            if steps == limit:
                return w, loss_sum, steps, samples
            batch = order[at : at + settings["batch"]]
            scale = F(1) / F(len(batch))
            passes = []
            for r in batch:
                outputs = forward(spec, w, x[r])
                row_loss, d = loss(spec, outputs[-1], y[r], F(1) if example_bound else scale)
                loss_sum += float(row_loss)
                passes.append((outputs, d))
            factor = F(1)
            if example_bound:
                g = np.zeros(size, dtype=F)
                for one in passes:
                    single = gradient(spec, w, [one], trained["from"])
                    n = norm(single[learn])
                    g = g + single * (F(float(F(example_bound)) / n) if n > float(F(example_bound)) else F(1))
                factor = scale
            else:
                g = gradient(spec, w, passes, trained["from"])
            if bound:
                n = norm((g * factor)[learn])
                if n > float(F(bound)):
                    factor = F(float(F(bound)) / n) * factor
            d, old = g[learn], w[learn]
            if factor != 1:
                d = d * factor
            if l2:
                d = d + l2 * old
            if proximal:
                d = d + proximal * (old - start[learn])
            if momentum:
                d = v[learn] = momentum * v[learn] + d
            w[learn] = old - rate_of(settings, steps, total) * d
            steps += 1
            samples += len(batch)
    return w, loss_sum, steps, samples


def evaluate(spec, w, x, y):
    """The sums of an evaluation, and the predictions of softmax and squared loss as they follow from the rules."""
    classes = {"softmax": shapes(spec)[0][-1]["outputs"], "logistic": 2, "squared": 0}[spec["loss"]]
    confusion = np.zeros((classes, classes), dtype=int)
    histogram = np.zeros((2, 256), dtype=int)
    loss_sum = squared = absolute = 0.0
    predictions = []
    for row, label in zip(x, y):
        z = forward(spec, w, row)[-1]
        loss_sum += float(loss(spec, z, label, F(1))[0])
        if spec["loss"] == "softmax":
            confusion[int(label), int(np.argmax(z))] += 1
            e = np.array([exp(v - z.max()) for v in z], dtype=F)
            s = F(0)
            for v in e:
                s = s + v
            predictions.append(e / s)
        elif spec["loss"] == "logistic":
            v = z[0]
            confusion[int(label), int(v >= 0)] += 1
            histogram[int(label), int(math.floor(min(max(v, F(-8)), F(7.9375)) * F(16))) + 128] += 1
            e = exp(-abs(v))
            predictions.append(np.array([(F(1) if v >= 0 else e) / (F(1) + e)]))
        else:
            e = float(z[0] - label)
            squared, absolute = squared + e * e, absolute + abs(e)
            predictions.append(z)
    return dict(lossSum=loss_sum, confusion=confusion.flatten().tolist(), squaredError=squared, absoluteError=absolute), (
        histogram.flatten().tolist() if spec["loss"] == "logistic" else []
    ), np.concatenate([np.zeros(0), *predictions]).astype(F)
