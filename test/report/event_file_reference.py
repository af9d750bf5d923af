"""Writes event-file.json: an event file as TensorBoard's own Python package writes it.

    python3 -m venv venv && venv/bin/pip install tensorboard
    venv/bin/python test/report/event_file_reference.py

With the name of an event file it prints what TensorBoard reads in it.
"""

import io
import json
import pathlib
import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

START = 1764423000.125
EVENTS = [
    {"wallTime": START, "step": 0, "scalars": [{"tag": "test/loss", "value": 0}]},
    {"wallTime": START + 0.5, "step": 1, "scalars": [{"tag": "test/accuracy", "value": 0.1}, {"tag": "round/folded", "value": 8}]},
    {"wallTime": START + 1.75, "step": 127, "scalars": [{"tag": "größe", "value": -1e-30}]},
    {"wallTime": START + 2, "step": 128, "scalars": []},
    {"wallTime": START + 3, "step": 5_000_000_000, "scalars": [{"tag": "t" * 200, "value": 123456789}]},
]


def show(path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(path, size_guidance={"scalars": 0})
    read.Reload()
    for tag in read.Tags()["scalars"]:
        print(tag, [(each.step, each.value, each.wall_time) for each in read.Scalars(tag)])


def write():
    file = io.BytesIO()
    writer = RecordWriter(file)
    writer.write(event_pb2.Event(wall_time=START, file_version="brain.Event:2").SerializeToString())
    for event in EVENTS:
        values = [summary_pb2.Summary.Value(tag=s["tag"], simple_value=s["value"]) for s in event["scalars"]]
        message = event_pb2.Event(wall_time=event["wallTime"], step=event["step"], summary=summary_pb2.Summary(value=values))
        writer.write(message.SerializeToString())
    where = pathlib.Path(__file__).with_suffix("").with_name("event-file.json")
    content = {"startTime": START, "events": EVENTS, "file": file.getvalue().hex()}
    where.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    show(sys.argv[1]) if len(sys.argv) > 1 else write()
