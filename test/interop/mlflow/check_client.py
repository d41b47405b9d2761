"""MLflow's unmodified Python client against the embedded server: check_client.py URL. Prints ok / NOT OK lines and `N passed, N failed`.

Runs under MLflow 3 and MLflow 2; what only one of them has is asked by version.
"""
import json
import math
import os
import sys
import tempfile
import traceback
import warnings

warnings.filterwarnings("ignore")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException
from sklearn.linear_model import LogisticRegression

mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
IS_3 = mlflow.__version__.startswith("3.")
passed = failed = 0


def check(test):
    """Runs a test at once; its name is the claim."""
    global passed, failed
    try:
        test()
        passed += 1
        print("ok", test.__doc__)
    except Exception:
        failed += 1
        print("NOT OK", test.__doc__)
        traceback.print_exc()


def raises(code, text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, str(error))
        assert text in str(error), str(error)
        return
    raise AssertionError(f"nothing raised, expected {code}: {text}")


@check
def experiments():
    """experiments: create, read, tag, rename, delete, restore, search with filter, order and pages"""
    made = client.create_experiment("exp-a", tags={"team": "x"})
    read = client.get_experiment(made)
    assert (read.name, read.lifecycle_stage, read.tags) == ("exp-a", "active", {"team": "x"})
    assert read.artifact_location == f"mlflow-artifacts:/{made}"
    assert client.get_experiment_by_name("exp-a").experiment_id == made
    assert client.get_experiment_by_name("nothing") is None
    raises("RESOURCE_ALREADY_EXISTS", "already exists", client.create_experiment, "exp-a")
    client.set_experiment_tag(made, "k", "v")
    client.rename_experiment(made, "exp-b")
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    raises("RESOURCE_DOES_NOT_EXIST", "No Experiment with id=", client.delete_experiment, made)
    client.restore_experiment(made)
    for i in range(5):
        client.create_experiment(f"page-{i}")
    page = client.search_experiments(filter_string="name LIKE 'page-%'", order_by=["name DESC"], max_results=2)
    names = [e.name for e in page]
    while page.token:
        page = client.search_experiments(filter_string="name LIKE 'page-%'", order_by=["name DESC"], max_results=2, page_token=page.token)
        names += [e.name for e in page]
    assert names == [f"page-{i}" for i in (4, 3, 2, 1, 0)], names
    assert [e.name for e in client.search_experiments(filter_string="tags.team = 'x'")] == ["exp-b"]
    assert client.get_experiment("0").name == "Default"


@check
def runs():
    """runs: params, metrics with NaN and infinity, tags, batches, names, end, delete, restore"""
    experiment = client.create_experiment("runs")
    run = client.create_run(experiment, run_name="first", tags={"a": "1"})
    run_id = run.info.run_id
    assert (run.info.run_name, run.info.status, run.info.lifecycle_stage) == ("first", "RUNNING", "active")
    client.log_param(run_id, "p", "1")
    client.log_param(run_id, "p", "1")
    raises("INVALID_PARAMETER_VALUE", "Changing param values is not allowed", client.log_param, run_id, "p", "2")
    for step, value in enumerate([1.5, -2.25, float("nan"), float("inf"), float("-inf")]):
        client.log_metric(run_id, f"m{step}", value, timestamp=step, step=step)
    client.log_metric(run_id, "m0", 9.0, timestamp=9, step=-1)
    client.log_batch(run_id, [Metric("b", i / 7, i, i) for i in range(1000)], [], [])
    client.log_batch(run_id, [], [Param(f"p{i}", str(i)) for i in range(100)], [RunTag(f"t{i}", "v") for i in range(100)])
    data = client.get_run(run_id).data
    assert data.metrics["m0"] == 1.5 and data.metrics["m1"] == -2.25, data.metrics
    assert math.isnan(data.metrics["m2"])
    assert data.metrics["m3"] == sys.float_info.max and data.metrics["m4"] == -sys.float_info.max
    assert data.metrics["b"] == 999 / 7
    assert len(data.params) == 101 and data.tags["t99"] == "v"
    history = client.get_metric_history(run_id, "b")
    assert [m.step for m in history] == list(range(1000)) and history[3].value == 3 / 7
    client.set_tag(run_id, "mlflow.runName", "renamed")
    assert client.get_run(run_id).info.run_name == "renamed"
    client.update_run(run_id, name="again")
    assert client.get_run(run_id).data.tags["mlflow.runName"] == "again"
    client.delete_tag(run_id, "t99")
    raises("RESOURCE_DOES_NOT_EXIST", "No tag with name: t99", client.delete_tag, run_id, "t99")
    client.set_terminated(run_id, "FAILED", end_time=77)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == ("FAILED", 77)
    client.delete_run(run_id)
    raises("INVALID_PARAMETER_VALUE", "must be in the 'active' state", client.log_metric, run_id, "x", 1)
    assert client.search_runs([experiment]) == []
    assert len(client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)) == 1
    client.restore_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "active"


