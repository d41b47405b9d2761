"""Experiments, runs, batches, histories, inputs, outputs and logged models through their lives."""
import json

ODD_NAMES = ["a/b", "a//b", "../a", "./a", "a/", "/a", "//a", ".", "..", "a b", "a:b", "a*b", "a\nb", "ünïcode", "a.b", "a\\b", "a'b", 'a"b', " ", "a%2fb", "😀", "", "x" * 250, "x" * 251, "a/../b", "a/.", "...", "a\tb", "٣", "a_b"]


def new_run(s, experiment="0", **more):
    return s.post("runs/create", experiment_id=experiment, **{"start_time": 1, **more}).get("run", {}).get("info", {}).get("run_id", "")


def experiments(s):
    """experiments: names, locations, tags, rename, delete, restore"""
    for name in [*ODD_NAMES, "x" * 500, "x" * 501, "Default", "5"]:
        s.post("experiments/create", name=name)
        s.get("experiments/get-by-name", experiment_name=name)
    s.get("experiments/get-by-name", experiment_name="nothing")
    for location in ["s3://b/p", "s3://b/p/", "s3://b", "gs://b/p?x=1", "s3://b/p?x=../y", "s3://b/p#f", "s3://b/p;x", "s3://b/p;x=1?y", "mlflow-artifacts:/x", "mlflow-artifacts://host/x", "mlflow-artifacts:x", "mlflow-artifacts:/", "http://h/api/2.0/mlflow-artifacts/artifacts/x", "runs:/x/y", "models:/a/1", "hdfs://x/y", "dbfs:/x", "abfss://c@h/p", "x" * 2049 + ":/y", "s3://" + "x" * 2048, "ftp://h/p", "", "wasbs://c@a.blob.core.windows.net/p", "s3://b/p?a=%2e%2e/x", "s3://b/p?a=%252e%252e/x"]:
        made = s.post("experiments/create", name=f"located {location[:60]}", artifact_location=location).get("experiment_id")
        if made:
            s.get("experiments/get", experiment_id=made)
            run = new_run(s, made)
            s.get("runs/get", run_id=run)
            s.post("logged-models", experiment_id=made, name="m")
    made = s.post("experiments/create", name="tagged", tags=[{"key": "a", "value": "1"}, {"key": "b", "value": ""}, {"key": "c"}])["experiment_id"]
    s.get("experiments/get", experiment_id=made)
    for key in ODD_NAMES:
        s.post("experiments/set-experiment-tag", experiment_id=made, key=key, value="v")
        s.post("experiments/create", name=f"with tag {key[:20]} {len(key)}", tags=[{"key": key, "value": "v"}])
        s.post("experiments/delete-experiment-tag", experiment_id=made, key=key)
    for value in ("", "x" * 5000, "x" * 5001, "x" * 8001, "ü", None):
        s.post("experiments/set-experiment-tag", experiment_id=made, key="value", value=value)
    s.get("experiments/get", experiment_id=made)
    for name in ["tagged", "tagged too", "Default", "", "a/b", None]:
        s.post("experiments/update", experiment_id=made, new_name=name)
    s.post("experiments/update", experiment_id=made)
    run = new_run(s, made)
    gone = new_run(s, made)
    s.post("runs/delete", run_id=gone)
    for _ in range(2):
        s.post("experiments/delete", experiment_id=made)
    s.get("experiments/get", experiment_id=made)
    s.get("experiments/get-by-name", experiment_name="tagged too")
    s.get("runs/get", run_id=run)
    s.post("experiments/create", name="tagged too")
    for path, body in [("set-experiment-tag", {"key": "k", "value": "v"}), ("delete-experiment-tag", {"key": "a"}), ("update", {"new_name": "x"})]:
        s.post(f"experiments/{path}", experiment_id=made, **body)
    new_run(s, made)
    s.post("runs/log-metric", run_id=run, key="m", value=1, timestamp=1)
    s.post("logged-models", experiment_id=made, name="m")
    for _ in range(2):
        s.post("experiments/restore", experiment_id=made)
    s.get("runs/get", run_id=run)
    s.get("runs/get", run_id=gone)
    for path in ("delete", "restore", "set-experiment-tag", "delete-experiment-tag", "update"):
        s.post(f"experiments/{path}", experiment_id="4242", key="k", value="v", new_name="x")
        s.post(f"experiments/{path}", experiment_id="abc", key="k", value="v", new_name="x")
    for wrong in ("abc", "-1", "1.0", "99999999999999999999", "1e3", "0x1"):
        s.get("experiments/get", experiment_id=wrong)
        new_run(s, wrong)
    s.post("experiments/delete", experiment_id="0")
    s.post("experiments/restore", experiment_id="0")


