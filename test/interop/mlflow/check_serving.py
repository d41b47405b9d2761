"""`mlflow models serve` on models that stand in the embedded registry: check_serving.py URL FOLDER. Prints ok / NOT OK lines and `N passed, N failed`.

FOLDER is that of make-models.ts after publish-models.ts: rows, Requeen's probabilities, and the name under which each model is registered.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np

ROWS = 500
MOST_DIFFERENCE = 1e-6
READY_WITHIN_S = 120
url, folder = sys.argv[1:]
bin_folder = pathlib.Path(sys.executable).parent
release = subprocess.run([bin_folder / "mlflow", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
passed = failed = 0


def check(title, holds, seen=""):
    global passed, failed
    passed, failed = (passed + 1, failed) if holds else (passed, failed + 1)
    print(f"{'ok' if holds else 'NOT OK'} - mlflow {release} models serve: {title}{'' if holds else f' ({seen})'}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, body):
    """Status and answer of one scoring request; `body` is JSON text, NaN allowed as Python writes it."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body.encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def is_ready(port, server):
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                return True
        except OSError:
            time.sleep(0.3)
    return False


def check_model(home):
    classes = json.loads((home / "classes.json").read_text())
    name = json.loads((home / "published.json").read_text())["name"]
    rows = np.fromfile(home / "rows.f32", dtype="<f4").reshape(10_000, -1)[:ROWS]
    ours = np.fromfile(home / "expected.f64", dtype="<f8").reshape(10_000, len(classes))[:ROWS]
    port = free_port()
    with open(home / "serve.log", "w") as log:
        server = subprocess.Popen(
            [bin_folder / "mlflow", "models", "serve", "-m", f"models:/{name}@champion", "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "MLFLOW_TRACKING_URI": url, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        ready = is_ready(port, server)
        check(f"{home.name} answers", ready, (home / "serve.log").read_text()[-500:])
        if not ready:
            return
        with_nan = json.dumps({"inputs": rows.tolist()})
        for title, body in [("NaN", with_nan), ("null", with_nan.replace("NaN", "null"))]:
            status, answer = ask(port, body)
            theirs = np.asarray(answer["predictions"]["probabilities"]) if status == 200 else np.zeros(0)
            difference = np.max(np.abs(theirs - ours)) if theirs.shape == ours.shape else answer
            check(f"{home.name}: our probabilities, missing values as {title}", not isinstance(difference, (str, dict)) and difference < MOST_DIFFERENCE, difference)
        status, answer = ask(port, json.dumps({"inputs": rows[:, :-1].tolist()}))
        check(f"{home.name}: a row that is too short is refused", status == 400 and "shape" in str(answer), (status, answer))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


for model in ("forest-4-classes", "boosting-3-classes-temperature", "logistic-4-classes"):
    check_model(pathlib.Path(folder) / model)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