@check
def search():
    """search_runs: filters, order with NaN and absent last, pages, data frame"""
    experiment = client.create_experiment("search")
    for i in range(12):
        run = client.create_run(experiment, start_time=1000 + i, run_name=f"r{i}")
        if i % 3:
            client.log_metric(run.info.run_id, "acc", float("nan") if i == 4 else i / 10)
        client.log_param(run.info.run_id, "kind", "odd" if i % 2 else "Even")
        client.set_tag(run.info.run_id, "tag.dotted", str(i))

    def names(**kwargs):
        return [r.info.run_name for r in client.search_runs([experiment], **kwargs)]

    assert names()[:3] == ["r11", "r10", "r9"]
    assert names(order_by=["metrics.acc DESC"]) == ["r11", "r10", "r8", "r7", "r5", "r2", "r1", "r4", "r9", "r6", "r3", "r0"]
    assert names(order_by=["metrics.acc"], max_results=3) == ["r1", "r2", "r5"]
    assert names(filter_string="metrics.acc > 0.75 and params.kind = 'odd'") == ["r11"]
    assert names(filter_string="params.kind ILIKE 'eve%' and attributes.start_time < 1003") == ["r2", "r0"]
    assert names(filter_string="tags.`tag.dotted` = '7'") == ["r7"]
    assert names(filter_string="attributes.run_name LIKE 'r1_'") == ["r11", "r10"]
    ids = [r.info.run_id for r in client.search_runs([experiment], max_results=2)]
    assert names(filter_string=f"run_id IN ('{ids[0]}', '{ids[1]}')") == ["r11", "r10"]
    seen, token = [], None
    while True:
        page = client.search_runs([experiment], order_by=["metrics.acc DESC"], max_results=5, page_token=token)
        seen += [r.info.run_name for r in page]
        token = page.token
        if not token:
            break
    assert seen == names(order_by=["metrics.acc DESC"]), seen
    frame = mlflow.search_runs([experiment], order_by=["params.kind ASC", "start_time ASC"])
    assert len(frame) == 12 and frame["params.kind"].iloc[0] == "Even"
    raises("INVALID_PARAMETER_VALUE", "Invalid clause(s) in filter string", names, filter_string="metrics.acc > 1 OR metrics.acc < 2")


@check
def datasets():
    """datasets: logged inputs with context come back and are found"""
    mlflow.set_experiment("datasets")
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    data = mlflow.data.from_pandas(frame, name="points", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training")
    found = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(d.dataset.name, d.dataset.digest) for d in found] == [("points", data.digest)]
    assert {t.key: t.value for t in found[0].tags} == {"mlflow.data.context": "training"}
    experiment = run.info.experiment_id
    assert len(client.search_runs([experiment], "datasets.name = 'points' and datasets.context = 'training'")) == 1
    assert client.search_runs([experiment], "datasets.digest = 'other'") == []


