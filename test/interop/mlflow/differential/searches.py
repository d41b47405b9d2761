"""The search grammar of runs, experiments, registered models, versions and logged models: every operator, quote, alias, order and page."""
import base64
import json

OPERATORS = ["=", "!=", ">", ">=", "<", "<=", "<>", "==", "LIKE", "ILIKE", "IN", "NOT IN", "is null", "IS NOT NULL", "~"]
VALUES = ["'a'", '"a"', "a", "5", "-1", "1.5", "1e3", ".5", "'%a%'", "('a')", "('a', 'b')", "()", "(1, 2)", "('a' 'b')", "'a", "NaN", "''", "'A'", "1.", "+1", "`a`", "'a''b'", "a.b"]
ODD_FILTERS = [
    " ", ";", "a", "=", "and", "name", "name =", "= 'a'", "name = 'a';", "name = 'a'; name = 'b'", "name = 'a' and", "and name = 'a'", "name = 'a' AND AND name = 'b'", "name = 'a' name = 'b'",
    "(name = 'a')", "NOT name = 'a'", "name = 'a' or name = 'b'", "name='a'and name='b'", "'name' = 'a'", "`name` = 'a'", '"name" = \'a\'', "name = name", "'a' = name", "5 = 5", 
    "SELECT * FROM runs", "name = 'a' AND (name = 'b')", "name LIKE 'a%' and name ILIKE 'A%'", "name = 'a\nb'", "name\n=\n'a'", "name\t=\t'a'", "NAME = 'a'", "Name = 'a'", "name = 'é'", "name = \"it's\"", "name = 'it\\'s'", "name = 'it''s'", "name LIKE '%\\_%'", "name = 'a, b'", "name = 'a and b'", "name = 'a = b'", "name IN ('a') AND name NOT IN ('b')",
    "wombat = 'a'", "unknown.a = 'a'", "a.b.c = 'a'", ".a = 'a'", "tags = 'a'", "tags.a.b = 'x'", "tag.a = 'b'", "tags.`a.b` = 'x'", 'tags."a.b" = \'x\'', "tags.'a.b' = 'x'", "tags.a b = 'x'", "tags.`a b` = 'x'", "tags.a-b = 'x'", "tags.1a = 'x'", "tags.a/b = 'x'", "tags.a:b = 'x'", "tags.ä = 'x'", "TAGS.a = 'x'", "`tags`.`a` = 'x'", "tags.mlflow.user = 'u'", "tags.`mlflow.user` = 'u'",
]
RUN_KEYS = ["metrics.loss", "metric.loss", "metrics.`with space`", "params.lr", "param.lr", "parameter.lr", "parameters.lr", "tags.team", "attributes.status", "attribute.status", "attr.status", "run.status", "status", "run_id", "run_name", "`run name`", "attributes.`Run Name`", "user_id", "artifact_uri", "start_time", "end_time", "created", "Created", "attributes.created", "lifecycle_stage", "experiment_id", "datasets.name", "dataset.digest", "datasets.context", "datasets.other", "name", "inputs.name"]
RUN_ORDERS = ["metrics.loss", "metrics.loss DESC", "metrics.loss desc", "metrics.`with space` ASC", "params.lr", "params.lr DESC", "tags.team", "tag.team DESC", "start_time", "start_time DESC", "attributes.start_time ASC", "end_time", "end_time DESC", "run_name", "run_name DESC", "`run name`", "attribute.`Run name` desc", "status", "status DESC", "run_id", "run_id DESC", "user_id", "artifact_uri", "Created", "created DESC", "datasets.name", "name", "metrics.nothing", "params.nothing DESC", "loss", "metrics.loss up", "metrics.loss ASC ASC", "", " ", "metrics.loss, params.lr", "metrics", "5", "'a'", "metrics.loss  DESC", "metrics.loss DESC;", "(metrics.loss)", "`metrics.loss`", "`metrics`.`loss`", "lifecycle_stage", "metrics.`loss` asc", 'metrics."loss" DESC', "metrics.a.b", "tags.`a b` DESC"]


