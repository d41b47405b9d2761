"""Traces, their spans, assessments, searches and links."""
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

V3 = "/api/3.0/mlflow/"
V2 = "/api/2.0/mlflow/"
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def place(experiment):
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}


def start(s, trace, experiment="0", **info):
    body = {"trace_id": trace, "trace_location": place(experiment), "request_time": "2025-01-01T00:00:00.123Z", "state": "OK", **info}
    return s.call("POST", f"{V3}traces", body={"trace": {"trace_info": body}})


def read(s, trace):
    s.call("GET", f"{V3}traces/{trace}")


def search(s, experiment, **more):
    """The ids alone: a difference then shows the search."""
    s.call("POST", f"{V3}traces/search", body={"locations": [place(experiment)], **more})


def span(trace, id, parent="", name="span", start=1735689600000000000, end=1735689601500000000, status=1, message="", attributes={}, event=False):
    request = ExportTraceServiceRequest()
    made = request.resource_spans.add().scope_spans.add().spans.add()
    made.trace_id, made.span_id, made.parent_span_id = bytes.fromhex(trace), bytes.fromhex(id), bytes.fromhex(parent)
    made.name, made.start_time_unix_nano, made.end_time_unix_nano = name, start, end
    made.status.code, made.status.message = status, message
    for key, value in attributes.items():
        attribute = made.attributes.add()
        attribute.key = key
        fill(attribute.value, value)
    if event:
        noted = made.events.add()
        noted.name, noted.time_unix_nano = "noted", start + 7
        attribute = noted.attributes.add()
        attribute.key, attribute.value.string_value = "k", "v"
    return request


