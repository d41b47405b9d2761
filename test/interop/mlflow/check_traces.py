"""Tracing with MLflow's unmodified Python client against the embedded server: check_traces.py URL. Prints ok / NOT OK lines and
`N passed, N failed`. For MLflow 3, whose client sends spans over OpenTelemetry's route; that of MLflow 2.22 sends no spans with today's
releases of OpenTelemetry, to MLflow's own server neither.
"""
import os
import sys
import traceback
import warnings

warnings.filterwarnings("ignore")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentError, AssessmentSource
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
experiment = mlflow.set_experiment(f"traces of {mlflow.__version__}").experiment_id
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


def search(**more):
    return client.search_traces(locations=[experiment], **more)


def id_of(trace):
    return trace.info.trace_id


def written():
    mlflow.flush_trace_async_logging()


@check
def decorated():
    """a decorated function's trace comes back with its spans, inputs, outputs and tags"""
    @mlflow.trace(name="outer", span_type="CHAIN", attributes={"k": 3})
    def outer(x):
        with mlflow.start_span(name="inner", span_type="LLM") as span:
            span.set_inputs({"x": x})
            span.set_outputs([x, 1.5, "ü"])
        mlflow.update_current_trace(tags={"team": "blue"})
        return {"y": x + 1}
    outer(41)
    written()
    (trace,) = search()
    assert trace.info.state == "OK", trace.info
    assert trace.info.tags["team"] == "blue" and trace.info.tags["mlflow.traceName"] == "outer"
    root = next(span for span in trace.data.spans if span.parent_id is None)
    inner = next(span for span in trace.data.spans if span.parent_id is not None)
    assert (root.name, root.span_type, root.inputs, root.outputs) == ("outer", "CHAIN", {"x": 41}, {"y": 42})
    assert root.attributes["k"] == 3
    assert (inner.name, inner.span_type, inner.inputs, inner.outputs, inner.parent_id) == ("inner", "LLM", {"x": 41}, [41, 1.5, "ü"], root.span_id)
    read = client.get_trace(id_of(trace))
    assert [span.name for span in read.data.spans] == [span.name for span in trace.data.spans]


@check
def failures():
    """a function that fails leaves a trace of status ERROR with its exception"""
    @mlflow.trace
    def broken():
        raise ValueError("oh")
    try:
        broken()
    except ValueError:
        pass
    written()
    (trace,) = search(filter_string="status = 'ERROR'")
    assert any(event.name == "exception" and event.attributes["exception.message"] == "oh" for event in trace.data.spans[0].events), trace.data.spans[0].events


@check
def searches():
    """traces are found by tag, name and run, in order and in pages"""
    with mlflow.start_run() as run:
        for i in range(5):
            with mlflow.start_span(name=f"step {i}"):
                mlflow.update_current_trace(tags={"step": str(i)})
    written()
    assert len(search(filter_string="tags.step = '3'")) == 1
    assert len(search(filter_string="name = 'step 4'")) == 1
    assert len(search(filter_string=f"run_id = '{run.info.run_id}'")) == 5
    seen, token = [], None
    while True:
        page = search(max_results=2, order_by=["timestamp_ms ASC"], page_token=token)
        seen += [id_of(trace) for trace in page]
        token = page.token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 7, seen


@check
def tags():
    """tags of a trace are set and deleted"""
    trace = search(filter_string="tags.step = '0'")[0]
    client.set_trace_tag(id_of(trace), "note", "x")
    assert client.get_trace(id_of(trace)).info.tags["note"] == "x"
    client.delete_trace_tag(id_of(trace), "note")
    assert "note" not in client.get_trace(id_of(trace)).info.tags
    try:
        client.delete_trace_tag(id_of(trace), "note")
        raise AssertionError("nothing raised")
    except MlflowException as error:
        assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error


