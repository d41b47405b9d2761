"""Evaluation datasets with their records, and scorers."""
import json

V3 = "/api/3.0/mlflow/"


def scorers(s):
    """scorers: register, list, versions, get, delete"""
    home = s.post("experiments/create", name="scorers")["experiment_id"]
    here = {"experiment_id": home}
    for body in [{}, here, {**here, "name": "s"}, {**here, "name": "s", "serialized_scorer": '{"a":1,"b":2.0,"c":"ü"}'}, {**here, "name": "s", "serialized_scorer": '{"a":2}'}, {**here, "name": "s", "serialized_scorer": "no JSON"}, {"experiment_id": "4242", "name": "s", "serialized_scorer": "{}"}, {**here, "name": "b", "serialized_scorer": "{}"}, {**here, "name": "", "serialized_scorer": "{}"}, {**here, "name": "x" * 256, "serialized_scorer": "{}"}]:
        s.call("POST", f"{V3}scorers/register", body=body)

    def look():
        for path in ("list", "versions", "get"):
            for query in [{}, here, {**here, "name": "s"}, {**here, "name": "none"}, {"experiment_id": "4242", "name": "s"}, {**here, "name": "s", "version": 1}, {**here, "name": "s", "version": 9}]:
                s.call("GET", f"{V3}scorers/{path}", query=query)
    look()
    for body in [{}, {**here, "name": "none"}, {**here, "name": "s", "version": 9}, {**here, "name": "s", "version": 1}]:
        s.call("DELETE", f"{V3}scorers/delete", body=body)
    look()
    s.call("POST", f"{V3}scorers/register", body={**here, "name": "s", "serialized_scorer": '{"a":3}'})
    for body in [{**here, "name": "s"}, {**here, "name": "s"}, {**here, "name": "b", "version": 1}]:
        s.call("DELETE", f"{V3}scorers/delete", body=body)
    look()


def datasets(s):
    """evaluation datasets: create, tags, experiments, search, delete"""
    home = s.post("experiments/create", name="datasets")["experiment_id"]
    create = lambda **body: s.call("POST", f"{V3}datasets/create", body=body).get("dataset", {}).get("dataset_id", "none")
    for body in [{}, {"name": ""}, {"name": None}]:
        create(**body)
    first = create(name="alpha")
    second = create(name="beta", experiment_ids=[home, "0"], source_type="TRACE", source="src", schema="{}", profile="{}", created_by="me", tags=json.dumps({"a": "b", "mlflow.user": "bob"}))
    third = create(name="gamma", experiment_ids=["0"], tags=json.dumps({"k": "v"}))
    create(name="bad", tags="no JSON")
    for id in (first, second, third, "none"):
        s.call("GET", f"{V3}datasets/{id}")
        s.call("GET", f"{V3}datasets/{id}/experiment-ids")
    for id in (second, "none"):
        for tags in [None, '{"k": "v", "a": "new"}', '{"n": null}', "{}", '{"x": 5}', "no JSON"]:
            s.call("PATCH", f"{V3}datasets/{id}/tags", body={} if tags is None else {"tags": tags})
        for key in ("k", "k", "x y"):
            s.call("DELETE", f"{V3}datasets/{id}/tags/{key}")
        s.call("GET", f"{V3}datasets/{id}")
        for verb in ("add", "remove"):
            for ids in [None, [], [home], ["0"], ["4242"], ["abc"], ["0", home]]:
                s.call("POST", f"{V3}datasets/{id}/{verb}-experiments", body={} if ids is None else {"experiment_ids": ids})
                s.call("GET", f"{V3}datasets/{id}/experiment-ids")

    def search(**body):
        s.call("POST", f"{V3}datasets/search", body=body)
    search()
    for ids in ([home], ["0"], ["4242"], ["0", home]):
        search(experiment_ids=ids)
    for filter in ["", "name = 'alpha'", "name LIKE '%a'", "name ILIKE 'AL%'", "name != 'alpha'", "name > 'b'", "tags.a = 'new'", "tags.k LIKE 'v%'", "tags.k != 'x'", "tags.`a` = 'new'", "tag.a = 'new'", "created_by = 'bob'", "last_updated_by = 'bob'", "created_by LIKE 'b%'", "created_time > 0", "last_update_time < 1", "created_time > 'x'", "created_time LIKE 'x'", "foo = 'x'", "dataset_id = 'x'", "digest = 'x'", "tags.a IS NULL", "name IN ('a')", "attributes.name LIKE 'd%'", "params.a = 'x'", "bad", "name = alpha", "name = 1", "name = 'alpha' AND created_time > 0"]:
        search(filter_string=filter)
    for order in [["name"], ["name DESC"], ["created_time"], ["created_time ASC"], ["foo"], ["created_by"], ["dataset_id"], ["name foo"]]:
        search(order_by=order)
    for more in [{"max_results": 1}, {"max_results": 0}, {"max_results": -1}, {"max_results": 50001}, {"max_results": "2"}, {"page_token": "zz"}, {"max_results": 1, "page_token": "eyJvZmZzZXQiOiAxfQ=="}]:
        search(**more)
    s.call("GET", f"{V3}datasets/search", query={"max_results": 1})
    s.call("GET", f"{V3}datasets/search", query={"experiment_ids": ["0"], "filter_string": "name LIKE 'g%'"})
    for _ in range(2):
        s.call("DELETE", f"{V3}datasets/{first}")
        s.call("GET", f"{V3}datasets/{first}")
    search()


