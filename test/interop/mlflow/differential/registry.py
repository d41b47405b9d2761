"""Registered models and their versions: names, stages, aliases, tags, sources, prompts, copies."""
ODD_NAMES = ["a/b", "a:b", "../a", "./a", "a/", ".", "..", "a b", "a*b", "a\nb", "ünïcode", "a.b", "a\\b", "a'b", 'a"b', " ", "", "x" * 250, "x" * 256, "x" * 257, "a#b", "a?b", "a%2fb", "1", "latest", "😀", None, 5, "a@b"]


def models(s):
    """registered models: names, tags, descriptions, rename, delete"""
    for name in ODD_NAMES:
        s.post("registered-models/create", name=name)
        s.post("registered-models/create", name=name)
        if isinstance(name, str):
            s.get("registered-models/get", name=name)
            s.post("registered-models/get-latest-versions", name=name)
            s.post("model-versions/create", name=name, source="s3://b/c")
            s.call("PATCH", "registered-models/update", body={"name": name, "description": "d"})
            s.post("registered-models/rename", name="none", new_name=name)
            if len(name) > 256:
                # made by MLflow alone; searches later must not list it
                s.call("DELETE", "registered-models/delete", body={"name": name})
    s.post("registered-models/create", name="m", description="", tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}, {"key": "b"}])
    s.get("registered-models/get", name="m")
    for tags in ([{"key": "a*b", "value": "1"}], [{"key": "x" * 251, "value": "1"}], [{"key": "", "value": "1"}], [{"key": "k", "value": "x" * 100001}], [{"value": "1"}], [{}]):
        s.call("POST", "registered-models/create", body={"name": f"t{len(str(tags))}", "tags": tags}, label=f"create with tags {str(tags)[:80]}")
        s.call("POST", "model-versions/create", body={"name": "m", "source": "s3://b/c", "tags": tags}, label=f"version with tags {str(tags)[:80]}")
    for body in ({"description": "new"}, {"description": ""}, {}, {"description": None}, {"description": 5}, {"description": "x" * 5001}):
        s.call("PATCH", "registered-models/update", body={"name": "m", **body})
    for key in ("k", "a/b", "a*b", "", "x" * 251, "../k", "mlflow.x", "k"):
        for value in ("v", "", None, "x" * 5001):
            s.call("POST", "registered-models/set-tag", body={"name": "m", "key": key, "value": value}, label=f"model tag {key[:20]} {len(key)} {str(value)[:5]}")
        s.call("DELETE", "registered-models/delete-tag", body={"name": "m", "key": key})
        s.call("DELETE", "registered-models/delete-tag", body={"name": "m", "key": key})
        s.call("POST", "registered-models/set-tag", body={"name": "none", "key": key, "value": "v"})
        s.call("DELETE", "registered-models/delete-tag", body={"name": "none", "key": key})
    s.get("registered-models/get", name="m")
    s.post("registered-models/create", name="taken")
    for i in range(2):
        s.post("model-versions/create", name="m", source=f"s3://b/{i}")
    s.post("registered-models/alias", name="m", alias="best", version="2")
    for new in ("taken", "m", "moved", "", " ", "a/b", None, 5):
        s.post("registered-models/rename", name="m", new_name=new)
    for name in ("m", "moved"):
        s.get("registered-models/get", name=name)
        s.get("model-versions/get", name=name, version="1")
        s.get("registered-models/alias", name=name, alias="best")
    for _ in range(2):
        s.call("DELETE", "registered-models/delete", body={"name": "moved"})
    s.get("model-versions/get", name="moved", version="1")
    s.post("registered-models/create", name="moved")
    s.post("model-versions/create", name="moved", source="s3://b/again")


