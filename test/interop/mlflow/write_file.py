"""A registry file as this MLflow writes it: write_file.py PATH. Everything that the embedded server reads is in it."""
import sys
import warnings

warnings.filterwarnings("ignore")
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

address = f"sqlite:///{sys.argv[1]}"
client = MlflowClient(tracking_uri=address, registry_uri=address)
experiment = client.create_experiment("theirs", artifact_location="mlflow-artifacts:/1", tags={"owner": "mlflow"})
for i in range(3):
    run_id = client.create_run(experiment, run_name=f"run-{i}", start_time=1000 + i).info.run_id
    metrics = [Metric("loss", float("nan") if step == 2 else 1 / (step + 1), step, step) for step in range(5)]
    client.log_batch(run_id, metrics, [Param("lr", str(i))], [RunTag("t", f"v{i}")])
    dataset = Dataset(name="d", digest="x1", source_type="http", source="{}", schema="{}", profile="{}")
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])])
    client.set_terminated(run_id)
client.delete_run(run_id)
client.create_registered_model("m", tags={"k": "v"}, description="words")
for i in range(3):
    client.create_model_version("m", f"s3://bucket/{i}", tags={"i": str(i)})
client.transition_model_version_stage("m", "1", "Archived")
client.transition_model_version_stage("m", "2", "Production")
client.set_registered_model_alias("m", "champion", "2")
client.delete_model_version("m", "3")
if hasattr(client, "create_logged_model"):
    model = client.create_logged_model(experiment, name="lm", source_run_id=run_id, params={"p": "1"}, tags={"a": "b"})
    client.finalize_logged_model(model.model_id, "READY")
if mlflow.__version__.startswith("3."):
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_span(name="theirs", span_type="LLM") as span:
        span.set_inputs({"x": 1})
        span.set_outputs(["\u00fc", 2.0])
        span.set_attribute("k", {"n": 3})
    mlflow.flush_trace_async_logging()
    mlflow.log_feedback(trace_id=span.trace_id, name="good", value=True)
    mlflow.log_expectation(trace_id=span.trace_id, name="answer", value={"n": [1, 2.5]})
