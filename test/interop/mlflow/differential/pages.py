"""What MLflow's pages ask: GraphQL, runs saved by the prompt page, uploads."""
import json

HOME = "mlflowGetExperiment(input: {experimentId: \"%s\"}) { experiment { name } }"


def graphql(s):
    """pages: GraphQL queries, and queries of too much"""
    home = s.post("experiments/create", name="queried", tags=[{"key": "t", "value": "v"}])["experiment_id"]
    run = s.post("runs/create", experiment_id=home, run_name="rn", start_time=5, user_id="u", tags=[{"key": "t", "value": "v"}])["run"]["info"]["run_id"]
    other = s.post("runs/create", experiment_id=home, start_time=1)["run"]["info"]["run_id"]
    for step in range(3):
        s.post("runs/log-metric", run_id=run, key="m", value=step + 0.5, timestamp=1000 + step, step=step)
    s.post("runs/log-metric", run_id=run, key="nan", value="NaN", timestamp=1000, step=1)
    s.post("runs/log-parameter", run_id=run, key="p", value="1")
    s.post("runs/update", run_id=run, status="FINISHED", end_time=9)
    s.post("registered-models/create", name="queried")
    s.post("model-versions/create", name="queried", source="mlflow-artifacts:/x", run_id=run)
    s.call("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{home}/{run}/artifacts/d/f.txt", data=b"hello", label="a file")

    def ask(query, label=None, **more):
        s.call("POST", "/graphql", body={"query": query, "variables": {}, **more}, label=label or f"graphql {query} {json.dumps(more)}")

    def with_input(field, kind, selection, **values):
        ask(f"query Q($i: {kind}) {{ {field}(input: $i) {{ {selection} }} }}", variables={"i": values})
    ask(f"query {{ mlflowGetExperiment(input: {{experimentId: \"{home}\"}}) {{ experiment {{ experimentId name artifactLocation lifecycleStage creationTime lastUpdateTime tags {{ key value }} }} apiError {{ code message helpUrl }} }} }}")
    for wrong in ("4242", "abc"):
        ask("query { %s }" % HOME % wrong)
    whole = "run { info { runId runUuid runName experimentId userId status startTime endTime artifactUri lifecycleStage } data { metrics { key value timestamp step } params { key value } } experiment { name experimentId } modelVersions { name version status source runId } inputs { datasetInputs { dataset { name } } modelInputs { modelId } } outputs { modelOutputs { modelId step } } } apiError { code }"
    for id in (run, other, "none"):
        with_input("mlflowGetRun", "MlflowGetRunInput", whole, runId=id)
    found = "runs { info { runId status } data { metrics { key value step timestamp } } } nextPageToken apiError { message }"
    for values in [{}, {"maxResults": 1}, {"filter": "metrics.m > 0"}, {"filter": "bad"}, {"orderBy": ["start_time ASC"]}, {"maxResults": 0}]:
        with_input("mlflowSearchRuns", "MlflowSearchRunsInput", found, experimentIds=[home], **values)
    history = "metrics { key value timestamp step runId }"
    for values in [{"runIds": [run, other], "metricKey": "m", "maxResults": 10}, {"runIds": [run], "metricKey": "m", "startStep": 1, "endStep": 2}, {"runIds": [run], "metricKey": "none"}, {"runIds": [run], "metricKey": "m", "startStep": 1}]:
        with_input("mlflowGetMetricHistoryBulkInterval", "MlflowGetMetricHistoryBulkIntervalInput", history, **values)
    versions = "modelVersions { name version creationTimestamp lastUpdatedTimestamp userId currentStage description source runId status statusMessage runLink tags { key value } aliases } nextPageToken"
    for filter in (f"run_id = '{run}'", "name = 'none'", "bad"):
        with_input("mlflowSearchModelVersions", "MlflowSearchModelVersionsInput", versions, filter=filter)
    for values in [{"runId": run}, {"runId": run, "path": "d"}, {"runId": run, "path": "../x"}, {"runId": "none"}]:
        with_input("mlflowListArtifacts", "MlflowListArtifactsInput", "rootUri files { path isDir fileSize } nextPageToken", **values)
    ask("query A { %s } query B { test(inputString: \"x\") { output } }" % HOME % home, operationName="B")
    for query in ["query { test(inputString: \"x\") { output } }", "{ test(inputString: \"x\") { output } }", "query { none }", "query { test { none } }", "query { mlflowGetExperiment(input: {none: 1}) { experiment { name } } }", "query { mlflowGetExperiment(input: {experimentId: 0}) { experiment { name } } }", "query A { test { output } } query B { test { output } }", "query { ... on Query { test(inputString: \"x\") { output } } }"]:
        ask(query)
    for count in (10, 11, 50):
        ask("query { %s }" % " ".join(f"a{i}: {HOME % home}" for i in range(count)), label=f"graphql {count} roots")
    ask("query { %s }" % " ".join(f"a{i}: test(inputString: \"x\") {{ output }}" for i in range(1001)), label="graphql 1001 roots")
    ask("query { mlflowGetExperiment(input: {experimentId: \"%s\"}) { experiment { %s } } }" % (home, " ".join(f"a{i}: name" for i in range(300))), label="graphql 300 aliases")


def prompts(s):
    """pages: runs of the prompt page, uploads"""
    home = s.post("experiments/create", name="prompted")["experiment_id"]
    pair = lambda key, value: {"key": key, "value": value}
    whole = {"experiment_id": home, "prompt_template": "my {{ x }}", "prompt_parameters": [pair("x", "1")], "model_route": "r", "model_parameters": [pair("temperature", "0.1")], "model_output_parameters": [pair("latency", "100")], "model_output": "out", "model_input": "in", "mlflow_version": "1.0", "user_id": "u", "start_time": 456}
    path = "/ajax-api/2.0/mlflow/runs/create-promptlab-run"
    s.call("POST", path, body={})
    for name in ("experiment_id", "prompt_template", "prompt_parameters", "model_route", "model_input", "mlflow_version"):
        s.call("POST", path, body={key: value for key, value in whole.items() if key != name})
        s.call("POST", path, body={**whole, name: [] if name == "prompt_parameters" else ""})
    s.call("POST", path, body={**whole, "experiment_id": "4242"})
    for name in ("model_parameters", "model_output_parameters", "model_output", "user_id", "start_time"):
        s.call("POST", path, body={key: value for key, value in whole.items() if key != name})
    run = s.call("POST", path, body={**whole, "run_name": ""}).get("run", {}).get("info", {}).get("run_id", "none")
    s.get("runs/get", run_id=run)
    s.call("GET", "/get-artifact", query={"run_id": run, "path": "eval_results_table.json"})
    s.call("GET", "/get-artifact", query={"run_id": run, "path": "model/requirements.txt"})
    for query, data in [({}, b"x"), ({"run_uuid": run}, b"x"), ({"run_uuid": run, "path": ""}, b"x"), ({"run_uuid": run, "path": "../x"}, b"x"), ({"run_uuid": run, "path": "a.txt"}, b""), ({"run_uuid": run, "path": "a/b.txt"}, b"hello"), ({"run_uuid": "none", "path": "b.txt"}, b"hello"), ({"run_uuid": run, "path": "large"}, b"x" * (10 * 1024 * 1024 + 1))]:
        s.call("POST", "/ajax-api/2.0/mlflow/upload-artifact", query=query, data=data, label=f"upload {json.dumps(query)}")
    s.get("artifacts/list", run_id=run, path="a")