def versions(s):
    """versions: numbers, stages with archiving, latest, aliases, tags, descriptions, delete"""
    run = s.post("runs/create", experiment_id="0", start_time=1)["run"]["info"]["run_id"]
    s.post("registered-models/create", name="m")
    for i in range(4):
        s.post("model-versions/create", name="m", source=f"s3://b/{i}", run_id=run if i % 2 else None, description=["", "d"][i % 2], run_link="http://l" if i else None, tags=[{"key": "i", "value": str(i)}])
    for stage in ("Production", "production", "STAGING", "None", "none", "Archived", "Prod", "", None, 5, "Deleted_Internal"):
        for archive in (False, True, None, "true", "x"):
            s.call("POST", "model-versions/transition-stage", body={"name": "m", "version": "1", "stage": stage, **({} if archive is None else {"archive_existing_versions": archive})})
    for version, stage, archive in [("1", "Production", False), ("2", "Production", False), ("3", "Production", True), ("4", "Staging", True), ("1", "Staging", False), ("2", "None", False), ("9", "Staging", False), ("x", "Staging", False)]:
        s.post("model-versions/transition-stage", name="m", version=version, stage=stage, archive_existing_versions=archive)
        s.post("registered-models/get-latest-versions", name="m")
        s.get("registered-models/get", name="m")
    for stages in ([], ["Production"], ["production", "STAGING"], ["None"], ["Archived"], ["Nope"], ["Production", "Nope"], ["latest"], [""], "Production", [5], None):
        s.call("POST", "registered-models/get-latest-versions", body={"name": "m", "stages": stages})
    s.get("registered-models/get-latest-versions", name="m", stages=["Production", "Archived"])
    s.post("registered-models/get-latest-versions", name="none")
    for alias in ("best", "Best", "a-b_c", "a b", "a.b", "a/b", "latest", "LATEST", "v1", "V12", "v1x", "version", "1", "", "x" * 255, "x" * 256, "ü", None, 5, "a:b", "champion@x"):
        for version in ("1", "2", "99"):
            s.call("POST", "registered-models/alias", body={"name": "m", "alias": alias, "version": version})
        s.get("registered-models/alias", name="m", **({} if alias is None else {"alias": alias}))
    for version in ("x", "", "1.0", "-1", None, 1, " 2"):
        s.call("POST", "registered-models/alias", body={"name": "m", "alias": "odd", "version": version})
    s.get("registered-models/get", name="m")
    for version in "1234":
        s.get("model-versions/get", name="m", version=version)
    for alias in ("best", "best", "nothing", "a b", "", "latest"):
        s.call("DELETE", "registered-models/alias", body={"name": "m", "alias": alias})
        s.call("DELETE", "registered-models/alias", body={"name": "none", "alias": alias})
    s.get("registered-models/alias", name="none", alias="best")
    s.call("POST", "registered-models/alias", body={"name": "none", "alias": "best", "version": "1"})
    for version in ("1", "9", "x", "", "01", " 1", "1.5", "-1", None):
        for path in ("get", "get-download-uri"):
            s.call("GET", f"model-versions/{path}", query={"name": "m", **({} if version is None else {"version": version})})
        for description in ("new", "", None):
            s.call("PATCH", "model-versions/update", body={"name": "m", "version": version, "description": description})
        for key, value in (("k", "v"), ("k", ""), ("a*b", "v"), ("k", None), ("", "v")):
            s.call("POST", "model-versions/set-tag", body={"name": "m", "version": version, "key": key, "value": value})
        s.call("DELETE", "model-versions/delete-tag", body={"name": "m", "version": version, "key": "k"})
        s.call("DELETE", "model-versions/delete-tag", body={"name": "m", "version": version, "key": "nothing"})
    s.call("PATCH", "model-versions/update", body={"name": "m", "version": "1"})
    for path in ("get", "get-download-uri"):
        s.get(f"model-versions/{path}", name="none", version="1")
    s.call("PATCH", "model-versions/update", body={"name": "none", "version": "1", "description": "d"})
    s.post("registered-models/alias", name="m", alias="last", version="3")
    for _ in range(2):
        s.call("DELETE", "model-versions/delete", body={"name": "m", "version": "4"})
    s.call("DELETE", "model-versions/delete", body={"name": "none", "version": "4"})
    s.get("model-versions/get", name="m", version="4")
    s.get("model-versions/search", filter="name = 'm'")
    s.post("model-versions/create", name="m", source="s3://b/next")
    s.get("registered-models/get", name="m")


