"""Everything that MLflow's client reads at an address (http://... or sqlite:///...), as one JSON: dump.py ADDRESS > file."""
import inspect
import json
import sys
import warnings

warnings.filterwarnings("ignore")
from mlflow import MlflowClient
from mlflow.entities import ViewType


def run(client, r):
    return {
        "info": {k: str(getattr(r.info, k)) for k in ("run_id", "run_name", "experiment_id", "user_id", "status", "start_time", "end_time", "artifact_uri", "lifecycle_stage")},
        "metrics": {k: repr(v) for k, v in sorted(r.data.metrics.items())},
        "history": {k: [(repr(m.value), m.timestamp, m.step) for m in client.get_metric_history(r.info.run_id, k)] for k in sorted(r.data.metrics)},
        "params": dict(sorted(r.data.params.items())),
        "tags": dict(sorted(r.data.tags.items())),
        "inputs": [[d.dataset.name, d.dataset.digest, d.dataset.source, sorted((t.key, t.value) for t in d.tags)] for d in r.inputs.dataset_inputs],
    }


def version(v):
    return {k: str(getattr(v, k) or "") for k in ("name", "version", "current_stage", "description", "source", "run_id", "status", "run_link", "creation_timestamp", "last_updated_timestamp")} | {"tags": dict(sorted(v.tags.items()))}


def trace(t):
    info = t.info.to_dict()
    # an expectation's validity does not come over REST
    assessments = [{key: value for key, value in one.items() if key != "valid"} for one in info.get("assessments", [])]
    info["assessments"] = sorted(assessments, key=lambda one: one["assessment_id"])
    spans = [{"name": s.name, "id": s.span_id, "parent": s.parent_id, "type": s.span_type, "start": s.start_time_ns, "end": s.end_time_ns, "status": str(s.status), "attributes": s.attributes, "events": [e.name for e in s.events]} for s in t.data.spans]
    return {"info": info, "spans": spans}


def main(address):
    client = MlflowClient(tracking_uri=address, registry_uri=address)
    experiments = client.search_experiments(view_type=ViewType.ALL, order_by=["experiment_id ASC"])
    ids = [e.experiment_id for e in experiments]
    answer = {
        "experiments": [[e.experiment_id, e.name, e.artifact_location, e.lifecycle_stage, e.creation_time, e.last_update_time, dict(sorted(e.tags.items()))] for e in experiments],
        "runs": [run(client, client.get_run(r.info.run_id)) for r in client.search_runs(ids, run_view_type=ViewType.ALL, max_results=5000, order_by=["run_id ASC"])],
        "models": [[m.name, m.description or "", str(m.creation_timestamp), dict(sorted(m.tags.items())), sorted((a, str(v)) for a, v in m.aliases.items())] for m in client.search_registered_models(max_results=1000)],
        "versions": [version(v) for v in client.search_model_versions(max_results=1000, order_by=["name ASC", "version_number ASC"])],
    }
    if hasattr(client, "search_logged_models"):
        found = client.search_logged_models(ids, max_results=1000, order_by=[{"field_name": "model_id"}])
        answer["logged"] = [
            [m.model_id, m.name, m.artifact_location, str(m.status), m.model_type or "", m.source_run_id or "", dict(sorted(m.params.items())), dict(sorted(m.tags.items())), sorted((x.key, repr(x.value), x.step) for x in m.metrics or [])]
            for m in found
        ]
    if "locations" in inspect.signature(client.search_traces).parameters:
        answer["traces"] = [trace(t) for t in client.search_traces(locations=ids, order_by=["timestamp_ms ASC"], max_results=500)]
    json.dump(answer, sys.stdout, indent=1, sort_keys=True)


main(sys.argv[1])
