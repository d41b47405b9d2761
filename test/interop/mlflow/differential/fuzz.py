"""Every endpoint with every field missing, empty, of each wrong type, and at the edges of its range."""
import itertools
import json

WRONG = [None, "", 5, -1, 1.5, True, "abc", "12", [], ["x"], {}, {"a": 1}]
LONG = ["x" * 249, "x" * 251, "x" * 513, "x" * 6001, "ü" * 251]
ODD_NAMES = ["a/b", "a//b", "../a", "./a", "a/", "/a", ".", "..", "a b", "a:b", "a*b", "a\nb", "ünïcode", "a.b", "a-b_c", "a\\b", "a'b", 'a"b', " ", "a%2fb"]


def fixture(s):
    """An experiment with a run, a logged model, a registered model with two versions: what the valid values name."""
    made = {}
    made["experiment"] = s.post("experiments/create", name="fuzz", tags=[{"key": "a", "value": "b"}])["experiment_id"]
    made["run"] = s.post("runs/create", experiment_id=made["experiment"], start_time=1, user_id="u")["run"]["info"]["run_id"]
    made["model"] = s.post("logged-models", experiment_id=made["experiment"], name="m", source_run_id=made["run"])["model"]["info"]["model_id"]
    s.post("registered-models/create", name="fuzz-model")
    for _ in range(2):
        s.post("model-versions/create", name="fuzz-model", source="s3://bucket/a", run_id=made["run"])
    s.post("registered-models/alias", name="fuzz-model", alias="champion", version="1")
    s.post("runs/log-metric", run_id=made["run"], key="loss", value=1, timestamp=1, step=1)
    return made