def clauses(keys, values=None):
    """Each key with each operator, and with each form of value; not every pair, which would be twenty thousand."""
    for name in keys:
        for operator in OPERATORS:
            if operator.lower().startswith("is"):
                yield f"{name} {operator}"
            elif "IN" in operator:
                yield from (f"{name} {operator} {value}" for value in ("('a')", "'a'"))
            else:
                yield from (f"{name} {operator} {value}" for value in ("'a'", "5"))
    for index, value in enumerate(values or VALUES):
        # every form of value meets several keys in turn
        for name in dict.fromkeys((keys[0], keys[index % len(keys)], keys[(index * 7 + 3) % len(keys)])):
            yield f"{name} = {value}"
        yield f"{keys[index % len(keys)]} {'LIKE' if index % 2 else 'IN'} {value}"


def pages(s, method, path, body, field):
    """All pages of a search, three at a time."""
    token, seen = None, 0
    while True:
        asked = {**body, "max_results": 3, **({"page_token": token} if token else {})}
        answer = s.call(method, path, **({"body": asked} if method == "POST" else {"query": asked}))
        seen += len(answer.get(field, []))
        token = answer.get("next_page_token")
        if not token or seen > 60:
            return


def bad_tokens():
    yield from ["abc", "!!!!", "YWJj", base64.b64encode(b"{}").decode(), base64.b64encode(b'{"offset": "x"}').decode(), base64.b64encode(b"[]").decode(), base64.b64encode(b"5").decode(), base64.b64encode(b'{"offset": 2}').decode(), base64.b64encode(b'{"offset": 100000}').decode()]