def records(s):
    """evaluation datasets: records added, added to, read in pages, deleted"""
    made = s.call("POST", f"{V3}datasets/create", body={"name": "with records"})["dataset"]["dataset_id"]
    path = f"{V3}datasets/{made}/records"

    def upsert(*records, to=path, **more):
        s.call("POST", to, body={"records": json.dumps(list(records)), **more})
        s.call("GET", f"{V3}datasets/{made}")
    s.call("POST", path, body={})
    for text in ("no JSON", "{}", "[]"):
        s.call("POST", path, body={"records": text})
    upsert({"inputs": {"s": "x", "i": 1, "f": 1.5, "whole": 2.0, "b": True, "n": None, "l": [1], "d": {"a": 1}, "e": []}})
    upsert({"inputs": {"q": "ü"}, "outputs": {"a": 1}, "expectations": {"e": True}})
    upsert({"inputs": {"q": "ü"}, "outputs": "new", "expectations": {"f": 1}, "tags": {"mlflow.user": "u"}, "source": {"source_type": "HUMAN", "source_data": {"user_name": "z"}}})
    s.call("GET", path)
    upsert({"inputs": {"q": "ü"}})
    s.call("GET", path)
    upsert({"inputs": {"q": "ü"}, "outputs": None, "expectations": None, "tags": None})
    s.call("GET", path)
    upsert({"inputs": {"q": 1, "i": "text"}})
    upsert({"inputs": {"i": "text", "q": 1}, "tags": {"same": "inputs in another order"}})
    upsert({"inputs": {"b": 1, "a": {"z": 1, "y": 2}}, "outputs": [1], "source": {"source_type": "DOCUMENT", "source_data": {"doc_uri": "u"}}}, updated_by="bob")
    upsert({"inputs": {"t": 1}, "source": {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}})
    upsert({"inputs": {"c": 1}, "outputs": 5, "source": {"source_type": "CODE", "source_data": {}}})
    upsert({"expectations": {"b": 2}})
    upsert({"inputs": {"q": "ü"}, "tags": {"t": "1"}}, {"inputs": {"q": "ü"}, "tags": {"u": "2"}})
    upsert({"inputs": {"w": 1}, "source": {"source_type": "NOPE", "source_data": {}}})
    upsert({"inputs": {"w": 2}, "source": "text"})
    upsert({"inputs": {"w": 3}, "unknown": 1})
    upsert({"inputs": "text"})
    upsert({"inputs": None})
    upsert("text")
    upsert({"inputs": {"q": 1}}, to=f"{V3}datasets/none/records")
    whole = s.call("GET", path)
    token = None
    for _ in range(4):
        page = s.call("GET", path, query={"max_results": 3, **({} if token is None else {"page_token": token})}, label="a page of records")
        token = page.get("next_page_token")
        if token is None:
            break
    s.call("GET", path, query={"max_results": 0})
    s.call("GET", path, query={"page_token": "zz"})
    s.call("GET", f"{V3}datasets/none/records")
    ids = [record["dataset_record_id"] for record in json.loads(whole.get("records", "[]"))]
    for body in [{}, {"dataset_record_ids": []}, {"dataset_record_ids": ["none"]}, {"dataset_record_ids": ids[:2] + ["none"]}, {"dataset_record_ids": ids[:1]}]:
        s.call("DELETE", path, body=body)
    s.call("DELETE", f"{V3}datasets/none/records", body={"dataset_record_ids": ids})
    s.call("GET", path)
    s.call("GET", f"{V3}datasets/{made}")
