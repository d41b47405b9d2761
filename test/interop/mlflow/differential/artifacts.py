"""The artifact proxy and the artifact routes of runs: list, upload, download, delete, multipart, every path that must be refused."""
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
BAD_PATHS = ["../x", "a/../../x", "a/../x", "..", "/x", "a//x", "%2e%2e/x", "%2e%2e%2fx", "..%2fx", "%252e%252e%252fx", "%25252e%25252e/x", "a/%2e%2e/%2e%2e/x", "a%5c..%5cx", "..\\x", "C:/x", "C:%5cx", "c:\\x", "C:x", "file:///etc/passwd", "file:/etc/passwd", "file:x", "a#b", "a%23b", "a%3Fb", "a;b", "a%00b", "a%0ab", "~/x", "a b", "a%20b", "a+b", "%", "%zz", "%2", "ü", "%C3%BC", "a:b", "a/b/", "%2Fetc%2Fpasswd", "%2F%2Fx", "\\x", "%5Cx", "x" * 300, "a/" * 60 + "b", "...", "....//x", "a/...", "a\\b", "http://h/x", "s3://b/x", "${x}", "`x`"]


def named_headers(s):
    """Of the last answer: what a download says of itself."""
    answer = s.answers[-1][3]
    said = {name: answer.headers.get(name) for name in ("Content-Type", "Content-Disposition", "X-Content-Type-Options") if answer.status_code == 200}
    s.answers.append((f"headers of {s.answers[-1][0]}", answer.status_code, said, answer))


def proxy(s):
    """the proxy: files, folders, types, deletion, multipart, paths"""
    put = lambda path, data, **h: s.call("PUT", f"{PROXY}/{path}", data=data, headers={"Content-Type": "text/plain", **h}, label=f"PUT {path} {data[:20]!r}")
    for name in ("MLmodel", "a.txt", "a.json", "a.yaml", "a.html", "a.svg", "a.png", "a.js", "a.css", "a.bin", "a", "a.csv", "a.pdf", "a.onnx", "a.pkl", "a.tar.gz", "a.zip", "conda.yaml", "a.xml", "a.md", "a.ipynb", "a.parquet", ".hidden", "with space.txt", "a'b.txt", 'a"b.txt', "a;b.txt", "a,b.txt", "a.py", "a.log", "a.webp", "a.mp4", "a.gz", "a.tsv", "a.toml"):
        put(f"types/{name}", b"x" * 10)
        s.call("GET", f"{PROXY}/types/{name}")
        named_headers(s)
    put("empty.txt", b"")
    s.call("PUT", f"{PROXY}/nothing.txt", data=iter([]), label="PUT chunked and empty")
    for path in ("empty.txt", "nothing.txt", "types/a.txt", "types", "none", "types/none", "types/a.txt/x", ""):
        if path not in ("types", ""):
            s.call("GET", f"{PROXY}/{path}")
        s.call("GET", PROXY, query={"path": path})
        s.call("HEAD", f"{PROXY}/{path}") if path not in ("types", "") else None
    put("types/a.txt", b"replaced")
    s.call("GET", f"{PROXY}/types/a.txt")
    put("deep/er/and/er/x.txt", b"deep")
    s.call("GET", PROXY)
    s.call("GET", PROXY, query={"path": "deep"})
    s.call("GET", PROXY, query={"path": "deep/er/and"})
    s.call("GET", PROXY, query={"path": "deep/"})
    for path in ("deep/er/and/er/x.txt", "deep", "deep", "none", "types/a.json"):
        s.call("DELETE", f"{PROXY}/{path}")
    s.call("GET", PROXY)
    for step, body in [("create", {"path": "p", "num_parts": 2}), ("create", {}), ("complete", {"path": "p", "upload_id": "u", "parts": []}), ("abort", {"path": "p", "upload_id": "u"}), ("create", {"path": "p", "num_parts": "x"}), ("complete", {}), ("abort", {})]:
        for path in ("x", "x/y", "../x", "%2e%2e/x"):
            s.call("POST", f"/api/2.0/mlflow-artifacts/mpu/{step}/{path}", body=body)
    for path in ("x", "../x", "types/a.txt"):
        s.call("GET", f"/api/2.0/mlflow-artifacts/presigned/{path}")


