"""Reads back with MLflow's own client what publish-models.ts left in the server MLFLOW_TRACKING_URI, and loads each model in every way."""
import json
import pathlib
import sys

import mlflow
import numpy as np
from mlflow.tracking import MlflowClient

passed = failed = 0


def check(title, holds, seen=""):
    global passed, failed
    passed, failed = (passed + 1, failed) if holds else (passed, failed + 1)
    print(f"{'ok' if holds else 'NOT OK'} - mlflow {mlflow.__version__}: {title}{'' if holds else f' ({seen})'}")


client = MlflowClient()
for home in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    published = json.loads((home / "published.json").read_text())
    classes = json.loads((home / "classes.json").read_text())
    rows = np.fromfile(home / "rows.f32", dtype="<f4").reshape(10_000, -1)[:1000]
    ours = np.fromfile(home / "expected.f64", dtype="<f8").reshape(10_000, len(classes))[:1000]
    name, version, run_id = published["name"], published["version"], published["run_id"]

    run = client.get_run(run_id)
    check(f"{home.name}: run is finished, with param and metric", (run.info.status, run.data.metrics["f1"], run.info.user_id) == ("FINISHED", 0.75, "interop") and "model_type" in run.data.params, run)
    steps = [m.step for m in client.get_metric_history(run_id, "tuning_log_loss")]
    check(f"{home.name}: metric history has its steps", steps == list(range(20)), steps)
    inputs = run.inputs.dataset_inputs
    check(f"{home.name}: the dataset stands among the inputs", [i.dataset.digest for i in inputs] == ["5" * 36], inputs)
    check(f"{home.name}: artifacts are listed", "verdict.json" in [f.path for f in client.list_artifacts(run_id)])

    found = client.get_model_version(name, version)
    check(f"{home.name}: version is in Production with its tags", (found.current_stage, found.tags["requeen.verdict_id"], found.run_id) == ("Production", "verdict-1", run_id), found)
    check(f"{home.name}: alias champion stands for it", client.get_model_version_by_alias(name, "champion").version == version)
    for uri in (f"models:/{name}/{version}", f"models:/{name}@champion", f"models:/{name}/Production", f"runs:/{run_id}/model"):
        answer = np.asarray(next(iter(mlflow.pyfunc.load_model(uri).predict(rows).values())), dtype=np.float64)
        difference = float(np.max(np.abs(answer - ours))) if answer.shape == ours.shape else answer.shape
        check(f"{home.name}: {uri.split('/')[0]}...{uri.rsplit('/', 1)[-1][-12:]} gives our probabilities", isinstance(difference, float) and difference < 1e-6, difference)

print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