def endpoints(made):
    """Method, path, a valid body, and the fields worth odd names."""
    e, r, m = made["experiment"], made["run"], made["model"]
    version = {"name": "fuzz-model", "version": "1"}
    return [
        ("POST", "experiments/create", {"name": "n", "artifact_location": "mlflow-artifacts:/x", "tags": [{"key": "a", "value": "b"}]}, ["name"]),
        ("GET", "experiments/get", {"experiment_id": e}, []),
        ("GET", "experiments/get-by-name", {"experiment_name": "fuzz"}, []),
        ("POST", "experiments/search", {"max_results": 3, "page_token": "", "filter": "", "order_by": ["name ASC"], "view_type": "ALL"}, []),
        ("GET", "experiments/search", {"max_results": 3, "filter": "name = 'fuzz'", "order_by": ["name DESC"], "view_type": "ACTIVE_ONLY"}, []),
        ("POST", "experiments/set-experiment-tag", {"experiment_id": e, "key": "k", "value": "v"}, ["key"]),
        ("POST", "experiments/delete-experiment-tag", {"experiment_id": e, "key": "k"}, ["key"]),
        ("POST", "experiments/update", {"experiment_id": e, "new_name": "fuzz"}, ["new_name"]),
        ("POST", "experiments/delete", {"experiment_id": "7777"}, []),
        ("POST", "experiments/restore", {"experiment_id": e}, []),
        ("POST", "runs/create", {"experiment_id": e, "user_id": "u", "run_name": "name", "start_time": 12, "tags": [{"key": "a", "value": "b"}]}, ["run_name"]),
        ("POST", "runs/update", {"run_id": r, "status": "FINISHED", "end_time": 77, "run_name": "other"}, ["run_name"]),
        ("GET", "runs/get", {"run_id": r}, []),
        ("POST", "runs/search", {"experiment_ids": [e], "filter": "", "run_view_type": "ALL", "max_results": 3, "order_by": ["start_time DESC"], "page_token": ""}, []),
        ("POST", "runs/log-metric", {"run_id": r, "key": "k", "value": 0.5, "timestamp": 3, "step": 2, "dataset_name": "d", "dataset_digest": "g"}, ["key"]),
        ("POST", "runs/log-parameter", {"run_id": r, "key": "p", "value": "v"}, ["key"]),
        ("POST", "runs/set-tag", {"run_id": r, "key": "t", "value": "v"}, ["key"]),
        ("POST", "runs/delete-tag", {"run_id": r, "key": "nothing"}, ["key"]),
        ("POST", "runs/log-batch", {"run_id": r, "metrics": [{"key": "b", "value": 1, "timestamp": 1, "step": 1}], "params": [{"key": "bp", "value": "1"}], "tags": [{"key": "bt", "value": "1"}]}, []),
        ("POST", "runs/log-inputs", {"run_id": r, "datasets": [{"tags": [{"key": "c", "value": "t"}], "dataset": {"name": "d", "digest": "g", "source_type": "local", "source": "s", "schema": "{}", "profile": "{}"}}], "models": [{"model_id": m}]}, []),
        ("POST", "runs/outputs", {"run_id": r, "models": [{"model_id": m, "step": 1}]}, []),
        ("POST", "runs/log-model", {"run_id": r, "model_json": json.dumps({"artifact_path": "a", "flavors": {"f": {"x": 1}}, "utc_time_created": "t", "run_id": r})}, []),
        ("GET", "metrics/get-history", {"run_id": r, "metric_key": "loss", "max_results": 10, "page_token": ""}, []),
        ("GET", "metrics/get-history-bulk-interval", {"run_ids": [r], "metric_key": "loss", "start_step": 0, "end_step": 9, "max_results": 5}, []),
        ("GET", "artifacts/list", {"run_id": r, "path": "x"}, ["path"]),
        ("POST", "logged-models", {"experiment_id": e, "name": "lm", "model_type": "t", "source_run_id": r, "params": [{"key": "a", "value": "b"}], "tags": [{"key": "a", "value": "b"}]}, ["name"]),
        ("GET", f"logged-models/{m}", {}, []),
        ("PATCH", f"logged-models/{m}", {"model_id": m, "status": "LOGGED_MODEL_READY"}, []),
        ("PATCH", f"logged-models/{m}/tags", {"model_id": m, "tags": [{"key": "a", "value": "b"}]}, []),
        ("POST", f"logged-models/{m}/params", {"model_id": m, "params": [{"key": "a", "value": "b"}]}, []),
        ("POST", "logged-models/search", {"experiment_ids": [e], "filter": "name = 'm'", "datasets": [{"dataset_name": "d", "dataset_digest": "g"}], "max_results": 2, "order_by": [{"field_name": "name", "ascending": True}]}, []),
        ("POST", "registered-models/create", {"name": "rm", "tags": [{"key": "a", "value": "b"}], "description": "d"}, ["name"]),
        ("GET", "registered-models/get", {"name": "fuzz-model"}, ["name"]),
        ("PATCH", "registered-models/update", {"name": "fuzz-model", "description": "d2"}, ["name"]),
        ("POST", "registered-models/rename", {"name": "nothing-here", "new_name": "x"}, ["name"]),
        ("DELETE", "registered-models/delete", {"name": "nothing-here"}, ["name"]),
        ("GET", "registered-models/search", {"filter": "name = 'fuzz-model'", "max_results": 2, "order_by": ["name DESC"], "page_token": ""}, []),
        ("POST", "registered-models/get-latest-versions", {"name": "fuzz-model", "stages": ["None"]}, []),
        ("GET", "registered-models/get-latest-versions", {"name": "fuzz-model", "stages": ["None", "Production"]}, []),
        ("POST", "registered-models/set-tag", {"name": "fuzz-model", "key": "k", "value": "v"}, ["key"]),
        ("DELETE", "registered-models/delete-tag", {"name": "fuzz-model", "key": "k"}, ["key"]),
        ("POST", "registered-models/alias", {"name": "fuzz-model", "alias": "al", "version": "1"}, ["alias", "version"]),
        ("GET", "registered-models/alias", {"name": "fuzz-model", "alias": "al"}, ["alias"]),
        ("DELETE", "registered-models/alias", {"name": "fuzz-model", "alias": "al"}, ["alias"]),
        ("POST", "model-versions/create", {"name": "fuzz-model", "source": "s3://b/c", "run_id": r, "run_link": "l", "description": "d"}, ["name"]),
        ("GET", "model-versions/get", dict(version), ["version"]),
        ("PATCH", "model-versions/update", {**version, "description": "dd"}, ["version"]),
        ("POST", "model-versions/transition-stage", {**version, "stage": "Staging", "archive_existing_versions": False}, ["stage", "version"]),
        ("DELETE", "model-versions/delete", {"name": "fuzz-model", "version": "77"}, ["version"]),
        ("GET", "model-versions/search", {"filter": "name = 'fuzz-model'", "max_results": 2, "order_by": ["version_number ASC"], "page_token": ""}, []),
        ("GET", "model-versions/get-download-uri", dict(version), ["version"]),
        ("POST", "model-versions/set-tag", {**version, "key": "k", "value": "v"}, ["key"]),
        ("DELETE", "model-versions/delete-tag", {**version, "key": "k"}, ["key"]),
    ]


