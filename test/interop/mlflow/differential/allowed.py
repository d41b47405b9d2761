"""Where our answer differs on purpose. Each rule says when it holds and why ours stays."""
import re


def reason_for(group, theirs, ours):
    """Why a difference is meant, or None."""
    for rule in RULES:
        if rule(theirs, ours):
            return rule.__doc__
    return None


def message(answer):
    return answer[2].get("message", "") if isinstance(answer[2], dict) and "error_code" in answer[2] else ""


def code(answer):
    return answer[2].get("error_code") if isinstance(answer[2], dict) else None


def wrong_type_inside(theirs, ours):
    """A value of the wrong type inside a list: MLflow drops it and what follows in silence, and stores a default in its place."""
    nested = "[" in message(ours).split(" supplied:")[0].split("parameter ")[-1]
    return ours[1] == 400 and "Hint: Value was of type" in message(ours) and (theirs[1] in (200, 500) or nested)


def caller_mistake(theirs, ours):
    """A caller's mistake that MLflow answers with 500: its client then retries for four minutes."""
    return theirs[1] == 500 and ours[1] < 500 and (code(theirs) in (None, "INTERNAL_ERROR", code(ours)))


def constraint(theirs, ours):
    """A constraint of MLflow's database shows through as BAD_REQUEST with SQL: ours names the mistake, or does what was asked."""
    return theirs[1] == 400 and "constraint failed" in message(theirs) and code(theirs) == "BAD_REQUEST"


def aliases_of_versions(theirs, ours):
    """MLflow leaves `aliases` out of the versions that searches and models list (reference 2.4, 4)."""
    return theirs[1] == ours[1] and without_aliases(theirs[2]) == without_aliases(ours[2])


def without_aliases(value):
    if isinstance(value, dict):
        return {k: without_aliases(v) for k, v in value.items() if not (k == "aliases" and "current_stage" in value)}
    return [without_aliases(item) for item in value] if isinstance(value, list) else value


def two_mistakes(theirs, ours):
    """A request with two mistakes: MLflow calls the missing value one of the wrong type, None."""
    return theirs[1] == ours[1] == 400 and "Invalid value null" in message(theirs) and "Missing value" in message(ours)


def longest_name(theirs, ours):
    """Names of any length fill the disk (CVE-2024-6838): MLflow's own column, and other databases, end where ours does."""
    return ours[1] == 400 and "exceeds the maximum length" in message(ours)


def whole_history(theirs, ours):
    """Without a positive max_results MLflow gives no rows and a token that leads nowhere, for ever (reference 2.4, 1)."""
    return "get-history" in ours[0] and theirs[1] == ours[1] == 200 and list(theirs[2]) == ["next_page_token"]


def json_for_a_page(theirs, ours):
    """The same refusal, as JSON that MLflow's client can read instead of a page."""
    return theirs[1] == ours[1] >= 400 and theirs[2] is None and code(ours) is not None


def no_prompt_from_disk(theirs, ours):
    """A prompt's source that reaches out of its folder (CVE-2026-2614)."""
    return ours[1] == 400 and "not allowed for prompts" in message(ours)


def quoted_file_name(theirs, ours):
    """A file name with blanks or other letters stands in quotes in Content-Disposition, as RFC 6266 asks; MLflow sends it bare or fails."""
    both = [answer[2] if isinstance(answer[2], dict) else {} for answer in (theirs, ours)]
    names = [side.get("Content-Disposition") or "" for side in both]
    return ours[0].startswith("headers of") and "filename*=" in names[1] and (theirs[1] == 500 or both[0].get("Content-Type") == both[1].get("Content-Type"))


def no_presigned_urls(theirs, ours):
    """Routes that the release under comparison does not have: later ones answer as ours."""
    return "/presigned-" in ours[0] and theirs[1] == 404 and theirs[2] is None


def empty_object(theirs, ours):
    """An empty object where MLflow sends nothing at all."""
    return theirs[1] == ours[1] == 200 and theirs[2] in ("", None) and ours[2] == {}


def version_as_text(theirs, ours):
    """The server writes a version into mlflow.modelVersions as a number, the client as text: the pair then stands there twice (2.4, 6)."""
    plain = lambda answer: re.sub(r'"version": "(\d+)"', r'"version": \1', str(answer[1:3]))
    return plain(theirs) == plain(ours)


def view_type_by_name(theirs, ours):
    """A search with a wrong value: MLflow calls the view's name a wrong type first, although it takes names."""
    return theirs[1] == ours[1] == 400 and "'view_type' supplied" in message(theirs) and "Hint" in message(ours)


def dataset_without_itself(theirs, ours):
    """An input without its dataset: MLflow stores a dataset without name and digest."""
    return ours[1] == 400 and message(ours) == "Dataset cannot be None"


def backslash(theirs, ours):
    """A path with a backslash is refused: on another system it leads elsewhere."""
    return ours[1] == 400 and message(ours) == "Invalid path" and re.search(r"\\|%5[cC]", ours[0])


def merged_slashes(theirs, ours):
    """MLflow redirects a path with doubled slashes to one without; here they are merged."""
    return theirs[1] == 308


def line_break(theirs, ours):
    """A name with a line break is no route in MLflow; here it is a name, with the break escaped."""
    return "%0a" in ours[0] and theirs[1] == 404


