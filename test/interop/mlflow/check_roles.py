"""MLflow's client with API keys of three roles against `requeen mlflow`: check_roles.py URL READER WRITER PROMOTER MODEL. Prints ok / NOT OK lines
and `N passed, N failed`. Each role runs in a process of its own, because the client keeps the token of its process."""
import os
import subprocess
import sys

STEPS = {
    "writer": """
with mlflow.start_run() as run:
    mlflow.log_param("p", 1); mlflow.log_metric("f1", 0.5); mlflow.log_text("bytes", "model/note.txt")
client.create_registered_model(MODEL)
client.create_model_version(MODEL, f"runs:/{run.info.run_id}/model", run.info.run_id)
refuses(client.set_registered_model_alias, MODEL, "champion", "1")
refuses(client.transition_model_version_stage, MODEL, "1", "Production")
refuses(client.delete_model_version, MODEL, "1")
""",
    "promoter": """
client.set_registered_model_alias(MODEL, "champion", "1")
client.transition_model_version_stage(MODEL, "1", "Production")
""",
    "reader": """
version = client.get_model_version_by_alias(MODEL, "champion")
assert (version.version, version.current_stage) in {("1", "Production"), (1, "Production")}, version
run = mlflow.search_runs(experiment_ids=["0"], order_by=["start_time DESC"], output_format="list")[0]
assert run.data.metrics == {"f1": 0.5}, run
assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/model/note.txt") == "bytes"
refuses(client.create_experiment, "mine")
refuses(client.log_metric, run.info.run_id, "f1", 1.0)
refuses(client.set_registered_model_alias, MODEL, "champion", "1")
""",
    "nobody": """
try:
    client.search_experiments()
    raise SystemExit("it was let in")
except MlflowException as error:
    assert error.error_code == "UNAUTHENTICATED", error.error_code
""",
}
HEAD = """
import warnings; warnings.filterwarnings("ignore")
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
client = MlflowClient()
def refuses(call, *args):
    try:
        call(*args)
    except MlflowException as error:
        assert error.error_code == "PERMISSION_DENIED", (call.__name__, error.error_code, str(error))
        return
    raise SystemExit(f"{call.__name__} was let through")
"""

url, reader, writer, promoter, model = sys.argv[1:]
passed = failed = 0
for role, token in [("writer", writer), ("promoter", promoter), ("reader", reader), ("nobody", "rq_wrong")]:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": token, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    done = subprocess.run([sys.executable, "-c", HEAD + f"MODEL = {model!r}\n" + STEPS[role]], env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        passed += 1
        print(f"ok a key of a {role} does what it may, and no more")
    else:
        failed += 1
        print(f"NOT OK a key of a {role} does what it may, and no more\n{done.stderr[-800:]}")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
