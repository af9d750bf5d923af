"""Expected values of test/core/{limbs,moments,metrics,evaluation}.test.ts, from exact rationals, numpy and scikit-learn.

Run: pip install numpy scikit-learn && python3 test/core/statistics_reference.py > test/core/statistics.json
"""

import json
import math
import sys
from fractions import Fraction

import numpy as np
import sklearn
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_curve,
)

rng = np.random.default_rng(20240607)
BINS = 256


def limbs(value):
    """Digits of base 2^24 of trunc(value * 2^64), least significant first, with the value's sign."""
    units = Fraction(value) * 2**64
    whole = math.trunc(units)
    sign = -1 if whole < 0 else 1
    whole = abs(whole)
    return [sign * (whole >> (24 * k) & (2**24 - 1)) for k in range(5)]


def limb_cases():
    values = [0.0, 1.0, -1.0, 0.1, -0.1, math.pi, 1e-19, 5e-20, -5e-20, 2.0**-64, -(2.0**-65), 2.0**24, 123456789.125]
    values += [2.0**55 - 8, -(2.0**55) + 8, 1e16 + 2, 3.0e-5]
    values += [float(v) for v in rng.normal(size=20) * 10.0 ** rng.integers(-12, 14, size=20)]
    return [{"value": v, "limbs": [x + 0 for x in limbs(v)]} for v in values]


def moment_case(name, devices):
    """`devices`: float32 arrays rows x features. Device sums in float64 in row order, the rest in exact rationals."""
    features = devices[0].shape[1]
    rows = sum(len(d) for d in devices)
    mean, inverse, vectors = [], [], []
    for d in devices:
        vector = [len(d)]
        for j in range(features):
            s = 0.0
            q = 0.0
            for v in d[:, j].astype(np.float64):
                s += float(v)
                q += float(v) * float(v)
            vector += limbs(s) + limbs(q)
        vectors.append([x + 0 for x in vector])
    totals = [sum(v[i] for v in vectors) for i in range(len(vectors[0]))]
    for j in range(features):
        at = 1 + 10 * j
        s = Fraction(sum(totals[at + k] << (24 * k) for k in range(5)), 2**64)
        q = Fraction(sum(totals[at + 5 + k] << (24 * k) for k in range(5)), 2**64)
        m = float(s / rows)
        variance = float(q / rows - (s / rows) ** 2)
        constant = variance <= 2.0**-56 or variance <= 2.0**-40 * m * m
        mean.append(float(np.float32(m)))
        inverse.append(1.0 if constant else float(np.float32(1 / math.sqrt(variance))))
    first = devices[0]
    scaled = (first - np.array(mean, np.float32)) * np.array(inverse, np.float32)
    pooled = np.concatenate(devices).astype(np.float64)
    return {
        "name": name,
        "features": features,
        "devices": [[float(v) for v in d.ravel()] for d in devices],
        "vectors": vectors,
        "mean": mean,
        "inverse": inverse,
        "standardized": [float(v) for v in scaled.ravel()],
        "numpy": {"mean": pooled.mean(axis=0).tolist(), "deviation": pooled.std(axis=0).tolist()},
    }


def moment_cases():
    normal = [(rng.normal(size=(n, 3)) * [1, 50, 0.01] + [0, 1000, -3]).astype(np.float32) for n in (5, 1, 17, 8)]
    offset = [(rng.normal(size=(n, 2)) * [0.5, 3] + [1e5, -40]).astype(np.float32) for n in (40, 60)]
    constant = [np.column_stack([np.full(n, 0.1), np.full(n, 0.0), rng.normal(size=n)]).astype(np.float32) for n in (100, 33)]
    return [moment_case("normal", normal), moment_case("far from zero", offset), moment_case("constant", constant)]


def histogram(bins, labels):
    out = np.zeros((2, BINS), int)
    for b, y in zip(bins, labels):
        out[y, b] += 1
    return out.ravel().tolist()


def binary_case(name, bins, labels):
    bins = np.asarray(bins)
    labels = np.asarray(labels)
    precision, recall, _ = precision_recall_curve(labels, bins)
    both = precision + recall
    best = np.max(np.where(both > 0, 2 * precision * recall / np.where(both > 0, both, 1), 0))
    return {
        "name": name,
        "bins": bins.tolist(),
        "labels": labels.tolist(),
        "averagePrecision": float(average_precision_score(labels, bins)),
        "accuracy": float(accuracy_score(labels, (bins >= 128).astype(int))),
        "f1": {str(t): float(f1_score(labels, (bins >= t).astype(int), zero_division=0)) for t in (0, 100, 128, 140, 255)},
        "bestF1": float(best),
    }


def binary_cases():
    labels = rng.random(400) < 0.2
    scores = np.clip(rng.normal(size=400) * 25 + 110 + 40 * labels, 0, 255).astype(int)
    few = rng.integers(126, 131, size=60)
    return [
        binary_case("overlapping", scores, labels.astype(int)),
        binary_case("many ties", few, (rng.random(60) < 0.5).astype(int)),
        binary_case("separable", [10, 20, 30, 200, 210, 255], [0, 0, 0, 1, 1, 1]),
        binary_case("worst", [200, 210, 10], [0, 0, 1]),
        binary_case("constant predictor", [128] * 50, [1] * 3 + [0] * 47),
    ]


def multiclass_case(name, classes, truth, predicted):
    confusion = np.zeros((classes, classes), int)
    for t, p in zip(truth, predicted):
        confusion[t, p] += 1
    return {
        "name": name,
        "classes": classes,
        "confusion": confusion.ravel().tolist(),
        "accuracy": float(accuracy_score(truth, predicted)),
        "f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
    }


def multiclass_cases():
    truth = rng.integers(0, 6, size=300)
    predicted = np.where(rng.random(300) < 0.7, truth, rng.integers(0, 6, size=300))
    return [
        multiclass_case("six classes", 6, truth, predicted),
        multiclass_case("an absent class", 4, [0, 0, 1, 1, 2], [0, 1, 1, 1, 0]),
        multiclass_case("all wrong", 3, [0, 1, 2], [1, 2, 0]),
    ]


def regression_case():
    truth = rng.normal(size=50)
    predicted = truth + rng.normal(size=50) * 0.3
    error = predicted - truth
    return {
        "rows": 50,
        "squaredError": float(np.sum(error**2)),
        "absoluteError": float(np.sum(np.abs(error))),
        "rmse": float(np.sqrt(mean_squared_error(truth, predicted))),
        "mae": float(mean_absolute_error(truth, predicted)),
    }


json.dump(
    {
        "origin": f"statistics_reference.py with numpy {np.__version__} and scikit-learn {sklearn.__version__}",
        "limbs": limb_cases(),
        "moments": moment_cases(),
        "binary": binary_cases(),
        "multiclass": multiclass_cases(),
        "regression": regression_case(),
    },
    sys.stdout,
)
print()