def runs(s):
    """runs: filters, orders, views, pages"""
    first = s.post("experiments/create", name="searched")["experiment_id"]
    second = s.post("experiments/create", name="searched too")["experiment_id"]
    ids = []
    for i in range(14):
        run = s.post("runs/create", experiment_id=first if i % 4 else second, start_time=1000 + i // 2, run_name=f"run{i % 5}" if i != 3 else "Run3", user_id="u" if i % 2 else "", tags=[{"key": "team", "value": "ABab"[i % 4]}, {"key": "a b", "value": str(i)}, {"key": "a.b", "value": "x"}])["run"]["info"]["run_id"]
        ids.append(run)
        metrics = [{"key": "loss", "value": [1.5, -2, "NaN", "Infinity", "-Infinity", 0, 1.5][i % 7], "timestamp": i, "step": 0}] if i % 5 else []
        metrics += [{"key": "with space", "value": i * 1000, "timestamp": 1, "step": i}] if i % 2 else []
        s.post("runs/log-batch", run_id=run, metrics=metrics, params=[{"key": "lr", "value": ["a", "B", "10", "9", ""][i % 5]}] if i % 3 else [])
        if i % 3 == 0:
            s.post("runs/log-inputs", run_id=run, datasets=[{"dataset": {"name": "ab"[i % 2], "digest": f"d{i}", "source_type": "t", "source": "s"}, "tags": [{"key": "mlflow.data.context", "value": "training" if i % 2 else "A"}]}])
        if i % 4 == 1:
            s.post("runs/update", run_id=run, status=["FINISHED", "FAILED", "KILLED"][i % 3], end_time=2000 + i)
    s.post("runs/delete", run_id=ids[5])
    both = {"experiment_ids": [first, second]}
    # ids are random and their order with them: whatever ties is ordered by name as well
    tie = ["start_time DESC", "tags.`a b`"]
    for clause in clauses(RUN_KEYS):
        s.post("runs/search", **both, order_by=tie, filter=clause)
    for text in ODD_FILTERS:
        s.post("runs/search", **both, order_by=tie, filter=text.replace("name", "run_name"))
    for text in ["metrics.loss > 0 and params.lr = 'a'", "metrics.loss > -5 AND tags.team = 'A' And status = 'RUNNING'", "params.lr = 'a' AND params.lr = 'B'", "tags.team IS NOT NULL AND metrics.loss <= 0", "params.lr IS NULL", "datasets.name = 'a' and datasets.context = 'A'", "datasets.name IN ('a', 'b')", "start_time > 1003 and start_time <= 1005", "run_id IN (%s)", "run_id NOT IN (%s)", "run_id = %s"]:
        s.post("runs/search", **both, order_by=tie, filter=text.replace("(%s)", f"('{ids[1]}', '{ids[2]}')").replace("%s", f"'{ids[3]}'"))
    for order in RUN_ORDERS:
        if order.startswith(("run_id", "artifact_uri")):
            continue
        s.post("runs/search", **both, order_by=[order, *(tie[:1] if "start_time" not in order.lower() and "created" not in order.lower() else []), tie[1]])
        s.post("runs/search", **both, order_by=[order], max_results=1) if order.strip() in ("", "5", "'a'") else None
    s.post("runs/search", **both, order_by=["metrics.loss", "metrics.loss DESC"])
    s.post("runs/search", **both, order_by=["params.lr DESC", "metrics.`with space`", "tags.`a b`"])
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", "active_only", 1, 2, 3, 4, ""):
        s.post("runs/search", **both, order_by=tie, run_view_type=view)
    for experiments in ([], [first], ["0"], ["999"], ["x"], [first, first], [""], [" 1 "], ["-1"], ["1.0"]):
        s.post("runs/search", experiment_ids=experiments, order_by=tie)
    for size in (0, 1, -1, 50000, 50001, "3", 3.0, 3.5):
        s.post("runs/search", **both, order_by=tie, max_results=size)
    for token in bad_tokens():
        s.post("runs/search", **both, order_by=tie, page_token=token)
    for order in (tie, ["metrics.loss DESC", *tie], ["params.lr", *tie], ["tags.team DESC", *tie]):
        pages(s, "POST", "runs/search", {**both, "order_by": order}, "runs")
        pages(s, "POST", "runs/search", {**both, "order_by": order, "filter": "metrics.`with space` >= 3000"}, "runs")
    s.post("experiments/delete", experiment_id=second)
    s.post("runs/search", **both, order_by=tie)
    s.post("runs/search", **both, order_by=tie, run_view_type="DELETED_ONLY")
    for experiments in ([first], [first, second], [], ["x"], ["1"] * 21):
        s.call("POST", "experiments/search-datasets", body={"experiment_ids": experiments}, ajax=True)


def experiments(s):
    """experiments: filters, orders, views, pages"""
    for i, name in enumerate(["a", "A", "ab", "b", "a b", "x_y", "xzy", "é", "5"]):
        made = s.post("experiments/create", name=name, tags=[{"key": "team", "value": "ab"[i % 2]}, {"key": "a.b", "value": "x"}][: i % 3])["experiment_id"]
        if i == 3:
            s.post("experiments/delete", experiment_id=made)
    by_name = ["name ASC"]
    for clause in clauses(("name", "attribute.name", "attributes.name", "tags.team", "tag.team", "creation_time", "last_update_time", "experiment_id", "lifecycle_stage")):
        s.post("experiments/search", max_results=20, order_by=by_name, filter=clause)
    for text in ODD_FILTERS:
        s.post("experiments/search", max_results=20, order_by=by_name, filter=text)
    for order in ["name", "name DESC", "experiment_id", "experiment_id DESC", "creation_time", "creation_time desc", "last_update_time", "attribute.name", "attributes.name DESC", "tags.team", "lifecycle_stage", "", "name name", "name ASC DESC", "5", "name, experiment_id", "`name`", '"name" desc']:
        s.post("experiments/search", max_results=20, order_by=[order])
    s.post("experiments/search", max_results=20, order_by=["name", "name DESC"])
    s.post("experiments/search", max_results=20)
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3, "x"):
        s.post("experiments/search", max_results=20, view_type=view)
    for token in bad_tokens():
        s.post("experiments/search", max_results=2, page_token=token)
    for size in (1, 0, -1, 50000, 50001, "2"):
        s.post("experiments/search", max_results=size)
        s.get("experiments/search", max_results=size)
    pages(s, "POST", "experiments/search", {"order_by": by_name}, "experiments")
    pages(s, "GET", "experiments/search", {"order_by": by_name, "view_type": "ALL"}, "experiments")


