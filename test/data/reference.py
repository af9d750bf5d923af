"""python3 test/data/reference.py FOLDER > test/data/reference.json: figures of the shared sets, computed with numpy, not with the readers under test.
FOLDER is ../shared/data. For every set: rows, class counts and, of each client checked, means and a position-weighted checksum of its samples."""
import gzip, json, os, struct, sys
import numpy as np

root = sys.argv[1]


def array(folder, entry):
    raw = gzip.open(os.path.join(root, folder, entry["path"])).read()
    return np.frombuffer(raw, {"int16": "<i2", "uint16": "<u2", "uint8": "u1"}[entry["dtype"]]).reshape(entry["shape"])


def meta(folder):
    return json.load(open(os.path.join(root, folder, "meta.json")))


def real(folder, entry):
    return (array(folder, entry) * np.asarray(entry["scale"], float) + np.asarray(entry["offset"], float)).astype(np.float32)


def facts(x, y):
    x, y = np.asarray(x, np.float32).astype(float), np.asarray(y, float)
    weights = (np.arange(x.size) % 1009 + 1).reshape(x.shape)
    return {"rows": len(y), "labelSum": float(y.sum()), "mean": float(x.mean()), "checksum": float((x * weights).mean())}


def folds(folder, clients):
    m = meta(folder)
    x, y, fold = real(folder, m["files"]["x"]), array(folder, m["files"]["y"]), array(folder, m["files"]["fold"])
    out = {}
    for i in clients:
        c = m["clients"][i]
        rows = np.arange(c["start"], c["start"] + c["count"])
        out[c["id"]] = {part: facts(x[rows[fold[rows] == k]], y[rows[fold[rows] == k]]) for k, part in enumerate(["train", "test"])}
    return out


def telosb():
    m = meta("wsn-telosb")
    q, y = array("wsn-telosb", m["files"]["x"]).astype(int), array("wsn-telosb", m["files"]["y"])
    out = {}
    for c in m["clients"]:
        half = c["start"] + c["count"] // 2
        out[c["id"]] = {}
        for part, a, b in (("train", c["start"], half), ("test", half, c["start"] + c["count"])):
            w = np.lib.stride_tricks.sliding_window_view(q[a:b], 12, axis=0)
            columns = []
            for k, half_change in enumerate([100, 20]):
                v = w[:, k, :]
                rise, fall = v[:, -1] - v.min(1), v.max(1) - v[:, -1]
                motion = np.abs(np.diff(v, axis=1)).sum(1)
                columns += [v[:, -1] / 100, rise / (rise + half_change), fall / (fall + half_change), motion / (motion + 11 * half_change / 4)]
            out[c["id"]][part] = facts(np.stack(columns, 1), y[a + 11 : b])
    return out


def engines(part, window, units):
    m = meta("cmapss")
    sensors = [m["features"].index(f"s{k}") for k in (2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21)]
    out = {}
    for unit in units:
        out[str(unit)] = {}
        for split in ("train", "test"):
            files, c = m["files"][f"{part}.{split}"], m["clients"][f"{part}.{split}"][unit - 1]
            x, life = real("cmapss", files["x"])[:, sensors], array("cmapss", files["y"])
            ends = range(c["start"] + window - 1, c["start"] + c["count"]) if split == "train" else [c["start"] + c["count"] - 1]
            rows = [x[e - window + 1 : e + 1].ravel() for e in ends]
            out[str(unit)][split] = facts(np.stack(rows), [min(125, life[e]) for e in ends])
    return out


def digits():
    out = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        raw = gzip.open(os.path.join(root, "mnist", f"{name}-images-idx3-ubyte.gz")).read()
        labels = gzip.open(os.path.join(root, "mnist", f"{name}-labels-idx1-ubyte.gz")).read()[8:]
        count, high, wide = struct.unpack(">III", raw[4:16])
        x = (np.frombuffer(raw, np.uint8, offset=16).reshape(count, high * wide) / 255).astype(np.float32)
        out[part] = facts(x, np.frombuffer(labels, np.uint8)) | {"firstLabels": list(labels[:10])}
    return out


print(json.dumps({
    "telosb": telosb(),
    "uci-har-66": folds("uci-har-66", [0, 29]),
    "uci-har": folds("uci-har", [4]),
    "chest-accel": folds("chest-accel", [0, 14]),
    "cmapss": {"FD001": engines("FD001", 30, [1, 31, 100]), "FD003": engines("FD003", 20, [2])},
    "mnist": digits(),
}, indent=1))