def negative_page(theirs, ours):
    """A negative page size gives MLflow an empty page and a token before the beginning."""
    return theirs[1] == 200 and ours[1] == 400 and "max_results" in message(ours)


def keys_of_orders(theirs, ours):
    """A wrong key in order_by: both refuse it, but the keys that they name are those of their release."""
    return theirs[1] == ours[1] == 400 and "Invalid attribute key" in message(theirs) and "Invalid attribute key" in message(ours)


def text_for_a_list(theirs, ours):
    """An empty text where a list is required: refused by both, as missing here."""
    return theirs[1] == ours[1] == 400 and 'Invalid value ""' in message(theirs) and "Missing value" in message(ours)


def quoting(theirs, ours):
    """An order_by that is no clause at all: both refuse it, in other words."""
    return theirs[1] == ours[1] == 400 and "order" in ours[0] and "Could not be parsed" in message(ours) + message(theirs)


def nan_as_zero(theirs, ours):
    """NaN is stored as 0 beside a mark: releases before 3.12 compare it as 0, later ones and ours with nothing."""
    if "runs/search" not in ours[0] or not theirs[1] == ours[1] == 200:
        return False
    is_nan = lambda run: any(metric["value"] == "NaN" for metric in run["data"].get("metrics", []))
    return [run for run in theirs[2].get("runs", []) if not is_nan(run)] == ours[2].get("runs", [])


def search_by_id(theirs, ours):
    """Experiments are searched by their ids, as by releases from 3.12 on."""
    return "experiments/search" in ours[0] and "Invalid attribute key 'experiment_id'" in message(theirs)


def status_by_name(theirs, ours):
    """A logged model's status is found by its name; MLflow compares the name with the number that it stores."""
    return "logged-models/search" in ours[0] and "status " in ours[0] and theirs[1] == ours[1] == 200


def dataset_by_name(theirs, ours):
    """A dataset without a digest stands for all of its name; over REST MLflow looks for an empty digest."""
    return '"datasets": [{"dataset_name"' in ours[0] and "dataset_digest" not in ours[0] and theirs[2] == {}


def quoted_key(theirs, ours):
    """A key in quotes is the same key in every search; MLflow's registry takes quotes around tags alone."""
    return re.search(r"`name`|\\\"name", ours[0]) and "Invalid attribute key" in message(theirs) and ours[1] == 200


def interval_of_steps(theirs, ours):
    """startStep and endStep of a history over GraphQL; MLflow takes no notice of them."""
    return ours[0].startswith("graphql") and "startStep" in ours[0]


def every_scorer(theirs, ours):
    """Scorers of all experiments, as later releases list them; 3.11 asks for an experiment."""
    return ours[0].startswith("GET /api/3.0/mlflow/scorers/list") and "'experiment_id'" in message(theirs) and ours[1] == 200


def quoted_tag(theirs, ours):
    """A tag's name in quotes is the same tag in every search; MLflow's search of datasets finds nothing then."""
    return "datasets/search" in ours[0] and "tags.`" in ours[0] and theirs[2] == {} and ours[1] == 200


def parser_words(theirs, ours):
    """A token that is no token: MLflow adds what its JSON parser says."""
    return "Invalid page token" in message(theirs) and message(theirs).startswith(message(ours).rstrip("."))


def list_words(theirs, ours):
    """A list where none is taken: releases from 3.12 on name the keys that take one in other words."""
    return theirs[1] == ours[1] == 400 and "comparison with a list" in message(theirs) and "list" in message(ours) + ours[0]


def database_words(theirs, ours):
    """MLflow passes a list to its database where a value belongs and shows what the driver says."""
    return theirs[1] == ours[1] == 400 and "sqlite3" in message(theirs)


def no_patterns(theirs, ours):
    """RLIKE is not offered (a pattern may keep a server busy for ever), issues are not kept: both refuse, but the lists of what there is differ."""
    plain = lambda answer: re.sub(r", 'RLIKE'|'issue', ", "", message(answer))
    return theirs[1] == ours[1] == 400 and plain(theirs) == plain(ours)


def named_trace(theirs, ours):
    """The message of an assessment that is not there names its trace; MLflow's has a placeholder that nobody filled."""
    return message(theirs).endswith("'{trace_id}'") and theirs[1] == ours[1] == 404


def trace_without_spans(theirs, ours):
    """A trace whose spans are a file is no failure of the server: with MLflow's 500 its client tries again for minutes."""
    return ours[1] == 400 and message(theirs) == message(ours) == "Trace data not stored in tracking store"


def file_of_a_trace(theirs, ours):
    """The file of a trace that is not there: MLflow names the path on its own disk."""
    return theirs[1] == ours[1] == 404 and message(theirs).startswith("Trace data not found") and message(ours).startswith("Trace data not found")


RULES = [
    every_scorer, interval_of_steps, quoted_tag, no_patterns, named_trace, trace_without_spans, file_of_a_trace,
    version_as_text, backslash, merged_slashes, line_break, negative_page, keys_of_orders, text_for_a_list, quoting, nan_as_zero, search_by_id, status_by_name, dataset_by_name, quoted_key, parser_words, list_words, database_words, view_type_by_name, dataset_without_itself,
    wrong_type_inside, caller_mistake, constraint, aliases_of_versions, two_mistakes, longest_name, whole_history,
    json_for_a_page, no_prompt_from_disk, quoted_file_name, no_presigned_urls, empty_object,
]