def paths(s):
    """paths that reach out, in every spelling, on every route"""
    run = s.post("runs/create", experiment_id="0", start_time=1)["run"]["info"]["run_id"]
    s.post("registered-models/create", name="m")
    s.post("model-versions/create", name="m", source="mlflow-artifacts:/0/x")
    model = s.post("logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
    for path in BAD_PATHS:
        raw(s, "GET", f"{PROXY}/{path}")
        raw(s, "PUT", f"{PROXY}/{path}")
        raw(s, "DELETE", f"{PROXY}/{path}")
        s.call("GET", PROXY, query={"path": path})
        s.get("artifacts/list", run_id=run, path=path)
        s.call("GET", "/get-artifact", query={"run_id": run, "path": path})
        s.call("GET", "/get-artifact", query={"run_uuid": run, "path": path})
        s.call("GET", "/model-versions/get-artifact", query={"name": "m", "version": "1", "path": path})
        s.call("GET", f"logged-models/{model}/artifacts/directories", query={"artifact_directory_path": path})
        s.call("GET", f"logged-models/{model}/artifacts/files", query={"artifact_file_path": path}, ajax=True)
        s.call("POST", "upload-artifact", query={"run_uuid": run, "path": path}, data=b"x", ajax=True)


def raw(s, method, path):
    """Sends a path exactly as written; requests would tidy it."""
    import http.client
    import urllib.parse
    at = urllib.parse.urlsplit(s.url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
    target = urllib.parse.quote(path, safe="/%#?;:\\+~$`!@&=,.'()*[]")
    target = target.replace("#", "%23") if "#" in path else target
    connection.putrequest(method, target, skip_accept_encoding=True)
    body = b"x" if method == "PUT" else b""
    if body:
        connection.putheader("Content-Length", "1")
        connection.putheader("Content-Type", "text/plain")
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode("utf8", "replace")
    connection.close()

    class Answer:
        status_code = answer.status
        headers = dict(answer.getheaders())
    Answer.text = text
    import json
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    s.answers.append((f"{method} {target}", answer.status, s.normal(parsed, Answer), Answer))


def of_runs(s):
    """artifacts of runs, versions and logged models: list, fetch, upload of the pages"""
    info = s.post("runs/create", experiment_id="0", start_time=1)["run"]["info"]
    run = info["run_id"]
    for path, data in (("a.txt", b"a"), ("dir/b.txt", b"bb"), ("dir/sub/c.html", b"<b>"), ("MLmodel", b"flavors: {}")):
        s.call("PUT", f"{PROXY}/0/{run}/artifacts/{path}", data=data)
    for path in (None, "", "dir", "dir/", "dir/sub", "a.txt", "none", "dir/none", "/dir"):
        s.call("GET", "artifacts/list", query={"run_id": run, **({} if path is None else {"path": path})})
        s.call("GET", "artifacts/list", query={"run_uuid": run, **({} if path is None else {"path": path})})
    s.get("artifacts/list", run_id="0" * 32)
    s.get("artifacts/list")
    s.get("artifacts/list", run_id=run, page_token="x")
    for query in ({"run_id": run, "path": "a.txt"}, {"run_uuid": run, "path": "dir/sub/c.html"}, {"run_id": run, "path": "MLmodel"}, {"run_id": run, "path": "none"}, {"run_id": run}, {"path": "a.txt"}, {"run_id": "0" * 32, "path": "a.txt"}, {}):
        s.call("GET", "/get-artifact", query=query)
        named_headers(s)
        s.call("GET", "/ajax-api/2.0/mlflow/get-artifact", query=query)
    s.post("registered-models/create", name="m")
    s.post("model-versions/create", name="m", source=info["artifact_uri"] + "/dir", run_id=run)
    for query in ({"name": "m", "version": "1", "path": "b.txt"}, {"name": "m", "version": "1", "path": "none"}, {"name": "m", "version": "1"}, {"name": "m", "path": "b.txt"}, {"version": "1", "path": "b.txt"}, {"name": "m", "version": "9", "path": "b.txt"}, {"name": "none", "version": "1", "path": "b.txt"}, {"name": "m", "version": "x", "path": "b.txt"}):
        s.call("GET", "/model-versions/get-artifact", query=query)
        s.call("GET", "/ajax-api/2.0/mlflow/model-versions/get-artifact", query=query)
    for query, data in (({"run_uuid": run, "path": "up.txt"}, b"up"), ({"run_uuid": run, "path": "up/there.json"}, b"{}"), ({"run_uuid": run, "path": "up.txt"}, b""), ({"run_uuid": run}, b"x"), ({"path": "x"}, b"x"), ({}, b"x"), ({"run_uuid": "0" * 32, "path": "x"}, b"x"), ({"run_uuid": run, "path": "big"}, b"x" * (10 * 1024 * 1024 + 1)), ({"run_uuid": run, "path": ""}, b"x"), ({"run_uuid": "", "path": "x"}, b"x")):
        s.call("POST", "upload-artifact", query=query, data=data, ajax=True, label=f"upload {query} {len(data)}")
    s.get("artifacts/list", run_id=run)
    for direction in ("upload", "download"):
        s.call("POST", f"artifacts/presigned-{direction}-url", body={"run_id": run, "path": "x"})
    model = s.post("logged-models", experiment_id="0", name="lm", source_run_id=run)["model"]["info"]
    for path, data in (("MLmodel", b"flavors: {}"), ("dir/x.bin", b"x")):
        s.call("PUT", f"{PROXY}/0/models/{model['model_id']}/artifacts/{path}", data=data)
    for path in (None, "", "dir", "none", "MLmodel"):
        s.call("GET", f"logged-models/{model['model_id']}/artifacts/directories", query={} if path is None else {"artifact_directory_path": path})
        s.call("GET", f"logged-models/{model['model_id']}/artifacts/files", query={} if path is None else {"artifact_file_path": path}, ajax=True)
    s.call("GET", f"logged-models/m-{'0' * 32}/artifacts/directories")
    s.call("GET", f"logged-models/m-{'0' * 32}/artifacts/files?artifact_file_path=x", ajax=True)
