"""Writes round.json: whole federations of a few devices and rounds, from codec_reference.py and train_reference.py, sums and means in exact rationals."""

import hashlib
from fractions import Fraction

import numpy as np

from codec_reference import contributions, decoded, encode, grid_exponent
from golden import f32, f64, write
from train_reference import F, init, shapes, train

random = np.random.default_rng(20261204)


def device_words(name):
    """The first 8 bytes of SHA-256(device id), as two words."""
    digest = hashlib.sha256(name.encode()).digest()
    return [int.from_bytes(digest[0:4], "big"), int.from_bytes(digest[4:8], "big")]


def devices(spec, rows):
    """Samples with something to learn, a little different on every device."""
    outputs = shapes(spec)[0][-1]["outputs"]
    rule = random.normal(size=(spec["inputs"], outputs))
    made = []
    for i, n in enumerate(rows):
        name = f"mote-{i + 1}"
        x = random.normal(loc=0.2 * i, size=(n, spec["inputs"])).astype(F)
        z = x @ rule / np.sqrt(spec["inputs"]) + random.normal(scale=0.1, size=(n, outputs))
        y = {"softmax": z.argmax(axis=1), "logistic": z[:, 0] > 1, "squared": z[:, 0]}[spec["loss"]].astype(F)
        made.append({"id": name, "device": device_words(name), "rows": n, "x": x, "y": y})
    return made


def federation(name, spec, settings, rows, codecs, shared=None, downlink=None, feedback=False, limits=None, cap=100, largest=1):
    """`codecs`: of each round, for all devices or each of them. `shared`: layers; `limits`: {(round, device): steps}."""
    settings = {"momentum": 0, "l2": 0, "proximal": 0} | settings
    seed = int(random.integers(2**32))
    fleet = devices(spec, rows)
    layers, size = shapes(spec)
    ends = [s["at"] for s in layers] + [size]
    low, high = (0, size) if shared is None else (ends[shared["from"]], ends[shared["to"]])
    first = init(spec, {"seed": seed, "round": 0, "device": [0, 0]})
    exact, model = [Fraction(float(v)) for v in first], first.copy()
    own = [first.copy() for _ in fleet]
    residuals = [np.zeros(high - low, dtype=F) for _ in fleet]
    g = grid_exponent(len(rows), cap, largest)
    rounds = []
    for number, chosen in enumerate(codecs):
        total, weights, updates = [0] * (high - low), 0, []
        for i, device in enumerate(fleet):
            codec = chosen if isinstance(chosen, str) else chosen[i]
            key = {"seed": seed, "round": number, "device": device["device"]}
            limit = (limits or {}).get((number, i))
            start = own[i]
            start[low:high] = model[low:high]
            result, loss_sum, steps, samples = train(spec, start, device["x"], device["y"], settings, key, limit)
            assert np.isfinite(result).all()
            own[i] = result
            delta = (result - start)[low:high]
            wanted = residuals[i] + delta if feedback else delta
            payload = encode(codec, wanted, key, biased=feedback)
            weight = min(samples, cap)
            adds = contributions(codec, payload, high - low, key, weight, g)
            assert max(abs(a) for a in adds) <= Fraction(2) ** 52 / max(len(rows), 2)
            total = [t + a for t, a in zip(total, adds)]
            weights += weight
            update = {"codec": codec, **({} if limit is None else {"limit": limit}), "steps": steps, "samples": samples}
            update |= {"lossSum": f64(loss_sum), "result": f32(result), "delta": f32(delta), "payload": payload.hex(), "weight": weight}
            if feedback:
                residuals[i] = wanted - decoded(codec, payload, high - low, key)
                update["residual"] = f32(residuals[i])
            updates.append(update)
        sums = [Fraction(t) * Fraction(2) ** g for t in total]
        assert all(Fraction(float(s)) == s for s in sums)
        # Python rounds a rational to the nearest float64.
        means = [float(s / weights) for s in sums]
        for j, mean in enumerate(means, start=low):
            exact[j] = Fraction(float(exact[j] + Fraction(mean)))
        server = np.array([float(v) for v in exact])
        record = {"round": number, "version": number + 1, "updates": updates, "weight": weights, "sum": f64([float(s) for s in sums])}
        model = model.copy()
        if downlink is None:
            model[low:high] = server[low:high].astype(F)
        else:
            key = {"seed": seed, "round": number + 1, "device": [0, 0]}
            drift = (server[low:high] - model[low:high].astype(np.float64)).astype(F)
            payload = encode(downlink, drift, key, biased=True)
            model[low:high] = model[low:high] + decoded(downlink, payload, high - low, key)
            record["downlink"] = payload.hex()
        digest = hashlib.sha256(model.astype("<f4").tobytes()).hexdigest()
        rounds.append(record | {"exact": f64(server), "model": f32(model), "digest": digest})
    losses = [sum(float(np.frombuffer(bytes.fromhex(u["lossSum"]))[0]) for u in r["updates"]) / sum(u["samples"] for u in r["updates"]) for r in rounds]
    print(f"{name}: {size} parameters, loss {', '.join(f'{v:.3f}' for v in losses)}")
    assert losses[-1] < losses[0]
    return {
        "name": name, "spec": spec, "settings": settings, "seed": seed, "cohort": len(rows), "weightCap": cap, "largestDelta": largest, "g": g,
        **({} if shared is None else {"shared": shared, "sharedParameters": [low, high]}),
        **({} if downlink is None else {"downlink": downlink}),
        **({"feedback": True} if feedback else {}),
        "devices": [{**d, "x": f32(d["x"]), "y": f32(d["y"])} for d in fleet], "init": f32(first), "rounds": rounds,
    }  # fmt: skip


