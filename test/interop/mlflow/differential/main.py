"""Sends the same requests to the real MLflow server and to ours and compares status, error code, message and the shape of each answer.

main.py THEIRS OURS [--only WORD] [--show N], each URL,FOLDER with the folder in which the server runs. Prints a line for each group and `N passed, N failed`; a difference is a failure unless
`allowed.py` names it with its reason.
"""
import argparse
import re
import sys
import threading

import artifacts
import evaluation
import fuzz
import lifecycle
import pages
import registry
import searches
import traces
from allowed import reason_for
from session import Session

# Searches first, on a server that holds nothing else; the wrong values last, because MLflow stores something in place of some.
GROUPS = [
    searches.experiments, searches.runs, searches.registry, searches.logged_models,
    lifecycle.experiments, lifecycle.runs, lifecycle.metrics, lifecycle.batches, lifecycle.inputs, lifecycle.logged_models,
    registry.models, registry.versions, registry.sources,
    artifacts.proxy, artifacts.of_runs, artifacts.paths,
    traces.lives, traces.spans, traces.assessments, traces.searches,
    evaluation.scorers, evaluation.datasets, evaluation.records, pages.graphql, pages.prompts,
    fuzz.bodies, fuzz.each_field,
]


def run_both(group, servers):
    """The group on both servers at once. A server's state is the sum of the groups so far, the same on both."""
    sessions = [Session(*server.split(",", 1)) for server in servers]
    failures = [None, None]

    def work(index):
        try:
            group(sessions[index])
        except Exception as error:
            failures[index] = f"{type(error).__name__}: {error} after {sessions[index].answers[-1][:3] if sessions[index].answers else 'nothing'}"
    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sessions, failures


def difference(theirs, ours):
    """Both answers; of long ones the part where they begin to differ."""
    sides = [theirs[1:3], ours[1:3]]
    said = [f"{status} {re.sub(r'(.)' + chr(92) + r'1{30,}', r'*', str(value))}" for status, value in sides]
    at = next((i for i, (x, y) in enumerate(zip(*said)) if x != y), min(map(len, said)))
    begin = max(0, at - 150) if len(max(said, key=len)) > 500 else 0
    return "\n".join(f"    {who} {text[begin:begin + 450]}" for who, text in zip(("theirs:", "ours:  "), said))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("servers", nargs=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=15)
    options = parser.parse_args()
    passed = failed = allowed = 0
    for group in GROUPS:
        title = f"{group.__module__}.{group.__name__}"
        if not title.startswith(options.only):
            continue
        (theirs, ours), failures = run_both(group, options.servers)
        wrong, excused = [], 0
        if any(failures) or len(theirs.answers) != len(ours.answers):
            wrong.append(f"  theirs: {failures[0]}, {len(theirs.answers)} answers\n  ours: {failures[1]}, {len(ours.answers)} answers")
        for a, b in zip(theirs.answers, ours.answers):
            if a[0] != b[0]:
                wrong.append(f"  the ways part at {a[0]} / {b[0]}")
                break
            if a[1:3] == b[1:3]:
                continue
            if reason_for(title, a, b):
                excused += 1
            else:
                wrong.append(f"  {a[0]}\n    {difference(a, b)}")
        count = len(theirs.answers)
        allowed += excused
        if wrong:
            failed += 1
            print(f"NOT OK {group.__doc__}: {len(wrong)} of {count} answers differ")
            print("\n".join(wrong[: options.show]))
        else:
            passed += 1
            print(f"ok {group.__doc__}: {count} answers, {excused} of them better than MLflow's")
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