def registry(s):
    """registered models and versions: filters, orders, pages"""
    run = s.post("runs/create", experiment_id="0", start_time=1)["run"]["info"]["run_id"]
    for i, name in enumerate(["a", "A", "ab", "b", "a b", "x_y", "xzy", "é", "5"]):
        s.post("registered-models/create", name=name, tags=[{"key": "team", "value": "ab"[i % 2]}, {"key": "a.b", "value": "x"}][: i % 3])
        for n in range(i % 3):
            s.post("model-versions/create", name=name, source=f"s3://bucket/{name.replace(' ', '_')}/{n}", run_id=run if n else "", tags=[{"key": "team", "value": "a"}, {"key": "n", "value": str(n)}])
    s.call("DELETE", "model-versions/delete", body={"name": "ab", "version": "1"})
    s.post("registered-models/alias", name="ab", alias="best", version="2")
    by_name = ["name ASC"]
    for clause in clauses(("name", "attribute.name", "tags.team", "tag.team", "description", "creation_timestamp", "tags.`mlflow.prompt.is_prompt`")):
        s.get("registered-models/search", max_results=20, order_by=by_name, filter=clause)
    versions_order = ["name ASC", "version_number ASC"]
    for clause in clauses(("name", "version_number", "run_id", "source_path", "tags.team", "tag.n", "current_stage", "status", "creation_timestamp", "attribute.name")):
        s.get("model-versions/search", max_results=20, order_by=versions_order, filter=clause)
    for text in [f"run_id = '{run}'", f"run_id IN ('{run}')", f"run_id IN ('{run.upper()}')", "tags.team = 'a' and tags.n = '1'", "tags.team = 'a' and name = 'ab'", "name = 'ab' and version_number > 1", "source_path LIKE 's3://bucket/a%'"]:
        s.get("model-versions/search", filter=text, order_by=versions_order)
    for text in ODD_FILTERS:
        s.get("registered-models/search", order_by=by_name, filter=text)
        s.get("model-versions/search", order_by=versions_order, filter=text)
    for order in ["name", "name DESC", "timestamp", "timestamp DESC", "last_updated_timestamp", "creation_timestamp", "tags.team", "", "name ASC ASC", "name up", "version_number", "version", "5", "`name`", "attribute.name", "attributes.name DESC"]:
        s.get("registered-models/search", order_by=[order])
        s.get("model-versions/search", order_by=[order])
    s.get("registered-models/search", order_by=["name", "name DESC"])
    s.get("registered-models/search", order_by=["timestamp", "last_updated_timestamp"])
    s.get("model-versions/search", order_by=["name", "name DESC"])
    s.get("registered-models/search")
    for size in (0, 1, -1, 1000, 1001, "2", "x", 200000, 200001):
        s.get("registered-models/search", max_results=size, order_by=by_name)
        s.get("model-versions/search", max_results=size, order_by=versions_order)
    for token in bad_tokens():
        s.get("registered-models/search", page_token=token, order_by=by_name)
        s.get("model-versions/search", page_token=token, order_by=versions_order)
    pages(s, "GET", "registered-models/search", {"order_by": by_name}, "registered_models")
    pages(s, "GET", "model-versions/search", {"order_by": versions_order}, "model_versions")