def dense(units, activation="identity"):
    return {"kind": "dense", "units": units, "activation": activation}


def model(loss, inputs, layers, weight=1):
    return {"inputs": inputs, "layers": layers, "loss": loss, "positiveWeight": weight}


windows = [
    {"kind": "conv1d", "channels": 3, "filters": 8, "width": 5, "stride": 2, "activation": "relu"},
    {"kind": "pool", "mode": "max", "channels": 8, "width": 2},
    dense(1),
]
cases = [
    federation(
        "dense 64-32-4, softmax", model("softmax", 64, [dense(32, "relu"), dense(4)]), {"epochs": 2, "batch": 10, "learningRate": 0.05},
        [40, 23, 57], ["int8"] * 2,
    ),
    federation(
        "windows of 16 x 3, logistic, deltas downwards", model("logistic", 48, windows, 4),
        {"epochs": 2, "batch": 8, "learningRate": 0.05, "momentum": 0.5, "proximal": 0.1, "l2": 0.001, "clipNorm": 0.5,
         "schedule": {"kind": "cosine", "warmup": 2, "finalFraction": 0.1}},
        [30, 12, 21], ["eden2"] * 3, downlink="eden4",
    ),
    federation(
        "dense 12-8-3, softmax, a private head", model("softmax", 12, [dense(8, "tanh"), dense(3)]),
        {"epochs": 3, "batch": 6, "learningRate": 0.1, "exampleClipNorm": 1}, [25, 18, 31], ["int4"] * 2, shared={"from": 0, "to": 1},
    ),
    federation(
        "dense 10-6-4, softmax, a codec of its own for every device, partial work", model("softmax", 10, [dense(6, "relu"), dense(4)]),
        {"epochs": 2, "batch": 5, "learningRate": 0.1}, [16, 23, 9, 30, 12], [["f32", "int8", "int4", "eden1", "eden2"], ["eden4", "int4", "f32", "eden2", "int8"]],
        limits={(0, 3): 7, (1, 1): 4},
    ),
    federation(
        "dense 20-10-1, squared, error feedback", model("squared", 20, [dense(10, "relu"), dense(1)]),
        {"epochs": 3, "batch": 10, "learningRate": 0.02}, [33, 20], ["eden1"] * 3, feedback=True,
    ),
]  # fmt: skip

about = (
    "Each device trains from the model, its delta (of the shared parameters) is encoded and folded with its weight; mean = sum / weight, "
    "exact += mean, both float64. Vectors are hexadecimal, little-endian: float32, but lossSum, sum and exact float64. Made by make_round.py "
    "from assembly/README.md and assembly/CODECS.md."
)
write("round.json", {"about": about, "cases": cases})
