#!/usr/bin/env python3
"""What TensorBoard's Profile page, which the Python package xprof adds, shows of a log directory, as JSON by profile.

    python tbprofile.py LOGDIR [--stop-at-eof]

Without xprof it is {}. Of the page's tools it asks the trace viewer (row, name, start and duration in microseconds), the framework
op stats (type, operation, occurrences, microseconds of their own) and the overview (step, milliseconds of host compute, of all
others and in sum). xprof leaves files of its own beside the profile.
"""

import argparse
import gzip
import importlib.metadata
import json
import os
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the working tree
from tbcheck import Server, stop_at_eof  # noqa: E402


def table(t, *columns):
    at = [[c["id"] for c in t["cols"]].index(c) for c in columns]
    return [[row["c"][i]["v"] for i in at] for row in t["rows"]]


def ask(server, what, **params):
    status, _, body = server.get("data/plugin/profile/" + what, params)
    if body.startswith(b"\x1f\x8b"):  # also if nobody asked for gzip
        body = gzip.decompress(body)
    if status != 200:
        raise RuntimeError("%s %s: HTTP %d: %s" % (what, params, status, body))
    return json.loads(body)


def profile(server, run):
    hosts = [h["hostname"] for h in ask(server, "hosts", run=run, tag="trace_viewer")]

    def tool(tag):
        return ask(server, "data", run=run, tag=tag, host=hosts[0])

    events = [e for e in tool("trace_viewer")["traceEvents"] if e]
    rows = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    return {
        "tools": ask(server, "run_tools", run=run),
        "hosts": hosts,
        "trace": [[rows[e["tid"]], e["name"], e["ts"], e.get("dur", 0)] for e in events if "ts" in e],
        "ops": table(tool("framework_op_stats")[0], "type", "operation", "occurrences", "total_self_time"),
        "steps": table(tool("overview_page")[1], "stepnum", "hostComputeTimeMs", "otherTimeMs", "stepTimeMs"),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("logdir")
    parser.add_argument("--stop-at-eof", action="store_true", help="end when standard input ends")
    a = parser.parse_args()
    if not os.path.isdir(a.logdir):
        parser.error("no such directory: %s" % a.logdir)
    if a.stop_at_eof:
        stop_at_eof()
    answer = {}
    try:
        importlib.metadata.version("xprof")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        server = Server(a.logdir, True, 60)
        try:
            answer = {run: profile(server, run) for run in ask(server, "runs")}
        finally:
            server.close()
    print(json.dumps(answer, ensure_ascii=False))


if __name__ == "__main__":
    main()