@check
def artifacts():
    """artifacts: text, folders, an empty file, names with spaces, list and download"""
    mlflow.set_experiment("artifacts")
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/deep/er")
        for name, content in (("a b.txt", "hello"), ("deep/er/ü.bin", "x" * 100_000), ("empty.txt", "")):
            with open(f"{folder}/{name}", "w") as file:
                file.write(content)
        mlflow.log_artifacts(folder, "tree")
        mlflow.log_dict({"k": 1}, "cfg/a.json")
        mlflow.log_text("text", "note.txt")
    run_id = run.info.run_id
    assert sorted(f.path for f in client.list_artifacts(run_id)) == ["cfg", "note.txt", "tree"]
    listed = {f.path: (f.is_dir, f.file_size) for f in client.list_artifacts(run_id, "tree")}
    assert listed["tree/a b.txt"] == (False, 5) and listed["tree/deep"][0], listed
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(run_id, "", folder)
        assert open(f"{path}/tree/deep/er/ü.bin").read() == "x" * 100_000
        assert os.path.getsize(f"{path}/tree/empty.txt") == 0
        assert json.load(open(f"{path}/cfg/a.json")) == {"k": 1}
    raises_any = False
    try:
        client.download_artifacts(run_id, "nothing")
    except Exception:
        raises_any = True
    assert raises_any


@check
def registry():
    """registry: models, versions, stages, aliases, tags, search with pages, rename, copy, delete"""
    client.create_registered_model("reg", tags={"t": "1"}, description="d")
    raises("RESOURCE_ALREADY_EXISTS", "already exists", client.create_registered_model, "reg")
    for i in (1, 2, 3):
        version = client.create_model_version("reg", f"s3://bucket/{i}", tags={"i": str(i)})
        assert (version.version if IS_3 else int(version.version)) in (i, str(i)) and version.status == "READY"
    client.transition_model_version_stage("reg", "1", "Production")
    client.transition_model_version_stage("reg", "2", "production", archive_existing_versions=True)
    assert client.get_model_version("reg", "1").current_stage == "Archived"
    assert [v.version for v in client.get_latest_versions("reg", ["Production"])] in ([2], ["2"])
    client.set_registered_model_alias("reg", "champion", "2")
    assert str(client.get_model_version_by_alias("reg", "champion").version) == "2"
    assert client.get_model_version("reg", "2").aliases == ["champion"]
    client.set_registered_model_alias("reg", "champion", "3")
    assert client.get_registered_model("reg").aliases in ({"champion": "3"}, {"champion": 3})
    client.delete_registered_model_alias("reg", "champion")
    raises("INVALID_PARAMETER_VALUE", "alias champion not found", client.get_model_version_by_alias, "reg", "champion")
    client.set_model_version_tag("reg", "1", "k", "v")
    client.delete_model_version_tag("reg", "1", "k")
    client.update_model_version("reg", "1", "words")
    assert client.get_model_version("reg", "1").description == "words"
    found = client.search_model_versions("name = 'reg'", order_by=["version_number ASC"], max_results=2)
    assert [int(v.version) for v in found] == [1, 2] and found.token
    assert [int(v.version) for v in client.search_model_versions("tags.i = '3'")] == [3]
    for i in range(5):
        client.create_registered_model(f"many-{i}")
    page = client.search_registered_models("name LIKE 'many-%'", max_results=3)
    assert [m.name for m in page] == ["many-0", "many-1", "many-2"] and page.token
    assert [m.name for m in client.search_registered_models("name LIKE 'many-%'", max_results=3, page_token=page.token)] == ["many-3", "many-4"]
    client.rename_registered_model("reg", "reg2")
    assert int(client.copy_model_version("models:/reg2/3", "copied").version) == 1
    client.delete_model_version("reg2", "3")
    assert int(client.create_model_version("reg2", "s3://bucket/4").version) == 4
    client.delete_registered_model("reg2")
    raises("RESOURCE_DOES_NOT_EXIST", "not found", client.get_registered_model, "reg2")
    raises("INVALID_PARAMETER_VALUE", "Invalid model version source", client.create_model_version, "copied", "/etc")


rows = np.random.default_rng(7).normal(size=(200, 3))
labels = (rows[:, 0] + rows[:, 1] > 0).astype(int)