def fill(into, value):
    if isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int):
        into.int_value = value
    elif isinstance(value, float):
        into.double_value = value
    elif isinstance(value, list):
        for item in value:
            fill(into.array_value.values.add(), item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            pair = into.kvlist_value.values.add()
            pair.key = key
            fill(pair.value, inner)
    else:
        into.string_value = value


def export(s, label, *requests, experiment="0", headers=PROTOBUF):
    whole = ExportTraceServiceRequest()
    for request in requests:
        whole.resource_spans.extend(request.resource_spans)
    s.call("POST", "/v1/traces", data=whole.SerializeToString(), headers={**headers, "x-mlflow-experiment-id": experiment}, label=f"export {label}")


def lives(s):
    """traces: start, start again, tags, protocol 2, links, deletion"""
    home = s.post("experiments/create", name="traces live")["experiment_id"]
    for body in [{}, {"trace": None}]:
        s.call("POST", f"{V3}traces", body=body)
    start(s, "tr-far", "4242")
    start(s, "tr-1", home)
    start(s, "tr-1", home, tags={"a": "1", "mlflow.traceName": "n"}, trace_metadata={"m": "1"}, request_preview="p", execution_duration="1s", client_request_id="c")
    start(s, "tr-1", home, tags={"a": "2", "b": "1"}, trace_metadata={"n": "1"}, response_preview="r", state="ERROR", request_time="2025-01-02T00:00:00Z")
    for duration in ("0s", "1.5s", "0.001s", "0.0019s", "100s", "3600.25s"):
        start(s, f"tr-{duration}", home, execution_duration=duration)
    for state in ("OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED", 1, 2):
        start(s, f"tr-state-{state}", home, state=state)
    for time in ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00.5Z", "2025-01-01T00:00:00.123456Z", "2025-01-01T01:00:00+01:00"):
        start(s, f"tr-{time[-8:]}", home, request_time=time)
    start(s, "tr-long", home, tags={"k": "y" * 9000}, trace_metadata={"k": "x" * 9000}, request_preview="q" * 1100)
    for trace in ("tr-1", "tr-long", "none"):
        read(s, trace)
        s.call("GET", f"{V2}traces/{trace}/info")
        s.call("GET", f"{V3}traces/get", query={"trace_id": trace})
    s.call("GET", f"{V3}traces/get")
    for ids in ([], ["tr-1"], ["none"], ["tr-2", "tr-1", "tr-1"]):
        s.call("POST", f"{V3}traces/batchGetInfos", body={"trace_ids": ids})
    s.call("POST", f"{V3}traces/batchGetInfos", body={})
    s.call("GET", f"{V3}traces/batchGet", query={"trace_ids": ["none"]})
    s.call("GET", f"{V3}traces/batchGet")
    for prefix in (V2, V3):
        for key, value in [("a", "b"), ("a", ""), ("a", None), (None, "b"), ("", "b"), ("x" * 250, "b"), ("x" * 251, "b"), ("a*b", "b"), ("a/../b", "b"), ("long", "z" * 8001), ("mlflow.traceName", "renamed")]:
            s.call("PATCH", f"{prefix}traces/tr-1/tags", body={"key": key, "value": value})
        s.call("PATCH", f"{prefix}traces/none/tags", body={"key": "a", "value": "b"})
        for trace, key in [("tr-1", "a"), ("tr-1", "a"), ("tr-1", None), ("none", "a"), ("tr-1", "long")]:
            s.call("DELETE", f"{prefix}traces/{trace}/tags", body={"key": key})
        read(s, "tr-1")
    pair = lambda key, value: {"key": key, "value": value}
    s.call("POST", f"{V2}traces", body={})
    s.call("POST", f"{V2}traces", body={"experiment_id": "4242", "timestamp_ms": 1})
    old = s.call("POST", f"{V2}traces", body={"experiment_id": home, "timestamp_ms": 123, "request_metadata": [pair("m", "1")], "tags": [pair("t", "2")]})["trace_info"]["request_id"]
    s.call("GET", f"{V2}traces/{old}/info")
    for body in [{"timestamp_ms": 500, "status": "OK", "request_metadata": [pair("m", "9"), pair("n", "1")], "tags": [pair("t", "3")]}, {"timestamp_ms": 600, "status": "ERROR"}, {"timestamp_ms": "700"}, {}]:
        s.call("PATCH", f"{V2}traces/{old}", body=body)
    s.call("PATCH", f"{V2}traces/none", body={"timestamp_ms": 1, "status": "OK"})
    read(s, old)
    run = s.post("runs/create", experiment_id=home)["run"]["info"]["run_id"]
    for body in [{"trace_ids": ["tr-1"], "run_id": run}, {"trace_ids": ["tr-1", "none"], "run_id": run}, {"trace_ids": [], "run_id": run}, {"trace_ids": ["tr-1"]}, {"trace_ids": ["x"] * 101, "run_id": run}, {"run_id": run}]:
        s.call("POST", f"{V2}traces/link-to-run", body=body)
    for body in [{"trace_id": "tr-1", "prompt_versions": [{"name": "p", "version": "1"}]}, {"trace_id": "none", "prompt_versions": [{"name": "p", "version": "1"}]}, {"trace_id": "tr-1"}, {}]:
        s.call("POST", f"{V2}traces/link-prompts", body=body)
    for filter in [f"run_id = '{run}'", f"attributes.run_id = '{run}'", "prompt = 'p/1'", "prompt = 'q/1'", "prompt = 'p'", "prompt LIKE 'p%'", "prompt IN ('p/1')"]:
        search(s, home, filter=filter)
    read(s, "tr-1")
    gone = s.post("experiments/create", name="traces go")["experiment_id"]
    for prefix in (V2, V3):
        for i in range(6):
            start(s, f"tr-go-{i}", gone, request_time=f"2025-01-01T00:00:0{i}Z")
        for body in [{}, {"experiment_id": gone}, {"experiment_id": gone, "request_ids": ["none"]}, {"experiment_id": home, "request_ids": ["tr-go-1"]}, {"experiment_id": gone, "max_timestamp_millis": 1, "request_ids": ["x"]}, {"experiment_id": gone, "max_traces": 1}, {"experiment_id": gone, "max_timestamp_millis": 1735689602000, "max_traces": 0}, {"experiment_id": gone, "max_timestamp_millis": 1735689602000, "max_traces": -1}, {"experiment_id": gone, "request_ids": ["tr-go-3"], "max_traces": 1}, {"experiment_id": "4242", "request_ids": ["x"]}]:
            s.call("POST", f"{prefix}traces/delete-traces", body=body)
        for body in [{"experiment_id": gone, "max_timestamp_millis": 1735689602000, "max_traces": 1}, {"experiment_id": gone, "request_ids": ["tr-go-3", "tr-go-3"]}, {"experiment_id": gone, "max_timestamp_millis": 1735689602000}, {"experiment_id": gone, "max_timestamp_millis": 1835689602000}]:
            s.call("POST", f"{prefix}traces/delete-traces", body=body)
            search(s, gone)
    s.post("experiments/delete", experiment_id=gone)
    start(s, "tr-late", gone)
    search(s, gone)


def spans(s):
    """traces: spans over OpenTelemetry's route, whole traces, their file"""
    home = s.post("experiments/create", name="traces of spans")["experiment_id"]
    one = "1".zfill(32)
    values = {"text": "plain", "number as text": "3", "true as text": "true", "broken": "{bad", "empty": "", "null as text": "null", "quoted": '"q"', "i": 3, "negative": -5, "large": 2**62, "f": 2.0, "g": 2.5, "tiny": 1e-9, "huge": 1e22, "b": True, "list": ["x", "ü"], "numbers": [1, 2.5], "map": {"a": 1, "b": {"c": "d"}}, "object": '{"a": [1, 2.0, null, {"b": true}]}', "mlflow.spanType": "LLM", "mlflow.spanInputs": '{"a": 1}', "mlflow.spanOutputs": "plain out"}
    export(s, "a root and its children", span(one, "00000000000000a1", name="root", attributes=values, event=True), span(one, "00000000000000a2", "00000000000000a1", "child", status=2, message="oh"), span(one, "00000000000000a3", "00000000000000a1", "unset", status=0, start=1735689600500000000, end=1735689602000000000), experiment=home)
    two = "2".zfill(32)
    export(s, "an orphan", span(two, "00000000000000b2", "00000000000000b1"), experiment=home)
    read(s, f"tr-{two}")
    export(s, "its root later", span(two, "00000000000000b1", name="root", status=2, attributes={"mlflow.spanInputs": '"in"'}), experiment=home)
    export(s, "its root again", span(two, "00000000000000b1", name="again", status=1, end=1735689609000000000), experiment=home)
    export(s, "two traces", span("3".zfill(32), "00000000000000c1"), span("4".zfill(32), "00000000000000c1", status=0), experiment=home)
    usage = lambda a, b: {"mlflow.chat.tokenUsage": '{"input_tokens": %d, "output_tokens": %d, "total_tokens": %d}' % (a, b, a + b)}
    five = "5".zfill(32)
    export(s, "tokens", span(five, "00000000000000d2", "00000000000000d1", attributes=usage(10, 20)), span(five, "00000000000000d1", attributes={}), span(five, "00000000000000d3", "00000000000000d1", attributes=usage(1, 2)), experiment=home)
    six = f"tr-{'6'.zfill(32)}"
    start(s, six, home, request_preview="mine", execution_duration="9s", tags={"mlflow.traceName": "six"})
    export(s, "spans after the start", span("6".zfill(32), "00000000000000e1", status=2, attributes={"mlflow.spanInputs": '"theirs"', "mlflow.spanOutputs": '"out"'}), experiment=home)
    start(s, f"tr-{two}", home, tags={"mlflow.traceName": "two"}, execution_duration="2s")
    traces = [f"tr-{id}" for id in (one, two, "3".zfill(32), "4".zfill(32), five)] + [six]
    for trace in traces:
        read(s, trace)
        s.call("GET", f"{V3}traces/get", query={"trace_id": trace})
        s.call("GET", f"{V3}traces/get", query={"trace_id": trace, "allow_partial": "true"})
        for version in ("2.0", "3.0"):
            s.call("GET", f"/ajax-api/{version}/mlflow/get-trace-artifact", query={"request_id": trace})
    s.call("GET", f"{V3}traces/batchGet", query={"trace_ids": [traces[2], traces[0], "none"]})
    s.call("GET", "/ajax-api/2.0/mlflow/get-trace-artifact", query={"request_id": "none"})
    s.call("GET", "/ajax-api/2.0/mlflow/get-trace-artifact")
    start(s, "tr-file", home)
    s.call("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{home}/traces/tr-file/artifacts/traces.json", data=b'{"spans": []}', label="the file of a trace")
    s.call("GET", "/ajax-api/2.0/mlflow/get-trace-artifact", query={"request_id": "tr-file"})
    header = {"x-mlflow-experiment-id": home}
    whole = span("7".zfill(32), "00000000000000f1").SerializeToString()
    for label, data, headers in [("nothing", b"", PROTOBUF), ("junk", b"junk", PROTOBUF), ("cut off", whole[:-3], PROTOBUF), ("as text", whole, {"Content-Type": "text/plain"}), ("as JSON", b"{}", {"Content-Type": "application/json"}), ("in an unknown encoding", whole, {**PROTOBUF, "Content-Encoding": "zz"})]:
        s.call("POST", "/v1/traces", data=data, headers={**headers, **header}, label=f"export {label}")
    s.call("POST", "/v1/traces", data=whole, headers=PROTOBUF, label="export to no experiment")
    for filter in ["span.name = 'again'", "span.name LIKE 'ro%'", "span.name ILIKE 'RO%'", "span.name != 'root'", "span.name IN ('root', 'x')", "span.name NOT IN ('root', 'child', 'unset')", "span.type = 'LLM'", "span.type IN ('LLM')", "span.status = 'ERROR'", "span.status != 'OK'", "span.name = 'child' AND span.type = 'LLM'", "span.name = 'root' AND span.type = 'LLM'", "span.content LIKE '%plain%'", "span.content ILIKE '%PLAIN%'", "trace.text LIKE '%plain%'", "span.content = 'x'", "trace.text = 'x'", "span.name > 'a'", "span.foo = 'x'", "span.attributes.text LIKE '%plain%'", "span.attributes.none LIKE '%'", "span.attributes.text > 'a'", "span.name = 3", "span.name = name"]:
        search(s, home, filter=filter)


def assessments(s):
    """traces: assessments written, read, changed, overridden, deleted"""
    start(s, "tr-judged", "0")
    path = f"{V3}traces/tr-judged/assessments"

    def judge(trace="tr-judged", **more):
        body = {"trace_id": trace, "assessment_name": "n", "source": {"source_type": "HUMAN", "source_id": "me"}, **more}
        return s.call("POST", f"{V3}traces/{trace}/assessments", body={"assessment": body}).get("assessment", {}).get("assessment_id")
    s.call("POST", path, body={})
    s.call("POST", path, body={"assessment": {}})
    judge()
    judge("none", feedback={"value": 1})
    judge(feedback={})
    first = judge(feedback={"value": True}, rationale="why", metadata={"a": "b"}, span_id="s1", create_time="2025-01-01T00:00:00Z", last_update_time="2025-01-01T00:00:01Z")
    for value in [False, 0, 3, 0.5, -1e30, "text", "", [1, 2.5, None, "s"], {"x": {"y": [True]}}, "ü"]:
        judge(feedback={"value": value})
        judge(expectation={"value": value})
    judge(feedback={"error": {"error_code": "E", "error_message": "m", "stack_trace": "st"}})
    judge(feedback={"value": 1, "error": {"error_code": "E"}})
    judge(expectation={"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": 1}'}})
    for source in [{"source_type": "LLM_JUDGE", "source_id": "gpt"}, {"source_type": "CODE"}, {}, {"source_type": "HUMAN", "source_id": ""}]:
        judge(feedback={"value": 1}, source=source)
    s.call("POST", path, body={"assessment": {"feedback": {"value": 1}}})
    for mine in ("a-mine", "a-mine"):
        judge(feedback={"value": 1}, assessment_id=mine)
    judge(feedback={"value": 1}, overrides="a-none")
    second = judge(feedback={"value": 2}, overrides=first)
    for id in (first, second, "a-none", "a-mine"):
        s.call("GET", f"{path}/{id}")
    s.call("GET", f"{V3}traces/none/assessments/{first}")
    expected = judge(expectation={"value": "yes"})

    def change(id, mask, **more):
        s.call("PATCH", f"{path}/{id}", body={"assessment": {"assessment_id": id, "trace_id": "tr-judged", **more}, "update_mask": mask})
    s.call("PATCH", f"{path}/{first}", body={})
    s.call("PATCH", f"{path}/{first}", body={"assessment": {"rationale": "no mask"}})
    change(first, "assessmentName", assessment_name="new")
    change(first, "feedback", feedback={"value": "s"})
    change(first, "feedback", feedback={"error": {"error_code": "E", "error_message": "m"}})
    change(first, "feedback,rationale,metadata", feedback={"value": 4}, rationale="r2", metadata={"c": "d"})
    change(first, "rationale")
    change(first, "expectation", expectation={"value": 1})
    change(expected, "feedback", feedback={"value": 1})
    change(expected, "expectation", expectation={"value": [1]})
    change("a-none", "rationale", rationale="x")
    change(first, "spanId", span_id="s2")
    read(s, "tr-judged")
    for id in (second, second, "a-none"):
        s.call("DELETE", f"{path}/{id}")
    s.call("DELETE", f"{V3}traces/none/assessments/{first}")
    s.call("GET", f"{path}/{first}")
    start(s, "tr-judged-at-once", "0", assessments=[{"assessment_name": "x", "trace_id": "tr-judged-at-once", "source": {"source_type": "HUMAN", "source_id": "me"}, "feedback": {"value": True}, "create_time": "2025-01-01T00:00:00Z", "last_update_time": "2025-01-01T00:00:00Z"}])


def searches(s):
    """traces: filters, orders, pages, correlation"""
    home = s.post("experiments/create", name="traces found")["experiment_id"]
    judged = lambda name, kind, value: {"assessment_name": name, "trace_id": "x", "source": {"source_type": "HUMAN", "source_id": "me"}, kind: {"value": value}}
    start(s, "tr-s1", home, request_time="2025-01-01T00:00:01Z", execution_duration="0.1s", trace_metadata={"mlflow.sourceRun": "r1", "m": "1"}, tags={"mlflow.traceName": "alpha", "k": "v1"}, assessments=[judged("ok", "feedback", True), judged("exp", "expectation", "yes")], client_request_id="c1")
    start(s, "tr-s2", home, request_time="2025-01-01T00:00:02Z", execution_duration="0.2s", state="ERROR", trace_metadata={"mlflow.sourceRun": "r2"}, tags={"mlflow.traceName": "beta", "k": "v2"}, assessments=[judged("ok", "feedback", False), judged("score", "feedback", 0.5), judged("exp", "feedback", "no")])
    start(s, "tr-s3", home, request_time="2025-01-01T00:00:03Z", execution_duration="0.3s", state="IN_PROGRESS", tags={"mlflow.traceName": "gamma", "a.b": "dotted", "a b": "blank"})
    start(s, "tr-s4", home, request_time="2025-01-01T00:00:04Z", tags={"K": "V1"})
    start(s, "tr-s5", home, request_time="2025-01-01T00:00:04Z", execution_duration="0.3s", tags={"k": "V1"})
    for filter in [None, "", "status = 'OK'", "status != 'OK'", "trace.status = 'ERROR'", "attributes.status = 'OK'", "attribute.status = 'OK'", "status IN ('OK','ERROR')", "status NOT IN ('OK')", "status LIKE 'O%'", "status ILIKE 'o%'", "status = 'ok'", "status = OK", "status > 'OK'", "status IS NULL", "timestamp_ms > 1735689602000", "timestamp >= 1735689602000", "trace.timestamp < 1735689602000", "timestamp_ms != 1735689602000", "execution_time_ms >= 200", "execution_time > 200", "trace.execution_time_ms < 300", "execution_time_ms = 300", "end_time_ms > 1735689602000", "end_time = 1735689603300", "duration > 1", "name = 'alpha'", "trace.name = 'alpha'", "name LIKE '%a%'", "name ILIKE 'AL%'", "name IN ('alpha','beta')", "name != 'alpha'", "name IS NULL", "name IS NOT NULL", "run_id = 'r1'", "run_id IN ('r1','r2')", "run_id != 'r1'", "request_id = 'tr-s1'", "request_id IN ('tr-s1', 'tr-s3')", "trace_id = 'tr-s1'", "client_request_id = 'c1'", "client_request_id IS NULL", "request_metadata.m = '1'", "metadata.m = '1'", "metadata.`mlflow.sourceRun` = 'r1'", "metadata.m = 1", "metadata.m IS NULL", "metadata.m IN ('1')", "tags.k = 'v1'", "tag.k = 'v1'", "tags.k != 'v1'", "tags.k LIKE 'v%'", "tags.k ILIKE 'v%'", "tags.k IN ('v1')", "tags.k IS NULL", "tags.k IS NOT NULL", "tags.`k` = 'v1'", "tags.k = v1", "tags.k = 1", "tags.k > 'v'", "tag.mlflow.traceName = 'alpha'", "tags.a.b = 'dotted'", "tags.`a b` = 'blank'", "tags.'k' = 'v1'", "tags.\"k\" = 'v1'", "feedback.ok = 'true'", "feedback.ok != 'true'", "feedback.score = '0.5'", "feedback.score > 0.3", "feedback.ok = 1", "feedback.exp = 'no'", "feedback.ok IS NULL", "feedback.ok IS NOT NULL", "expectation.exp = 'yes'", "expectation.exp = 'no'", "expectation.exp IS NOT NULL", "feedback.ok LIKE 't%'", "feedback.none = 'x'", "expectation.exp IN ('yes')", "prompt = 'a/1'", "prompt = 'a'", "foo = 'x'", "foo.bar = 'x'", "metric.x > 1", "status = 'OK' AND name = 'alpha'", "status = 'OK' and tags.k = 'v1' AND timestamp_ms > 1", "status = 'OK' OR name = 'alpha'", "status =", "status", "name = ''", "trace.tags.k = 'v1'", "timestamp_ms IN (1)", "status = 'OK';", "'OK' = status"]:
        search(s, home, **({} if filter is None else {"filter": filter}))
    for order in [["timestamp_ms"], ["timestamp DESC"], ["timestamp_ms ASC", "name"], ["execution_time_ms DESC"], ["execution_time"], ["name"], ["name DESC"], ["status"], ["status DESC", "timestamp ASC"], ["tags.k"], ["tag.k DESC"], ["request_metadata.m"], ["metadata.m DESC"], ["run_id"], ["run_id DESC"], ["request_id"], ["request_id DESC"], ["experiment_id"], ["trace.timestamp_ms"], ["attributes.timestamp_ms ASC"], ["foo"], ["trace_id"], ["client_request_id"], ["feedback.ok"], ["timestamp_ms", "timestamp_ms"], ["timestamp_ms foo"], [""], ["foo.bar"]]:
        search(s, home, order_by=order)
        s.call("GET", f"{V2}traces", query={"experiment_ids": [home], "order_by": order})
    for more in [{"max_results": 1}, {"max_results": 0}, {"max_results": -1}, {"max_results": 500}, {"max_results": 501}, {"max_results": "a"}, {"max_results": "2"}, {"page_token": "zz"}, {"page_token": "eyJvZmZzZXQiOiAxfQ==", "max_results": 2}, {"page_token": ""}]:
        search(s, home, **more)
        s.call("GET", f"{V2}traces", query={"experiment_ids": [home], **more})
    for body in [{}, {"locations": []}, {"locations": [{"type": "INFERENCE_TABLE", "inference_table": {"full_table_name": "a"}}]}, {"locations": [place("4242")]}, {"locations": [place(home), place("4242")], "max_results": 1}]:
        s.call("POST", f"{V3}traces/search", body=body)
    s.call("GET", f"{V2}traces")
    s.call("GET", f"{V2}traces", query={"experiment_ids": ["4242"], "filter": "status = 'OK'"})
    for one, two, base in [("status = 'OK'", "name = 'alpha'", None), ("status = 'OK'", "name = 'none'", None), ("name = 'none'", "name = 'none'", None), ("status = 'OK'", "status = 'ERROR'", None), ("status = 'OK'", "status = 'OK'", None), ("timestamp_ms > 0", "timestamp_ms > 0", None), ("status = 'OK'", "name = 'alpha'", "timestamp_ms < 1735689603000"), ("timestamp_ms > 0", "status = 'OK'", None), ("foo = 'x'", "name = 'alpha'", None), ("status = 'OK'", "tags.k IS NOT NULL", "")]:
        s.call("POST", f"{V3}traces/calculate-filter-correlation", body={"experiment_ids": [home], "filter_string1": one, "filter_string2": two, **({} if base is None else {"base_filter": base})})
    s.call("POST", f"{V3}traces/calculate-filter-correlation", body={"experiment_ids": [], "filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'"})
    s.call("POST", f"{V3}traces/calculate-filter-correlation", body={})
