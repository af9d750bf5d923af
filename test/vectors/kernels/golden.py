"""What all the scripts here write: byte strings as hex, little-endian, and JSON with one case a line."""

import json
from pathlib import Path

import numpy as np


def f32(values):
    return np.asarray(values, dtype="<f4").tobytes().hex()


def f64(values):
    return np.asarray(values, dtype="<f8").tobytes().hex()


def write(name, content):
    """`content` as JSON beside this file: lists of objects, and `inputs`, one item a line."""
    fields = []
    for field, value in content.items():
        text = json.dumps(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]"
        elif field == "inputs":
            text = "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}"
        fields.append(f"{json.dumps(field)}: {text}")
    path = Path(__file__).with_name(name)
    path.write_text("{\n" + ",\n".join(fields) + "\n}\n")
    print(f"{name}: {path.stat().st_size} bytes")
