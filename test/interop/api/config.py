"""Prints a configuration of schemathesis in which the parameters of paths name what is there. config.py URL TOKEN_FILE"""

import json
import sys
import urllib.request

url, token_file = sys.argv[1:]
with open(token_file, encoding="utf-8") as file:
    token = file.read().strip()


def ask(path, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1{path}", data, headers)) as answer:
        return json.load(answer)


specialist = ask("/specialists")["specialists"][0]["name"]
feedback = ask("/feedback?limit=1")["feedback"][0]
dataset = ask("/datasets?limit=1")["datasets"][0]
values = {
    "/opinions/{id}": {"id": feedback["opinion_id"]},
    "/feedback/{id}": {"id": feedback["feedback_id"]},
    "/feedback/opinion/{opinion_id}": {"opinion_id": feedback["opinion_id"]},
    "/datasets/{id}": {"id": dataset["dataset_id"]},
    "/datasets/{id}/file": {"id": dataset["dataset_id"]},
    "/models/{specialist}/{version}": {"specialist": specialist, "version": "1"},
    "/models/{specialist}/{version}/files/{path}": {"specialist": specialist, "version": "1", "path": "MLmodel"},
}
run = ask("/runs?limit=1")["runs"][0]["run_id"]
for path in ("", "/cancel", "/charts", "/log", "/resume"):
    values[f"/runs/{{id}}{path}"] = {"id": run}
verdict = ask("/verdicts?limit=1")["verdicts"][0]["verdict_id"]
for path in ("", "/approval", "/approve", "/decline", "/recompute"):
    values[f"/verdicts/{{id}}{path}"] = {"id": verdict}
for path in ("", "/findings", "/judge", "/promote", "/retrain", "/rollback"):
    values[f"/specialists/{{specialist}}{path}"] = {"specialist": specialist}
# one more opinion, which waits for a person, and this person has it
plan = ask(f"/opinions/{feedback['opinion_id']}")["cognitive_plan"]
ask(f"/specialists/{specialist}/judge", {"plan": plan, "plan_id": "one-more"})
ask("/review/next", {"specialist": specialist, "mode": "informed"})
claim = ask("/review/claims?limit=1")["claims"][0]
for path in ("renew", "skip", "submit", "undo", "release"):
    values[f"/review/claims/{{id}}/{path}"] = {"id": claim["claim_id"]}

for path, parameters in values.items():
    print("[[operations]]")
    print(f"include-path = {json.dumps('/api/v1' + path)}")
    inline = ", ".join(f"{json.dumps('path.' + name)} = {json.dumps(value)}" for name, value in parameters.items())
    print(f"parameters = {{ {inline} }}")