@check
def sklearn_models():
    """autolog of a scikit-learn fit, log_model with registration, load by version, stage, alias, run"""
    mlflow.set_experiment("sklearn")
    mlflow.sklearn.autolog(log_models=False)
    with mlflow.start_run() as run:
        model = LogisticRegression(C=0.5).fit(rows, labels)
        where = {"name": "model"} if IS_3 else {"artifact_path": "model"}
        mlflow.sklearn.log_model(model, registered_model_name="logreg", input_example=rows[:2], **where)
    mlflow.sklearn.autolog(disable=True)
    data = client.get_run(run.info.run_id).data
    assert data.params["C"] == "0.5" and data.metrics["training_accuracy_score"] > 0.8
    client.transition_model_version_stage("logreg", "1", "Production")
    client.set_registered_model_alias("logreg", "champion", "1")
    expected = model.predict(rows)
    for uri in ("models:/logreg/1", "models:/logreg/Production", "models:/logreg@champion", f"runs:/{run.info.run_id}/model"):
        assert (mlflow.pyfunc.load_model(uri).predict(rows) == expected).all(), uri
    again = mlflow.register_model(f"runs:/{run.info.run_id}/model", "logreg")
    assert int(again.version) == 2 and again.status == "READY"


@check
def onnx_models():
    """an onnx model logged with registered_model_name gives its probabilities back"""
    import onnx
    from onnx import TensorProto, helper

    node = helper.make_node("Softmax", ["x"], ["probabilities"], axis=1)
    graph = helper.make_graph(
        [node],
        "softmax",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    mlflow.set_experiment("onnx")
    where = {"name": "model"} if IS_3 else {"artifact_path": "model"}
    with mlflow.start_run():
        mlflow.log_metric("loss", float("nan"), step=0)
        mlflow.log_metric("acc", 0.5, step=0)
        mlflow.onnx.log_model(model, registered_model_name="soft", input_example=rows[:2].astype(np.float32), **where)
    x = rows[:5].astype(np.float32)
    answer = mlflow.pyfunc.load_model("models:/soft/1").predict(x)
    answer = answer["probabilities"] if isinstance(answer, dict) else np.asarray(answer)
    expected = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    assert np.abs(answer - expected).max() < 1e-6


@check
def evaluate():
    """mlflow.models.evaluate of a registered model logs its metrics"""
    mlflow.set_experiment("evaluate")
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    model = LogisticRegression().fit(frame, labels)
    where = {"name": "model"} if IS_3 else {"artifact_path": "model"}
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, registered_model_name="judged", **where)
    frame["label"] = labels
    with mlflow.start_run() as run:
        result = mlflow.models.evaluate("models:/judged/1", frame, targets="label", model_type="classifier", evaluator_config={"log_explainer": False})
    assert result.metrics["accuracy_score"] > 0.8
    logged = client.get_run(run.info.run_id).data.metrics
    assert abs(logged["accuracy_score"] - result.metrics["accuracy_score"]) < 1e-9


if IS_3:

    @check
    def logged_models():
        """logged models: create, params, tags, finalize, search by metric, delete"""
        experiment = client.create_experiment("logged")
        run = client.create_run(experiment)
        models = [
            client.create_logged_model(experiment, name=f"m{i}", source_run_id=run.info.run_id, params={f"p{j}": str(i) for j in range(150)}, tags={"i": str(i)})
            for i in range(3)
        ]
        for i, model in enumerate(models):
            client.finalize_logged_model(model.model_id, "READY")
            client.log_metric(run.info.run_id, "acc", i / 10, step=i, model_id=model.model_id, dataset_name="d", dataset_digest="1")
        read = client.get_logged_model(models[1].model_id)
        assert read.status == "READY" and len(read.params) == 150 and read.tags["i"] == "1", read
        assert [m.value for m in read.metrics] == [0.1]
        found = client.search_logged_models([experiment], filter_string="metrics.acc >= 0.1", order_by=[{"field_name": "metrics.acc", "ascending": False}])
        assert [m.name for m in found] == ["m2", "m1"]
        page = client.search_logged_models([experiment], max_results=2, order_by=[{"field_name": "name"}])
        rest = client.search_logged_models([experiment], max_results=2, order_by=[{"field_name": "name"}], page_token=page.token)
        assert [m.name for m in [*page, *rest]] == ["m0", "m1", "m2"]
        client.set_logged_model_tags(models[0].model_id, {"k": "v"})
        client.delete_logged_model_tag(models[0].model_id, "k")
        client.delete_logged_model(models[0].model_id)
        raises("RESOURCE_DOES_NOT_EXIST", "not found", client.get_logged_model, models[0].model_id)


print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