@check
def assessments():
    """feedback and expectations are logged, read, updated, overridden and deleted"""
    trace = id_of(search(filter_string="tags.step = '1'")[0])
    source = AssessmentSource(source_type="HUMAN", source_id="bob")
    feedback = mlflow.log_feedback(trace_id=trace, name="good", value=True, source=source, rationale="why", metadata={"a": "b"})
    expected = mlflow.log_expectation(trace_id=trace, name="answer", value={"list": [1, 2.5], "text": "ü"}, source=source)
    mlflow.log_feedback(trace_id=trace, name="broken", error=AssessmentError(error_code="E", error_message="m"))
    read = mlflow.get_assessment(trace, feedback.assessment_id)
    assert (read.name, read.feedback.value, read.rationale, read.metadata["a"], read.source.source_id) == ("good", True, "why", "b", "bob"), read
    assert mlflow.get_assessment(trace, expected.assessment_id).expectation.value == {"list": [1, 2.5], "text": "ü"}
    newer = mlflow.override_feedback(trace_id=trace, assessment_id=feedback.assessment_id, value=False, rationale="no")
    assert mlflow.get_assessment(trace, feedback.assessment_id).valid is False
    assert mlflow.get_assessment(trace, newer.assessment_id).overrides == feedback.assessment_id
    mlflow.update_assessment(trace_id=trace, assessment_id=expected.assessment_id, assessment=mlflow.entities.Expectation(name="answer", value="plain"))
    assert mlflow.get_assessment(trace, expected.assessment_id).expectation.value == "plain"
    mlflow.delete_assessment(trace_id=trace, assessment_id=newer.assessment_id)
    assert mlflow.get_assessment(trace, feedback.assessment_id).valid is True
    names = sorted(assessment.name for assessment in client.get_trace(trace).info.assessments)
    assert names == ["answer", "broken", "good"], names
    assert len(search(filter_string="feedback.good = 'true'")) == 1


@check
def links():
    """traces are linked to a run and to prompt versions"""
    run = client.create_run(experiment).info.run_id
    traces = [id_of(trace) for trace in search(max_results=2)]
    client.link_traces_to_run(trace_ids=traces, run_id=run)
    assert {id_of(trace) for trace in search(filter_string=f"run_id = '{run}'")} == set(traces)
    prompt = mlflow.genai.register_prompt(name=f"p-{experiment}", template="Say {{ word }}")
    client.link_prompt_versions_to_trace([prompt], traces[0])
    assert [id_of(trace) for trace in search(filter_string=f"prompt = '{prompt.name}/{prompt.version}'")] == [traces[0]]


@check
def datasets():
    """an evaluation dataset is made, filled from records and traces, found and deleted"""
    from mlflow.genai.datasets import create_dataset, delete_dataset, get_dataset, search_datasets
    made = create_dataset(name=f"d-{experiment}", experiment_id=[experiment], tags={"team": "blue"})
    made.merge_records([{"inputs": {"q": "one"}, "expectations": {"answer": 1}}, {"inputs": {"q": "two"}, "tags": {"t": "1"}}])
    made.merge_records([{"inputs": {"q": "one"}, "expectations": {"more": [1.5]}}])
    made.merge_records(search(filter_string="tags.mlflow.traceName = 'outer'"))
    frame = get_dataset(dataset_id=made.dataset_id).to_df()
    rows = {str(row["inputs"].get("q", row["inputs"].get("x"))): row for row in frame.to_dict("records")}
    assert rows["one"]["expectations"] == {"answer": 1, "more": [1.5]}, rows
    assert set(rows) == {"one", "two", "41"}, rows
    assert [found.name for found in search_datasets(experiment_ids=[experiment], filter_string="tags.team = 'blue'")] == [made.name]
    delete_dataset(dataset_id=made.dataset_id)
    assert list(search_datasets(experiment_ids=[experiment])) == []


@check
def deletion():
    """traces are deleted by id and by time"""
    kept = [id_of(trace) for trace in search(order_by=["timestamp_ms ASC"])]
    assert client.delete_traces(experiment_id=experiment, trace_ids=kept[:1]) == 1
    assert client.delete_traces(experiment_id=experiment, max_timestamp_millis=2**41, max_traces=2) == 2
    assert {id_of(trace) for trace in search()} == set(kept[3:])
    assert client.delete_traces(experiment_id=experiment, max_timestamp_millis=2**41) == len(kept) - 3
    assert search() == []


# These stay: the suites that follow compare what each server says of them.
with mlflow.start_span(name="kept", span_type="CHAIN") as span:
    span.set_inputs({"x": 1})
    span.set_outputs(["\u00fc", 2.0, {"n": None}])
    with mlflow.start_span(name="inner") as inner:
        inner.set_attribute("k", {"n": 3})
written()
mlflow.log_feedback(trace_id=span.trace_id, name="good", value=True)
mlflow.log_expectation(trace_id=span.trace_id, name="answer", value={"n": [1, 2.5]})

print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
