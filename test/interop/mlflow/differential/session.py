"""One server under comparison: sends requests, keeps each answer in a form that does not depend on ids, times and addresses."""
import base64
import json
import re
from datetime import datetime, timedelta, timezone

import requests

HEX = re.compile(r"[0-9a-f]{32}|[0-9A-F]{32}")
# as Python prints the time at which a model was made
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
GENERATED_NAME = re.compile(r"^[a-z]+-[a-z]+-\d{1,4}$")
# 2017 to 2050 in milliseconds: no case uses such numbers itself
TIME = range(1_500_000_000_000, 2_524_608_000_000)
# the order of these lists is left to the database
UNORDERED = {"tags", "request_metadata", "params", "aliases", "model_inputs", "model_outputs", "dataset_inputs"}


class Session:
    def __init__(self, url, folder):
        """folder: the server's working directory, against which it resolves relative paths."""
        self.url = url.rstrip("/")
        self.folder = folder.rstrip("/")
        self.http = requests.Session()
        self.http.trust_env = False
        self.answers = []
        self.names = {"0" * 32: "0" * 32}
        self.counted = self.count = 0

    def call(self, method, path, body=None, query=None, data=None, headers=None, label=None, ajax=False):
        """Sends a request, notes the answer, gives the parsed JSON (an empty object for anything else)."""
        prefix = "" if path.startswith("/") else f"/{'ajax-api' if ajax else 'api'}/2.0/mlflow/"
        arguments = {"params": query, "headers": headers, "timeout": 60, "allow_redirects": False}
        if data is not None:
            arguments["data"] = data
        elif body is not None:
            arguments["json"] = body
        answer = self.http.request(method, self.url + prefix + path, **arguments)
        try:
            parsed = answer.json()
        except ValueError:
            parsed = None
        said = label or f"{method} {path} {json.dumps(body if body is not None else query or '', sort_keys=True)}"
        self.answers.append((self.short(said), answer.status_code, self.normal(parsed, answer), answer))
        return parsed if isinstance(parsed, dict) else {}

    def get(self, route, /, **query):
        return self.call("GET", route, query=query)

    def post(self, route, /, **body):
        return self.call("POST", route, body=body)

    def normal(self, parsed, answer):
        if isinstance(parsed, dict) and "error_code" in parsed:
            return {"error_code": parsed["error_code"], "message": self.message(parsed.get("message", ""))}
        if parsed is None:
            # a page or text: what it says is compared for files alone
            return self.plain(answer.text) if answer.status_code < 300 else None
        return self.value(parsed)

    def message(self, text):
        text = text.replace("(sqlite3.IntegrityError) ", "").replace("(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block if this flush is occurring prematurely)\n", "")
        # Python prints its sets in no order
        text = re.sub(r"\{('[^{}:]*')\}", lambda match: "{" + ", ".join(sorted(match[1].split(", "))) + "}", text)
        return self.plain(text.split("\n[SQL")[0])

    def value(self, value, key=None):
        if isinstance(value, dict):
            if value.get("key") == "mlflow.runName" and isinstance(value.get("value"), str):
                return {**value, "value": self.name(value["value"])}
            # releases from 3.12 on name the workspace, of which there is one; an empty file's size is left out by MLflow
            return {name: self.value(inner, name) for name, inner in sorted(value.items()) if (name, inner) not in (("workspace", "default"), ("file_size", 0))}
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            if key in UNORDERED or (key == "metrics" and not any("timestamp" not in i or i.get("history") for i in items) and self.is_latest(items)):
                items.sort(key=lambda item: json.dumps(item, sort_keys=True))
            return items
        if isinstance(value, bool):
            return value
        if isinstance(value, int) and value in TIME:
            return "<time>"
        if key == "next_page_token":
            # logged models: the token holds the search as the server wrote it down, and is opaque
            token = base64.b64decode(value).decode("utf8", "replace")
            return "<token>" if "experiment_ids" in token or ":dr-" in token else token
        if key == "records" and isinstance(value, str):
            # a list as JSON text
            return self.value(json.loads(value))
        if key == "digest" and isinstance(value, str) and re.match("^[0-9a-f]{8}$", value):
            return "<digest>"
        if key in ("npmi", "npmi_smoothed"):
            # the last digits are those of the logarithm
            return round(value, 12)
        if isinstance(value, str) and (self.is_now(value) or re.match(r"^\d{13}$", value) and int(value) in TIME):
            return "<time>"
        if isinstance(value, str):
            return self.name(value) if key in ("run_name", "runName", "name") else self.plain(value)
        return value

    @staticmethod
    def is_now(text):
        """Whether it is a time of this hour, as protobuf writes it."""
        if not re.match(r"^\d{4}-\d\d-\d\dT[\d:.]+Z$", text):
            return False
        return abs(datetime.fromisoformat(text.replace("Z", "+00:00")) - datetime.now(timezone.utc)) < timedelta(hours=1)

    @staticmethod
    def is_latest(items):
        return len({item.get("key") for item in items}) == len(items)

    def name(self, text):
        return "<name>" if GENERATED_NAME.match(text) else self.plain(text)

    def short(self, text):
        """Readable: long runs of one character by their length, tokens that hold a search by a word."""
        text = re.sub(r'"eyJleHBlcmltZW50[^"]*"', '"<token>"', text)
        return re.sub(r"(.)\1{30,}", lambda match: f"{match[1]}*{len(match[0])}", self.plain(text))[:400]

    def plain(self, text):
        text = text.replace(self.url, "<url>").replace(self.folder, "<folder>")
        text = UTC_TIME.sub("<time>", text)
        text = UUID.sub(lambda match: match[0].replace("-", ""), text)
        # an id is named after the answer that it came with, so that one that is missing renames no other
        return HEX.sub(lambda match: self.names.setdefault(match[0], self.new_name()), text)

    def new_name(self):
        self.count = self.count + 1 if self.counted == len(self.answers) else 0
        self.counted = len(self.answers)
        return f"<id {self.counted}.{self.count}>"
