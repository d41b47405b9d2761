"""Loads each model directory of make-models.ts with MLflow and compares its probabilities with Requeen's. Prints one line per check."""
import hashlib
import json
import logging
import pathlib
import sys
import warnings

import mlflow
import numpy as np
import onnxruntime
import pandas as pd

MOST_DIFFERENCE = 1e-6
passed = failed = 0


class Said(logging.Handler):
    """Keeps what MLflow logs; it warns there, not through Python's warnings."""

    records: list[str] = []

    def emit(self, record):
        self.records.append(record.getMessage())


said = Said()
logging.getLogger("mlflow.pyfunc").addHandler(said)


def check(title, holds, seen=""):
    global passed, failed
    passed, failed = (passed + 1, failed) if holds else (passed, failed + 1)
    print(f"{'ok' if holds else 'NOT OK'} - mlflow {mlflow.__version__}: {title}{'' if holds else f' ({seen})'}")


def largest_difference(ours, theirs):
    theirs = np.asarray(theirs, dtype=np.float64)
    if theirs.shape != ours.shape:
        return f"shape {theirs.shape}, not {ours.shape}"
    return float(np.max(np.abs(theirs - ours)))


for home in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    model_path = str(home / "model")
    classes = json.loads((home / "classes.json").read_text())
    rows = np.fromfile(home / "rows.f32", dtype="<f4").reshape(10_000, -1)
    ours = np.fromfile(home / "expected.f64", dtype="<f8").reshape(10_000, len(classes))
    check(f"{home.name}: rows have missing values", np.isnan(rows).mean() > 0.05)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        said.records.clear()
        model = mlflow.pyfunc.load_model(model_path)
    mentions = [str(w.message) for w in caught] + said.records
    mentions = [m for m in mentions if "requirement" in m.lower() or ("python" in m.lower() and sys.version_info[:2] == (3, 11))]
    check(f"{home.name}: loads without a warning about versions", not mentions, mentions)

    answer = model.predict(rows)
    check(f"{home.name}: pyfunc answers one matrix", isinstance(answer, dict) and list(answer) == ["probabilities"], answer)
    difference = largest_difference(ours, next(iter(answer.values())))
    check(f"{home.name}: pyfunc gives our probabilities", isinstance(difference, float) and difference < MOST_DIFFERENCE, difference)
    print(f"# {home.name}: largest difference {difference}")

    frame = pd.DataFrame(rows, columns=[f"feature {i}" for i in range(rows.shape[1])])
    difference = largest_difference(ours, next(iter(model.predict(frame).values())))
    check(f"{home.name}: a DataFrame gives the same matrix", isinstance(difference, float) and difference < MOST_DIFFERENCE, difference)

    proto = mlflow.onnx.load_model(model_path)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    difference = largest_difference(ours, session.run(["probabilities"], {"features": rows})[0])
    check(f"{home.name}: mlflow.onnx gives our probabilities", isinstance(difference, float) and difference < MOST_DIFFERENCE, difference)

    metadata = model.metadata.metadata
    check(f"{home.name}: the order of classes stands in the metadata", metadata["classes"] == classes, metadata["classes"])
    signature = model.metadata.signature
    check(f"{home.name}: the signature has our widths", signature.inputs.inputs[0].shape == (-1, rows.shape[1]) and signature.outputs.inputs[0].shape == (-1, len(classes)), signature)
    try:
        model.predict(rows[:, :-1])
        check(f"{home.name}: a row that is too short is refused", False, "it was taken")
    except mlflow.exceptions.MlflowException as error:
        check(f"{home.name}: a row that is too short is refused", "shape" in str(error), error)

    example = model.input_example if hasattr(model, "input_example") and not callable(model.input_example) else model.metadata.load_input_example(model_path)
    check(f"{home.name}: the input example is a row of the model", np.asarray(example).shape == (1, rows.shape[1]), example)
    digests = json.loads((home / "model" / "digests.json").read_text())["files"]
    on_disk = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (home / "model").iterdir() if p.name != "digests.json"}
    check(f"{home.name}: digests.json names every file with its digest", {k: v["sha256"] for k, v in digests.items()} == on_disk, digests)

print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