def send(s, method, path, body):
    if method == "GET":
        query = []
        for key, value in body.items():
            for item in value if isinstance(value, list) else [value]:
                if item is not None:
                    query.append((key, str(item).lower() if isinstance(item, bool) else item if isinstance(item, (str, int, float)) else json.dumps(item)))
        s.call("GET", path, query=query)
    else:
        s.call(method, path, body=body)


def mutations(body, odd):
    """Bodies that differ from the valid one in one field, at any depth."""
    for key, value in body.items():
        rest = {k: v for k, v in body.items() if k != key}
        yield rest
        for wrong in WRONG:
            yield {**rest, key: wrong}
        for name in itertools.chain(ODD_NAMES, LONG) if key in odd else []:
            yield {**rest, key: name}
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for inner in mutations(value[0], []):
                yield {**rest, key: [inner]}
                if len(json.dumps(inner)) % 3 == 0:
                    yield {**rest, key: [value[0], inner]}
        elif isinstance(value, dict):
            for inner in mutations(value, []):
                yield {**rest, key: inner}
        elif isinstance(value, list):
            for wrong in (1, None, 1.5, True, {}, ["x"]):
                yield {**rest, key: [wrong]}


def each_field(s):
    """each field of each endpoint: missing, null, empty, of another type, nested, long, with odd characters"""
    made = fixture(s)
    # reads first: what MLflow stores in place of a value of the wrong type is then seen by no search
    for method, path, body, odd in sorted(endpoints(made), key=lambda one: (one[0] != "GET" and not one[1].endswith("search"), one[1] == "model-versions/create")):
        send(s, method, path, body)
        for wrong in mutations(body, odd):
            # the model of the path is in the body as well: MLflow looks at the body, we at the path
            if not path.startswith("logged-models/") or path.endswith("search") or wrong.get("model_id") == body.get("model_id"):
                send(s, method, path, wrong)


def bodies(s):
    """bodies that are no JSON object, other content types, double encoding, unknown fields, other methods"""
    good = {"max_results": 1}
    for path in ("experiments/search", "runs/create", "registered-models/create", "runs/log-batch"):
        for data in ("", "null", "5", '"x"', "{", "not json", json.dumps(json.dumps(good)), json.dumps(good), "{}", '{"unknown": {"a": [1]}}', "\xff"):
            for kind in ("application/json", "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", None):
                s.call("POST", path, data=data.encode("latin1"), headers={"Content-Type": kind} if kind else {}, label=f"POST {path} {data!r} as {kind}")
    for path in ("experiments/create", "experiments/get", "registered-models/update", "model-versions/delete", "nothing/here", "runs"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            s.call(method, path, body={} if method != "GET" else None, label=f"{method} {path}")
    for path in ("/health", "/version/x", "/api/2.0/nothing", "/api/1.0/mlflow/runs/get", "/api/3.0/mlflow/server-info"):
        s.call("GET", path, label=f"GET {path}")
    s.call("PATCH", "registered-models/update", data='{"name": "none"}', headers={}, label="PATCH without a content type")
    s.call("DELETE", "registered-models/delete", data='{"name": "none"}', headers={}, label="DELETE without a content type")
    s.call("POST", "experiments/search", body={"maxResults": 2, "viewType": 3}, label="camel case")