def runs(s):
    """runs: create, names, update, delete, restore"""
    for body in [{}, {"run_name": "n"}, {"tags": [{"key": "mlflow.runName", "value": "t"}]}, {"run_name": "n", "tags": [{"key": "mlflow.runName", "value": "n"}]}, {"run_name": "n", "tags": [{"key": "mlflow.runName", "value": "t"}]}, {"run_name": "", "tags": [{"key": "mlflow.runName", "value": ""}]}, {"user_id": "me", "start_time": "123"}, {"start_time": 0}, {"start_time": -5}, {"start_time": 2**53 + 1}, {"start_time": 2**63}, {"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, {"tags": [{"key": "a*b", "value": "1"}]}, {"tags": [{"key": "x" * 251, "value": "1"}]}, {"tags": [{"value": "1"}]}, {"tags": [{"key": "a"}]}, {"tags": [{"key": "mlflow.user", "value": "bob"}, {"key": "mlflow.source.name", "value": "f.py"}, {"key": "mlflow.source.type", "value": "LOCAL"}, {"key": "mlflow.source.git.commit", "value": "c"}, {"key": "mlflow.parentRunId", "value": "p"}]}, {"run_name": "x" * 251}, {"run_name": "x" * 600}, {"run_name": "a/b*c"}]:
        s.call("POST", "runs/create", body={"experiment_id": "0", **body})
    s.post("runs/create")
    run = new_run(s)
    for body in [{}, {"status": "FINISHED"}, {"status": "finished"}, {"status": 3}, {"status": "3"}, {"status": 9}, {"status": "NOPE"}, {"end_time": 5}, {"end_time": 0}, {"end_time": "7"}, {"run_name": "renamed"}, {"run_name": ""}, {"status": "RUNNING"}, {"status": "KILLED", "end_time": 9, "run_name": "all"}, {"run_name": "x" * 300}, {"status": "SCHEDULED"}]:
        s.post("runs/update", run_id=run, **body)
        s.get("runs/get", run_id=run)
    s.call("POST", "runs/update", body={"run_uuid": run, "status": "FAILED"})
    s.call("GET", "runs/get", query={"run_uuid": run})
    s.call("GET", "runs/get", query={"run_uuid": run, "run_id": "other"})
    s.call("POST", "runs/log-parameter", body={"run_uuid": run, "key": "k", "value": "v"})
    s.call("POST", "runs/log-metric", body={"run_uuid": run, "key": "k", "value": 1, "timestamp": 1})
    s.call("POST", "runs/set-tag", body={"run_uuid": run, "key": "k", "value": "1"})
    s.call("GET", "metrics/get-history", query={"run_uuid": run, "metric_key": "k", "max_results": 5})
    for name in ("tagged name", "", "x" * 300):
        s.post("runs/set-tag", run_id=run, key="mlflow.runName", value=name)
        s.get("runs/get", run_id=run)
    s.post("runs/log-batch", run_id=run, tags=[{"key": "mlflow.runName", "value": "from a batch"}])
    s.get("runs/get", run_id=run)
    s.post("runs/delete-tag", run_id=run, key="mlflow.runName")
    s.get("runs/get", run_id=run)
    s.post("runs/restore", run_id=run)
    for _ in range(2):
        s.post("runs/delete", run_id=run)
    for path, body in [("update", {"status": "FINISHED"}), ("log-metric", {"key": "m", "value": 1, "timestamp": 1}), ("log-parameter", {"key": "p", "value": "1"}), ("set-tag", {"key": "t", "value": "1"}), ("delete-tag", {"key": "k"}), ("log-batch", {}), ("log-batch", {"metrics": [{"key": "m", "value": 1, "timestamp": 1}]}), ("log-inputs", {"datasets": []}), ("outputs", {"models": [{"model_id": "m", "step": 1}]}), ("log-model", {"model_json": "{}"})]:
        s.post(f"runs/{path}", run_id=run, **body)
        s.post(f"runs/{path}", run_id="0" * 32, **body)
        s.post(f"runs/{path}", run_id="not/a run", **body)
        s.post(f"runs/{path}", run_id="", **body)
    s.get("runs/get", run_id=run)
    for _ in range(2):
        s.post("runs/restore", run_id=run)
    for path in ("delete", "restore"):
        s.post(f"runs/{path}", run_id="0" * 32)
    s.get("runs/get", run_id="0" * 32)


def metrics(s):
    """metrics: values, times, steps, latest, history with pages, bulk, intervals"""
    run = new_run(s)
    for key in ODD_NAMES:
        s.post("runs/log-metric", run_id=run, key=key, value=1, timestamp=1)
        s.post("runs/log-batch", run_id=run, metrics=[{"key": "good", "value": 1, "timestamp": 1}, {"key": key, "value": 1, "timestamp": 1}])
        s.post("runs/log-parameter", run_id=run, key=key, value="1")
        s.post("runs/log-batch", run_id=run, params=[{"key": key, "value": "1"}])
        s.post("runs/set-tag", run_id=run, key=key, value="1")
        s.post("runs/log-batch", run_id=run, tags=[{"key": "good", "value": "1"}, {"key": key, "value": "1"}])
    run = new_run(s)
    odd = new_run(s)
    for value in ("nan", "inf", "abc", "", True, [], " 1", "0x10", "1_000"):
        s.post("runs/log-metric", run_id=odd, key="odd", value=value, timestamp=1)
        s.post("runs/log-batch", run_id=odd, metrics=[{"key": "odd", "value": value, "timestamp": 1}])
    for field in ("timestamp", "step"):
        for value in (1.5, 2**63, "abc", "", True, "1.0"):
            s.post("runs/log-metric", **{"run_id": odd, "key": "odd", "value": 1, "timestamp": 1, field: value})
            s.post("runs/log-batch", run_id=odd, metrics=[{"key": "odd", "value": 1, "timestamp": 1, field: value}])
    for value in (1, -1.5, 0, "1.5", "NaN", "Infinity", "-Infinity", None, 1e308, 1e-320, 2**60):
        s.post("runs/log-metric", run_id=run, key=f"v {type(value).__name__}", value=value, timestamp=1)
        s.post("runs/log-batch", run_id=run, metrics=[{"key": "b", "value": value, "timestamp": 1}])
    for field in ("timestamp", "step"):
        for value in (0, -1, "5", 5.0, 2**53 + 1, 2**63 - 1, None, 1e3):
            s.post("runs/log-metric", **{"run_id": run, "key": f"f {field}", "value": 1, "timestamp": 1, field: value})
            s.post("runs/log-batch", run_id=run, metrics=[{"key": f"g {field}", "value": 1, "timestamp": 1, field: value}])
    s.get("runs/get", run_id=run)
    for key in ("f timestamp", "f step", "g step", "b", "v str"):
        s.get("metrics/get-history", run_id=run, metric_key=key, max_results=100)
    run = new_run(s)
    for step, timestamp, value in [(0, 1, 1), (0, 1, 1), (1, 0, 5), (1, 0, 7), (1, 2, 3), (-3, 9, 100), (1, 2, "NaN"), (1, 2, "Infinity"), (2, 2, 1), (2, 2, 0), (5, 1, -1)]:
        s.post("runs/log-metric", run_id=run, key="m", value=value, timestamp=timestamp, step=step)
        s.get("runs/get", run_id=run)
    for asked in ({"max_results": 100}, {"max_results": 3}, {"max_results": -1}, {"max_results": "x"}, {"max_results": 1, "page_token": "x"}):
        s.get("metrics/get-history", run_id=run, metric_key="m", **asked)
    token = ""
    for _ in range(9):
        token = s.get("metrics/get-history", run_id=run, metric_key="m", max_results=3, page_token=token).get("next_page_token")
        if not token:
            break
    s.get("metrics/get-history", run_id=run, metric_key="nothing", max_results=3)
    s.get("metrics/get-history", run_id="0" * 32, metric_key="m", max_results=3)
    s.get("metrics/get-history", run_id=run)
    s.get("metrics/get-history", metric_key="m")
    other = new_run(s)
    s.post("runs/log-batch", run_id=other, metrics=[{"key": "m", "value": i / 3, "timestamp": i, "step": i * 2} for i in range(40)])
    s.call("GET", "runs/get", query={"run_id": other})
    bulk = "metrics/get-history-bulk"
    for query in ([], [("run_id", run)], [("metric_key", "m")], [("run_id", run), ("run_id", other), ("metric_key", "m")], [("run_id", other), ("metric_key", "m"), ("max_results", "5")], [("run_id", other), ("metric_key", "m"), ("max_results", "0")], [("run_id", other), ("metric_key", "nothing")], [("run_id", "0" * 32), ("metric_key", "m")], [("run_id", other), ("metric_key", "m"), ("max_results", "x")], [("run_id", str(i)) for i in range(101)] + [("metric_key", "m")]):
        s.call("GET", bulk, query=query, ajax=True, label=f"GET {bulk} {query[:4]}") if not any(q[0] == "run_id" for q in query) or len({q[1] for q in query if q[0] == "run_id"}) != 2 else None
    interval = "metrics/get-history-bulk-interval"
    for query in ([], [("run_ids", other)], [("metric_key", "m")], *([("run_ids", other), ("metric_key", "m"), *more] for more in ([], [("max_results", "5")], [("max_results", "0")], [("max_results", "-1")], [("max_results", "2500")], [("max_results", "2501")], [("max_results", "x")], [("start_step", "3")], [("end_step", "3")], [("start_step", "3"), ("end_step", "20")], [("start_step", "20"), ("end_step", "3")], [("start_step", "3"), ("end_step", "60"), ("max_results", "4")], [("start_step", "-5"), ("end_step", "5")], [("start_step", "x"), ("end_step", "5")], [("start_step", "200"), ("end_step", "500")], [("run_ids", run), ("max_results", "7")], [("max_results", "1")])), [("run_ids", "0" * 32), ("metric_key", "m")], [("run_ids", other), ("metric_key", "nothing")], [("run_ids", str(i)) for i in range(101)] + [("metric_key", "m")]):
        s.call("GET", interval, query=query, label=f"GET {interval} {query[:6]}")


def batches(s):
    """batches: limits, repeats, order of the checks, what a refused batch leaves"""
    run = new_run(s)
    metric = lambda i: {"key": f"m{i}", "value": i, "timestamp": 1}
    pair = lambda i: {"key": f"k{i}", "value": str(i)}
    for body in [{"metrics": [{"key": "bad", "value": "x", "timestamp": 1}]}, {"params": [{"key": 1, "value": "1"}]}, {"params": [{"key": "num", "value": 1}]}, {"tags": [{"key": "num", "value": 1}]}, {"params": "x"}, {"metrics": {"key": "a"}}, {"metrics": [5]}, {"metrics": [{**metric(1), "model_id": "m-" + "0" * 32}]}]:
        s.call("POST", "runs/log-batch", body={"run_id": new_run(s), **body})
    for body in [{}, {"metrics": []}, {"metrics": [metric(i) for i in range(1000)]}, {"metrics": [metric(i) for i in range(1001)]}, {"params": [pair(i) for i in range(100)]}, {"params": [pair(i) for i in range(101)]}, {"tags": [pair(i) for i in range(100)]}, {"tags": [pair(i) for i in range(101)]}, {"metrics": [metric(i) for i in range(850)], "params": [pair(i) for i in range(76)], "tags": [pair(i) for i in range(75)]}, {"params": [pair(1), pair(1)]}, {"params": [pair(200), pair(200), pair(201), pair(201)]}, {"params": [{"key": "k1", "value": "other"}]}, {"params": [{"key": "k1", "value": "other"}, {"key": "k2", "value": "x"}, {"key": "fresh", "value": "x"}], "tags": [{"key": "after", "value": "1"}]}, {"tags": [pair(1), {"key": "k1", "value": "last"}]}, {"params": [{"key": "empty", "value": ""}], "tags": [{"key": "empty", "value": ""}]}, {"params": [{"key": "novalue"}], "tags": [{"key": "novalue"}]}, {"params": [{"key": "long", "value": "x" * 6001}], "tags": [{"key": "long", "value": "x" * 8001}]}, {"metrics": [{"key": "n", "value": "NaN", "timestamp": 1}, {"key": "n", "value": 1, "timestamp": 2}, {"key": "n", "value": 0, "timestamp": 2}]}, {"metrics": [{"key": "n", "value": 1, "timestamp": 2}] * 3}, {"metrics": [{"key": "ok", "value": 1, "timestamp": 1}, {"value": 1, "timestamp": 1}]}, {"metrics": [{"key": "ok", "timestamp": 1}]}, {"metrics": [{"key": "ok", "value": 1}]}, {"metrics": [{"key": "neg", "value": 1, "timestamp": -1}]}, {"metrics": [{"key": "x" * 251, "value": 1, "timestamp": 1}]}, {"params": [{"key": "x" * 251, "value": "1"}]}, {"tags": [{"key": "x" * 251, "value": "1"}]}, {"params": [{"value": "1"}]}, {"tags": [{"value": "1"}]}, {"metrics": [metric(1)], "params": [{"key": "a*b", "value": "1"}]}, {"metrics": [{**metric(1), "dataset_name": "d"}]}, {"metrics": [{**metric(1), "dataset_digest": "d"}]}]:
        s.call("POST", "runs/log-batch", body={"run_id": run, **body}, label=f"log-batch {json.dumps(body)}")
    s.get("runs/get", run_id=run)
    for value in ("1", "1", "2", "", "x" * 6001, None, 5):
        s.post("runs/log-parameter", run_id=run, key="once", value=value)
    for value in ("x" * 6000, "x" * 6001, "y" * 6001):
        s.post("runs/log-parameter", run_id=run, key="long once", value=value)
    for value in ("1", "2", "", "x" * 8000, "x" * 8001, None, 5):
        s.post("runs/set-tag", run_id=run, key="again", value=value)
    for key in ("again", "again", "mlflow.runName", "", "a*b"):
        s.post("runs/delete-tag", run_id=run, key=key)
    s.get("runs/get", run_id=run)
    for wrong in ("a/b", "é", "x" * 257, "-a", "0" * 32, "a b"):
        s.post("runs/log-batch", run_id=wrong)
        s.post("runs/log-inputs", run_id=wrong, datasets=[])


def inputs(s):
    """inputs and outputs: datasets, tags, limits, models"""
    run = new_run(s)
    second = new_run(s)
    data = {"name": "d", "digest": "g", "source_type": "t", "source": "s"}
    tag = {"key": "mlflow.data.context", "value": "train"}
    model = s.post("logged-models", experiment_id="0", name="m", source_run_id=run)["model"]["info"]["model_id"]
    for datasets in [[], [{"dataset": data, "tags": [tag]}], [{"dataset": data, "tags": [{**tag, "value": "other"}]}], [{"dataset": {**data, "schema": "later", "source": "later"}}], [{"dataset": {**data, "digest": "h", "schema": "s", "profile": "p"}}], [{"dataset": {}}], [{"dataset": {"name": "x"}}], *([{"dataset": {**data, field: "x" * (limit + extra)}}] for field, limit in [("name", 500), ("digest", 36), ("source", 65535), ("schema", 1048575)] for extra in (0, 1)), [{"dataset": {**data, "name": ""}}], *([{"dataset": data, "tags": [t]}] for t in ({"key": "x" * 255, "value": "v"}, {"key": "x" * 256, "value": "v"}, {"key": "k", "value": "x" * 500}, {"key": "k", "value": "x" * 501}, {"key": "", "value": "v"}, {"key": "k"}, {"value": "v"}, {})), [{"dataset": {**data, "name": f"many{i}"}} for i in range(3)]]:
        s.call("POST", "runs/log-inputs", body={"run_id": run, "datasets": datasets}, label=f"log-inputs {json.dumps(datasets)}")
    for datasets in ("x", [5], [{"dataset": 5}], [{"dataset": {**data, "name": 5}}], [{"dataset": data, "tags": 5}], [{"tags": [tag]}], [{}]):
        s.post("runs/log-inputs", run_id=new_run(s), datasets=datasets)
    s.post("runs/log-inputs", run_id=second, datasets=[{"dataset": data, "tags": [tag]}])
    s.post("runs/log-inputs", run_id=run)
    for models in ([{"model_id": model}], [{"model_id": model}], [{"model_id": "m-" + "0" * 32}], [{}], [5], "x"):
        s.post("runs/log-inputs", run_id=second, models=models)
        s.post("runs/log-inputs", run_id=second, models=models, datasets=[])
    for models in ([], [{"model_id": model, "step": 1}], [{"model_id": model, "step": 2}], [{"model_id": "m-" + "0" * 32, "step": 1}], [{"model_id": model}], [{"step": 1}], [{"model_id": 5, "step": 1}], [5], "x"):
        s.post("runs/outputs", run_id=run, models=models)
    s.post("runs/outputs", run_id=run)
    for one in (run, second):
        got = s.get("runs/get", run_id=one)
    full = {"artifact_path": "a", "flavors": {"f": {"x": 1}}, "utc_time_created": "t", "run_id": run}
    for model_json in [json.dumps(full), json.dumps({**full, "run_id": "other"}), "{}", "", "[]", "5", "not json", '{"artifact_path": "a"}', json.dumps({**full, "flavors": {}}), json.dumps({k: v for k, v in full.items() if k != "flavors"}), None, 5, {}, json.dumps({**full, "flavors": {"f": {"config": {"a": 1}, "y": 2}}})]:
        s.post("runs/log-model", run_id=run, model_json=model_json)
    s.get("runs/get", run_id=run)


def logged_models(s):
    """logged models: create, status, params, tags, metrics, delete"""
    run = new_run(s)
    for name in [*ODD_NAMES, None]:
        s.post("logged-models", experiment_id="0", name=name)
    for body in [{}, {"name": "x"}, {"experiment_id": "999"}, {"experiment_id": "x"}, {"experiment_id": "0"}, {"experiment_id": "0", "source_run_id": "none"}, {"experiment_id": "0", "model_type": "Agent", "source_run_id": run, "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}], "tags": [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]}, {"experiment_id": "0", "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, {"experiment_id": "0", "params": [{"key": "a*b", "value": "1"}]}, {"experiment_id": "0", "params": [{"key": "x" * 251, "value": "1"}]}, {"experiment_id": "0", "params": [{"key": "a", "value": "x" * 6001}]}, {"experiment_id": "0", "tags": [{"key": "a*b", "value": "1"}]}, {"experiment_id": "0", "tags": [{"key": "x" * 251, "value": "1"}]}, {"experiment_id": "0", "tags": [{"key": "a", "value": "x" * 8001}]}, {"experiment_id": "0", "params": [{"key": f"p{i}", "value": "1"} for i in range(101)]}]:
        s.call("POST", "logged-models", body=body, label=f"logged-models {json.dumps(body)}")
    model = s.post("logged-models", experiment_id="0", name="whole", source_run_id=run)["model"]["info"]["model_id"]
    for params in ([], [{"key": "p", "value": "1"}], [{"key": "p", "value": "1"}], [{"key": "p", "value": "2"}], [{"key": "", "value": "1"}], [{"key": "a*b", "value": "1"}], [{"key": "x" * 251, "value": "1"}], [{"key": "long", "value": "x" * 6001}], [{}], "x"):
        s.post(f"logged-models/{model}/params", model_id=model, params=params)
        s.post(f"logged-models/m-{'0' * 32}/params", model_id="m-" + "0" * 32, params=params)
    for tags in ([], [{"key": "t", "value": "1"}], [{"key": "t", "value": "2"}], [{"key": "t", "value": "3"}, {"key": "t", "value": "4"}], [{"key": "a/b", "value": "1"}], [{"key": "a*b", "value": "1"}], [{"key": "x" * 251, "value": "1"}], [{"key": "long", "value": "x" * 8001}], [{"key": "none"}], [{}], "x", [{"key": "mlflow.x", "value": "1"}]):
        s.call("PATCH", f"logged-models/{model}/tags", body={"model_id": model, "tags": tags})
        s.call("PATCH", f"logged-models/m-{'0' * 32}/tags", body={"model_id": "m-" + "0" * 32, "tags": tags})
    s.get(f"logged-models/{model}")
    for tag in ("t", "t", "nothing", "mlflow.x"):
        s.call("DELETE", f"logged-models/{model}/tags/{tag}")
    s.call("DELETE", f"logged-models/m-{'0' * 32}/tags/t")
    for status in ("LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_STATUS_UNSPECIFIED", 2, 3, 0, None, "2"):
        s.call("PATCH", f"logged-models/{model}", body={"status": status, "model_id": model})
    s.call("PATCH", f"logged-models/m-{'0' * 32}", body={"model_id": "m-" + "0" * 32, "status": 2})
    for value, step, more in [(1, 1, {}), (2, 2, {}), (3, 3, {"dataset_name": "d", "dataset_digest": "g"}), (3, 3, {"dataset_name": "d"}), ("Infinity", 4, {})]:
        s.post("runs/log-metric", run_id=run, key="loss", value=value, timestamp=step, step=step, model_id=model, **more)
        s.post("runs/log-batch", run_id=run, metrics=[{"key": "batch", "value": value, "timestamp": step, "step": step, "model_id": model, **more}])
    s.post("runs/log-metric", run_id=run, key="loss", value=1, timestamp=1, model_id="m-" + "0" * 32)
    s.get(f"logged-models/{model}")
    s.get("runs/get", run_id=run)
    for path in ("artifacts/directories", "artifacts/directories?artifact_directory_path=x", "artifacts/directories?artifact_directory_path=../x"):
        s.call("GET", f"logged-models/{model}/{path}")
    s.call("GET", f"logged-models/{model}/artifacts/files?artifact_file_path=x", ajax=True)
    s.call("GET", f"logged-models/{model}/artifacts/files", ajax=True)
    s.get("logged-models/m-" + "0" * 32)
    s.get("logged-models/nothing")
    for _ in range(2):
        s.call("DELETE", f"logged-models/{model}")
    s.get(f"logged-models/{model}")
    s.get(f"logged-models/{model}", allow_deleted="true")
    s.get(f"logged-models/{model}", allow_deleted="false")
    s.get(f"logged-models/{model}", allow_deleted="x")
    s.call("PATCH", f"logged-models/{model}", body={"model_id": model, "status": 2})
    s.call("PATCH", f"logged-models/{model}/tags", body={"model_id": model, "tags": [{"key": "a", "value": "b"}]})
    s.post(f"logged-models/{model}/params", model_id=model, params=[{"key": "z", "value": "1"}])