def logged_models(s):
    """logged models: filters, orders, datasets, pages"""
    experiment = s.post("experiments/create", name="models")["experiment_id"]
    run = s.post("runs/create", experiment_id=experiment, start_time=1)["run"]["info"]["run_id"]
    other = s.post("runs/create", experiment_id=experiment, start_time=2)["run"]["info"]["run_id"]
    models = []
    for i in range(8):
        models.append(s.post("logged-models", experiment_id=experiment, name=["a", "A", "b", "ab"][i % 4], model_type=["", "Agent"][i % 2], source_run_id=[run, other][i % 2], params=[{"key": "p", "value": "aB1"[i % 3]}], tags=[{"key": "t", "value": "aB1"[i % 3]}, {"key": "i", "value": str(i)}])["model"]["info"]["model_id"])
        for step in range(i % 3):
            s.post("runs/log-metric", run_id=run, key="loss", value=i * (1 - 2 * step), timestamp=i, step=step, model_id=models[-1], **({"dataset_name": "d", "dataset_digest": str(i % 2)} if i % 4 else {}))
    s.call("PATCH", f"logged-models/{models[1]}", body={"model_id": models[1], "status": "LOGGED_MODEL_READY"})
    s.call("PATCH", f"logged-models/{models[2]}", body={"model_id": models[2], "status": 3})
    s.call("DELETE", f"logged-models/{models[7]}")
    s.get(f"logged-models/{models[7]}")
    s.get(f"logged-models/{models[7]}", allow_deleted="true")
    base = {"experiment_ids": [experiment], "order_by": [{"field_name": "name"}, {"field_name": "creation_timestamp"}]}
    for clause in clauses(("name", "attributes.name", "attribute.name", "model_id", "status", "source_run_id", "model_type", "creation_timestamp", "creation_time", "creation_timestamp_ms", "last_updated_timestamp", "experiment_id", "lifecycle_stage", "metrics.loss", "metric.loss", "params.p", "tags.t", "param.p", "other.x", "tags.`t`"), [value for value in VALUES if not value.startswith(('"', "(")) and value != "NaN"]):
        s.post("logged-models/search", **base, filter=clause)
    for text in [*(text for text in ODD_FILTERS if text not in ("tags = 'a'", 'name = "it\'s"')), "status = 'READY'", "status = 'LOGGED_MODEL_READY'", "status != 'PENDING'", "status IN ('READY', 'PENDING')", "status LIKE 'R%'", f"source_run_id = '{run}'", f"source_run_id IN ('{run}', '{other}')", f"model_id = '{models[0]}'", "name = 'a' and metrics.loss > -10", "metrics.loss > 1 and metrics.loss < 5 and params.p = 'a'"]:
        s.post("logged-models/search", **base, filter=text)
    for datasets in ([{"dataset_name": "d"}], [{"dataset_name": "d", "dataset_digest": "1"}], [{"dataset_digest": "1"}], [{"dataset_name": "none"}], [{"dataset_name": "d", "dataset_digest": "0"}, {"dataset_name": "d", "dataset_digest": "1"}]):
        s.post("logged-models/search", **base, datasets=datasets)
        s.post("logged-models/search", **base, datasets=datasets, filter="metrics.loss >= 0")
    for order in ("name", "metrics.loss", "attributes.name", "creation_timestamp", "creation_time", "last_updated_timestamp", "last_updated_timestamp_ms", "params.p", "tags.t", "unknown", "", "metrics", "model_type", "status", "attribute.name", "metrics.nothing"):
        for ascending in (True, False, None):
            s.post("logged-models/search", experiment_ids=[experiment], order_by=[{"field_name": order, **({} if ascending is None else {"ascending": ascending})}, *([{"field_name": "tags.i"}] if False else [])])
    s.post("logged-models/search", experiment_ids=[experiment], order_by=[{"field_name": "metrics.loss", "dataset_name": "d"}])
    s.post("logged-models/search", experiment_ids=[experiment], order_by=[{"field_name": "metrics.loss", "dataset_name": "d", "dataset_digest": "1", "ascending": False}])
    s.post("logged-models/search", experiment_ids=[experiment], order_by=[{"field_name": "metrics.loss", "dataset_digest": "1"}])
    s.post("logged-models/search", experiment_ids=[experiment], order_by=[{"field_name": "name", "dataset_name": "d"}])
    for size in (1, 0, -1, 50, 100, 101, 50001, "2"):
        s.post("logged-models/search", **base, max_results=size)
    for ids in ([], ["0"], ["999"], ["x"], [experiment, "0"]):
        s.post("logged-models/search", experiment_ids=ids)
    pages(s, "POST", "logged-models/search", base, "models")
    token = s.post("logged-models/search", **base, max_results=2).get("next_page_token")
    s.post("logged-models/search", experiment_ids=[experiment, "0"], order_by=base["order_by"], max_results=2, page_token=token)
    s.post("logged-models/search", experiment_ids=[experiment], max_results=2, page_token=token)
    s.post("logged-models/search", **base, filter="name = 'a'", max_results=2, page_token=token)
    for bad in bad_tokens():
        s.post("logged-models/search", **base, page_token=bad)
