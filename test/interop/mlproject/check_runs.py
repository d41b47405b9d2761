"""What the tracking server and the table say after `mlflow run`: check_runs.py URL TABLE. Ends with `N passed, N failed`."""
import sys

import pyarrow.parquet
from mlflow.tracking import MlflowClient

url, table_path = sys.argv[1:3]
failures = []
count = 0


def check(name, holds):
    global count
    count += 1
    print(("ok  " if holds else "NOT OK  ") + name)
    if not holds:
        failures.append(name)


client = MlflowClient(tracking_uri=url)
experiment = client.get_experiment_by_name("operators")
runs = {}
for run in client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]):
    runs.setdefault(run.data.tags["mlflow.project.entryPoint"], []).append(run)

main = runs["main"][0]
check("main is finished", main.info.status == "FINISHED")
check(
    "main keeps the operators' parameters",
    {
        "specialist_type": "business",
        "feedback_count": "201",
        "window_days": "7",
        "min_feedback_quality": "0.5",
        "model_type": "random_forest",
        "hyperparameter_tuning": "false",
        "promote_if_better": "true",
    }.items()
    <= main.data.params.items(),
)
generated, refused = runs["generate_datasets"][:2]
check("generate_datasets is finished", generated.info.status == "FINISHED")
check("an unknown provider makes the run fail", refused.info.status == "FAILED")
check("train_all is finished", runs["train_all"][0].info.status == "FINISHED")

business = client.get_experiment_by_name("business-specialist")
training = client.search_runs([business.experiment_id], order_by=["attributes.start_time DESC"])
check("the training itself is in the specialist's experiment", len(training) >= 1 and "f1" in training[0].data.metrics)

table = pyarrow.parquet.read_table(table_path).to_pylist()
check("the table holds the asked number", len(table) == 200)
check("every row is synthetic", {row["_tier"] for row in table} == {"synthetic"})
classes = [row["_class"] for row in table]
check("the quotas hold", [classes.count(name) for name in ("approve", "reject", "review_required", "conditional")] == [80, 40, 50, 30])

print(f"{count - len(failures)} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
