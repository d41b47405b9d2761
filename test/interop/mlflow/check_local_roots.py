"""Artifacts in local folders that clients name (--allow-local-artifact-roots): check_local_roots.py URL ROOT CWD, the server's."""
import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"

import requests
from mlflow import MlflowClient

url, root, cwd = sys.argv[1:4]
client = MlflowClient(tracking_uri=url, registry_uri=url)
passed = 0


def ok(claim, condition, seen=""):
    global passed
    if not condition:
        print("NOT OK", claim, seen)
        print(f"{passed} passed, 1 failed")
        sys.exit(1)
    passed += 1
    print("ok", claim)


experiment = client.get_experiment(client.create_experiment("rooted"))
ok("a new experiment lies below the default root", experiment.artifact_location == f"{root}/{experiment.experiment_id}", experiment.artifact_location)
relative = client.get_experiment(client.create_experiment("relative", artifact_location="my_location"))
ok("a relative location is taken from the server's working directory", relative.artifact_location == f"{cwd}/my_location", relative.artifact_location)
for location in (experiment, relative):
    run = client.create_run(location.experiment_id)
    run_id, uri = run.info.run_id, run.info.artifact_uri
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/a.txt", "w") as file:
            file.write("hello")
        client.log_artifact(run_id, f"{folder}/a.txt", "d")
    path = uri.removeprefix("file://")
    ok("the client writes where the server said", open(f"{path}/d/a.txt").read() == "hello")
    listed = requests.get(f"{url}/api/2.0/mlflow/artifacts/list", params={"run_id": run_id, "path": "d"}).json()
    ok("the server lists it", listed == {"root_uri": uri, "files": [{"path": "d/a.txt", "is_dir": False, "file_size": 5}]}, listed)
    got = requests.get(f"{url}/get-artifact", params={"run_id": run_id, "path": "d/a.txt"})
    ok("and serves it", (got.status_code, got.text) == (200, "hello"), got.text)
    sent = requests.post(f"{url}/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run_id, "path": "up/b.txt"}, data=b"bytes")
    ok("and stores what its pages upload", sent.status_code == 200 and open(f"{path}/up/b.txt").read() == "bytes", sent.text)
    name = f"m{location.experiment_id}"
    client.create_registered_model(name)
    for source in (uri, f"{uri}/d", path, f"{path}/d"):
        ok(f"a version may come from its run's folder", client.create_model_version(name, source, run_id).source == source)
    for source in (f"{uri}/..", f"{path}/../..", "/tmp", "file:///etc"):
        answer = requests.post(f"{url}/api/2.0/mlflow/model-versions/create", json={"name": name, "source": source, "run_id": run_id})
        ok("but not from outside", answer.status_code == 400 and "To use a local path as a model version" in answer.json()["message"], answer.text)
    got = requests.get(f"{url}/model-versions/get-artifact", params={"name": name, "version": "2", "path": "a.txt"})
    ok("and its files are served", (got.status_code, got.text) == (200, "hello"), got.text)
print(f"{passed} passed, 0 failed")