SOURCES = [
    "s3://b/p", "s3://b", "s3://b/", "s3://b/a/../c", "s3://b/%2e%2e/c", "s3://b/%252e%252e/c", "s3://b/a//c", "s3://b/a/./c", "s3:/b/c", "gs://b/p", "dbfs:/x", "dbfs:x", "hdfs://h/p", "ftp://h/p", "http://h/p", "http://h", "http://h/../p", "https://h/p?x=../y", "https://h/p#../y", "http:///p", "http://h/%2e%2e/p",
    "mlflow-artifacts:/0/x", "mlflow-artifacts:/../x", "mlflow-artifacts:x", "mlflow-artifacts://h/x", "mlflow-artifacts:/%2E%2E/x", "mlflow-artifacts:/a/..", "mlflow-artifacts:/a/b/..", "mlflow-artifacts:/", "runs:/x/y", "runs:/x/../y", "runs:x",
    "models:/none/1", "models:/m/1", "models:/m/9", "models:/m@best", "models:/m/Production", "models:/m/latest", "models:/m", "models:/m-" + "0" * 32, "models:/", "models:/m/1/x", "models:x",
    "/etc", "etc", "./etc", "../etc", "file:///etc", "file:/etc", "file://localhost/etc", "file://host/etc", "file:etc", "c:/x", "C:\\x", "\\\\h\\x", "//etc", "/etc/../x", "~/x", "file:///%2e%2e/etc", "x" * 501, "s3://" + "x" * 495, "s3://" + "x" * 496, "s3://b/p\0x", "s3://b/p x", "s3://b/p?x", "s3://b/p#x", "s3://b/p;x", "weird://a/b", "a:b", "", " ", "dummy-source",
]


def sources(s):
    """sources: schemes, traversal in every spelling, models:/ references, prompts, copies"""
    run = s.post("runs/create", experiment_id="0", start_time=1)["run"]["info"]
    model = s.post("logged-models", experiment_id="0", name="lm", source_run_id=run["run_id"])["model"]["info"]
    s.post("registered-models/create", name="m")
    s.post("model-versions/create", name="m", source="s3://b/first", run_id=run["run_id"])
    s.post("registered-models/alias", name="m", alias="best", version="1")
    s.post("registered-models/create", name="prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    prompt = {"name": "prompt", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    s.post("registered-models/create", **{**prompt, "name": "odd prompt"})
    for source in SOURCES:
        made = s.post("model-versions/create", name="m", source=source).get("model_version")
        if made:
            s.get("model-versions/get-download-uri", name="m", version=made["version"])
        s.post("model-versions/create", name="m", source=source, run_id=run["run_id"])
        s.post("model-versions/create", name="m", source=source, model_id=model["model_id"])
        made = s.post("model-versions/create", **{**prompt, "name": "odd prompt"}, source=source).get("model_version", {})
        # what one of them refuses must not shift the numbers of those that follow
        s.call("DELETE", "registered-models/delete", body={"name": "odd prompt"})
        s.post("registered-models/create", **{**prompt, "name": "odd prompt"})
    for text in ("dummy-source", "prompt-text"):
        s.post("model-versions/create", **prompt, source=text)
    for source in (run["artifact_uri"], run["artifact_uri"] + "/model", f"runs:/{run['run_id']}/model", f"models:/{model['model_id']}", model["artifact_uri"]):
        made = s.post("model-versions/create", name="m", source=source, run_id=run["run_id"]).get("model_version", {})
        s.get("model-versions/get-download-uri", name="m", version=made.get("version", "0"))
        made = s.post("model-versions/create", name="m", source=source, model_id=model["model_id"]).get("model_version", {})
        s.get("model-versions/get-download-uri", name="m", version=made.get("version", "0"))
    for run_id in ("none", "", "a/b", "0" * 32, "../x"):
        s.post("model-versions/create", name="m", source="s3://b/p", run_id=run_id)
    for model_id in ("none", "", "m-" + "0" * 32):
        s.post("model-versions/create", name="m", source="s3://b/p", model_id=model_id)
    s.post("model-versions/create", name="none", source="s3://b/p")
    s.get(f"logged-models/{model['model_id']}")
    s.post("registered-models/create", name="prompt")
    s.post("registered-models/create", name="m", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    s.get("registered-models/get", name="prompt")
    s.get("registered-models/search", filter="tags.`mlflow.prompt.is_prompt` = 'true'")
    s.get("registered-models/search", filter="name = 'prompt' and tags.`mlflow.prompt.is_prompt` != 'true'")
    s.get("registered-models/search", filter="name ILIKE '%prompt'")
    s.get("model-versions/search", filter="name = 'prompt'")
    s.get("model-versions/search", filter="name = 'prompt' and tags.`mlflow.prompt.is_prompt` = 'true'", order_by=["version_number ASC"])
    s.post("model-versions/transition-stage", name="prompt", version="1", stage="Production", archive_existing_versions=False)
    s.post("registered-models/rename", name="prompt", new_name="prompt2")
    s.call("DELETE", "registered-models/delete", body={"name": "prompt2"})
    s.call("DELETE", "registered-models/delete", body={"name": "prompt"})
