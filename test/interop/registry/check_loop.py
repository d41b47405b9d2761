"""Reads back with MLflow's own client what `requeen example spambase` left in the server MLFLOW_TRACKING_URI.
Usage: check_loop.py EXAMPLE_JSON SPAMBASE_CSV"""
import json
import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.tracking import MlflowClient

passed = failed = 0


def check(title, holds, seen=""):
    global passed, failed
    passed, failed = (passed + 1, failed) if holds else (passed, failed + 1)
    print(f"{'ok' if holds else 'NOT OK'} - mlflow {mlflow.__version__}: {title}{'' if holds else f' ({seen})'}")


example = json.load(open(sys.argv[1]))
table = pd.read_csv(sys.argv[2])
client = MlflowClient()
model_name, wanted_version = "mail-triage-evaluator", example["runs"][-1]["champion_version"]

champion = client.get_model_version_by_alias(model_name, "champion")
check("the champion is the version that Requeen names", champion.version == wanted_version, champion)
in_production = [v.version for v in client.search_model_versions(f"name='{model_name}'") if v.current_stage == "Production"]
check("it alone is in Production", in_production == [wanted_version], in_production)
versions = client.search_model_versions(f"name='{model_name}'")
check("every run registered one version", len(versions) == len(example["runs"]), len(versions))
verdicts = {r["verdict"]["verdict_id"] for r in example["runs"]}
check("every version names its verdict", {v.tags["requeen.verdict_id"] for v in versions} == verdicts)

experiment = client.get_experiment_by_name("mail-triage-specialist")
runs = client.search_runs([experiment.experiment_id], max_results=100)
check("every run ended", len(runs) == len(versions) and all(r.info.status == "FINISHED" for r in runs), [r.info.status for r in runs])
for run in runs:
    titled = run.data.tags["requeen.run_id"][-8:]
    check(f"run {titled} has the original's params", {"specialist_type", "model_type", "num_features", "data_source"} <= run.data.params.keys(), run.data.params)
    check(f"run {titled} has its metrics", {"precision", "recall", "f1", "accuracy", "log_loss", "brier_score", "total_dataset_size"} <= run.data.metrics.keys(), run.data.metrics)
    check(f"run {titled} names its dataset", len(run.inputs.dataset_inputs) == 1 and len(run.inputs.dataset_inputs[0].dataset.digest) == 36)
    files = {f.path for f in client.list_artifacts(run.info.run_id)}
    check(f"run {titled} has its reports", {"verdict.json", "dataset.parquet", "feature_schema.json", "data_quality_report.json"} <= files, files)

model = mlflow.pyfunc.load_model(f"models:/{model_name}@champion")
names = model.metadata.metadata["feature_names"]
probabilities = next(iter(model.predict(table[names].to_numpy(dtype=np.float32)).values()))
check("probabilities are one row a mail and sum to 1", probabilities.shape == (len(table), 2) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5), probabilities.shape)
classes = model.metadata.metadata["classes"]
labels = table["label"].to_numpy()
agreement = float(np.mean(np.array(classes)[probabilities.argmax(axis=1)] == labels))
check("and tell spam from mail", 0.85 < agreement < 0.999, agreement)
print(f"# champion {wanted_version} ({', '.join(classes)}) agrees with {agreement:.3f} of the labels")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
