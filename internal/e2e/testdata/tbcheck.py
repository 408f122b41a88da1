#!/usr/bin/env python3
"""Asks TensorBoard's three readers what they see in a log directory.

    python tbcheck.py LOGDIR [--diff] [--timeout SECONDS] [--stop-at-eof]

  ea   EventAccumulator, the class that scripts use, one for each run, nothing sampled away
  py   `tensorboard --load_fast=false`: the HTTP API of every plugin, for every run and tag
  rb   `tensorboard --load_fast=true`: the same through the Rust data server

Prints one JSON object: "tensorboard", the version; "readers", by name what each one shows; "disagreements", in words where
they differ. With --diff it prints only the disagreements. Exit code 0: the readers agree, 1: they do not, 2: one of them failed.

A reader is {"runs": {run: {tag: series}}, "warnings": [...], ...}, a series {"plugin", "steps", "wall_times", "values", ...} with
one value a step:

  scalars         a number, or "NaN", "Infinity", "-Infinity"
  histograms      rows of left edge, right edge, count
  images, audio   a list of "<n> bytes, sha256 <16 digits>", one a sample
  text            the HTML that the page shows

"other" of ea and "other_plugins" of the servers are the series of plugins that only have tensors: {"dtype", "shape", "data"}.

It needs a Python that has tensorboard; TensorFlow only makes it slower. The servers listen on 127.0.0.1 and are ended before
this program ends. With --stop-at-eof it also ends, with its servers, when its standard input does: with whoever started it.
"""

import argparse
import base64
import concurrent.futures
import hashlib
import json
import logging
import math
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings

# More points than any log directory has. 0, "keep all" for the loader, makes the plugins answer with no point.
KEEP = 1000000000
PLUGINS = ["scalars", "histograms", "distributions", "images", "audio", "text", "pr_curves", "mesh", "custom_scalars", "hparams",
           "graphs", "graph_run_metadata", "graph_run_metadata_graph", "graph_keras_model", "graph_tagged_run_metadata"]
# Series of which EventAccumulator shows enough to be compared. Of others it has parts that only the plugins can put together.
PLAIN = {"scalars", "histograms", "images", "audio", "text", "pr_curves"}
RUN_GRAPH = "__run_graph__"


def number(x):
    """x as JSON can hold it."""
    x = float(x)
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    return x


def sha(b):
    return hashlib.sha256(b).hexdigest()[:16]


def blob(b):
    return "%d bytes, sha256 %s" % (len(b), sha(b))


def series(plugin, points, values, **more):
    """points: pairs of wall time and step, in the order in which the reader gives them."""
    points = list(points)
    return {"plugin": plugin, "steps": [int(s) for _, s in points], "wall_times": [number(w) for w, _ in points],
            "values": list(values), **more}


# ----------------------------------------------------------------------------------------------------- EventAccumulator


def read_ea(logdir):
    from tensorboard.backend.event_processing import event_accumulator as ea

    mine = threading.get_ident()  # the loader of other_plugins logs through the same logger
    log = []

    class Collect(logging.Handler):
        def emit(self, record):
            if record.thread == mine:
                log.append(record.getMessage())

    logger = logging.getLogger("tensorboard")
    logger.addHandler(Collect(level=logging.WARNING))
    logger.propagate = False
    warnings.showwarning = lambda message, category, *a, **k: log.append("%s: %s" % (category.__name__, message))

    unlimited = {k: 0 for k in (ea.COMPRESSED_HISTOGRAMS, ea.IMAGES, ea.AUDIO, ea.SCALARS, ea.HISTOGRAMS, ea.TENSORS)}
    result = {"runs": {}, "other": {}, "errors": []}
    for run, d in run_dirs(logdir):
        acc = ea.EventAccumulator(d, size_guidance=unlimited)
        try:
            acc.Reload()
        except Exception as e:
            result["runs"][run] = {}
            result["errors"].append("%s: %s: %s" % (run, type(e).__name__, e))
            continue
        result["runs"][run], other = ea_run(acc)
        if other:
            result["other"][run] = other
    result["warnings"] = scrub(log, logdir)
    return result


def run_dirs(logdir):
    """Name and directory of each run."""
    for d, dirs, files in os.walk(logdir, followlinks=True):
        dirs.sort()
        if any("tfevents" in f for f in files):
            yield os.path.relpath(d, logdir), d


def ea_run(acc):
    """The run's series that all readers show, and its other ones as tensors."""
    tags = acc.Tags()
    runs, other = {}, {}

    def put(tag, plugin, events, values, **more):
        if plugin not in PLAIN:
            other[tag] = series(plugin, [(e.wall_time, e.step) for e in events], values)
            return
        try:
            m = acc.SummaryMetadata(tag)
            more.update({k: v for k, v in (("display_name", m.display_name), ("description", m.summary_description)) if v})
        except (KeyError, ValueError):
            pass  # a value without metadata
        runs[tag] = series(plugin, [(e.wall_time, e.step) for e in events], values, **more)

    for tag in tags["scalars"]:
        events = acc.Scalars(tag)
        put(tag, "scalars", events, [number(e.value) for e in events])
    for tag in tags["histograms"]:
        # Not turned into rows, which is what the servers do with a HistogramProto.
        events = acc.Histograms(tag)
        put(tag, "histograms", events, [{"total": number(e.histogram_value.num)} for e in events])
    for tag in tags["images"]:
        events = acc.Images(tag)
        put(tag, "images", events, [[blob(e.encoded_image_string)] for e in events])
    for tag in tags["audio"]:
        events = acc.Audio(tag)
        put(tag, "audio", events, [[blob(e.encoded_audio_string)] for e in events])
    for tag in tags["tensors"]:
        events = acc.Tensors(tag)
        try:
            plugin = acc.SummaryMetadata(tag).plugin_data.plugin_name
        except (KeyError, ValueError):
            plugin = ""
        put(tag, plugin, events, [ea_tensor(plugin, e.tensor_proto) for e in events])
    if tags["graph"]:
        try:
            runs[RUN_GRAPH] = {"plugin": "graphs", "nodes": len(acc.Graph().node)}
        except Exception as e:
            runs[RUN_GRAPH] = {"plugin": "graphs", "error": "%s: %s" % (type(e).__name__, e)}
    for tag in tags["run_metadata"]:
        other.setdefault(tag, {"plugin": "graph_tagged_run_metadata"})
    return runs, other


def ea_tensor(plugin, proto):
    """A tensor in the form in which the plugin's page shows it."""
    from tensorboard.plugins.text import text_plugin
    from tensorboard.util import tensor_util

    try:
        a = tensor_util.make_ndarray(proto)
        if plugin == "scalars" and a.size == 1:
            return number(a.reshape(-1)[0])
        if plugin == "histograms" and a.ndim == 2 and a.shape[1] == 3:
            return [[number(x) for x in row] for row in a]
        if plugin == "images":
            return [blob(x) for x in a.reshape(-1)[2:]]
        if plugin == "audio":
            clips = a.reshape(-1)
            return [blob(x) for x in (clips[::2] if a.ndim == 2 and a.shape[1] == 2 else clips)]
        if plugin == "text":
            return text_plugin.text_array_to_html(a, enable_markdown=True)
    except Exception as e:
        return {"error": "%s: %s" % (type(e).__name__, e)}
    return array(a)


def array(a):
    """A tensor of a plugin of which no page is known here: its strings, or its numbers as bytes."""
    if a.dtype == object:
        data = [blob(x if isinstance(x, bytes) else str(x).encode()) for x in a.reshape(-1)]
    else:
        data = blob(a.tobytes())
    return {"dtype": str(a.dtype), "shape": list(a.shape), "data": data}


# ---------------------------------------------------------------------------------------------------------- TensorBoard


class Server:
    """A TensorBoard process on a free port of 127.0.0.1, ended by close()."""

    started, lock, stopping = set(), threading.Lock(), False

    def __init__(self, logdir, fast, timeout):
        args = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--host", "127.0.0.1", "--port", "0",
                "--reload_interval", "0", "--samples_per_plugin", ",".join("%s=%d" % (p, KEEP) for p in PLUGINS)]
        if fast:
            args += ["--load_fast", "true", "--extra_data_server_flags=-v"]
        else:
            args += ["--load_fast", "false", "--reload_task", "blocking"]
        env = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2", CUDA_VISIBLE_DEVICES="", NO_COLOR="1")
        self.logdir = logdir
        with Server.lock:
            if Server.stopping:
                raise RuntimeError("stopped")
            self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         env=env, text=True, errors="replace")
            Server.started.add(self)
        self.lines, self.ended, self.changed = [], False, threading.Condition()
        threading.Thread(target=self._pump, daemon=True).start()
        try:
            self.base = self._wait(r"TensorBoard \S+ at (http://\S+?/)", timeout).group(1)
            if fast:
                self._wait(r"Finished load cycle", timeout)
        except BaseException:
            self.close()
            raise

    def _pump(self):
        for line in self.proc.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _wait(self, pattern, timeout):
        """The first match in what the server prints."""
        def found():
            return self.ended or any(re.search(pattern, x) for x in self.lines)

        with self.changed:
            if not self.changed.wait_for(found, timeout):
                raise RuntimeError("TensorBoard did not load within %ss: %s" % (timeout, self.said()))
            for line in self.lines:
                m = re.search(pattern, line)
                if m:
                    return m
            raise RuntimeError("TensorBoard ended early: %s" % self.said())

    def said(self):
        return "; ".join(scrub(self.lines, self.logdir)) or "it said nothing"

    def get(self, path, params=None, post=None):
        """Status, content type and body."""
        url = self.base + path + ("?" + urllib.parse.urlencode(params) if params else "")
        data, headers = post, {"Content-Type": "application/json"}
        if isinstance(post, dict):
            data, headers = urllib.parse.urlencode(post).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers if data else {}), timeout=60) as r:
                return r.status, r.headers.get("Content-Type", ""), r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers.get("Content-Type", ""), e.read()

    def json(self, path, params=None, post=None):
        """The decoded answer, or {"http_error": status, ...}."""
        status, _, body = self.get(path, params, post)
        if status != 200:
            text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body.decode("utf-8", "replace"))).strip()
            return {"http_error": status, "message": text[:200]}
        return json.loads(body)

    def close(self):
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        with Server.lock:
            Server.started.discard(self)


def stop(*_):
    """Ends the servers and this process."""
    with Server.lock:
        Server.stopping = True
        left = list(Server.started)
    for server in left:
        server.close()
    os._exit(3)


def stop_at_eof():
    def watch():
        while os.read(0, 4096):
            pass
        stop()

    threading.Thread(target=watch, daemon=True).start()


def failed(x):
    return isinstance(x, dict) and "http_error" in x


def read_tensorboard(logdir, fast, timeout):
    server = Server(logdir, fast, timeout)
    try:
        result = query(server)
        if fast:
            address = re.search(r"addr='([^']+)'", json.dumps(server.json("data/environment"))).group(1)
            result["other_plugins"] = other_plugins(grpc_provider(address))
        else:
            result["other_plugins"] = other_plugins(python_provider(logdir))
    finally:
        server.close()
    result["warnings"] = scrub(server.lines, logdir)
    return result


# What a server prints although nothing is wrong, and all of a traceback but its last line.
CHATTER = re.compile(r"TensorBoard \S+ at http|TensorFlow installation not found|Press CTRL\+C|NOTE: Using experimental fast data"
                     r"|load_fast.*behavior|GitHub|(INFO |DEBUG) rustboard_core|caught SIGTERM|oneDNN|cpu_feature_guard"
                     r"|rebuild TensorFlow|absl::InitializeLog|pkg_resources|^\s*$|^Traceback \(most|^  File \"|^    |^\s+[~^]+$")


def scrub(lines, logdir):
    """Warnings without times, process ids and machine paths; repeated ones once, with a count."""
    counts = {}
    for x in lines:
        if CHATTER.search(x):
            continue
        for d in (os.path.realpath(logdir), os.path.abspath(logdir), logdir):
            x = x.replace(d, "LOGDIR")
        x = re.sub(r"^\[[0-9T:Z-]+ ", "[", x)
        x = re.sub(r"^([WEIF])\d{4} [\d:.]+ +\d+ +", r"\1 ", x)
        x = re.sub(r"0x[0-9a-f]+", "0x…", x)
        x = re.sub(r"/\S*/(?:site|dist)-packages/", "", x)
        counts[x] = counts.get(x, 0) + 1
    return [x if n == 1 else "%s (%d times)" % (x, n) for x, n in counts.items()]


def query(s):
    """Everything that the pages could show."""
    plug = "data/plugin/"
    order = s.json("data/runs")
    result = {"runs": {run: {} for run in order}, "run_order": order, "errors": []}
    # Before the list of plugins, which makes the projector look for its files in the background.
    result["projector"] = projector(s, plug)
    listing = s.json("data/plugins_listing")
    result["active"] = sorted(k for k, v in listing.items() if v.get("enabled") and k != "projector")
    runs, differs = result["runs"], []

    def put(run, tag, e):
        there = runs.setdefault(run, {})
        if tag in there:  # two plugins claim the tag
            tag = "%s [%s]" % (tag, e["plugin"])
        there[tag] = e

    def tags(plugin):
        t = s.json(plug + plugin + "/tags")
        if failed(t):
            result["errors"].append("%s/tags: %s" % (plugin, t))
            return []
        # Text has a list of tags a run, the others say something of each tag.
        return [(run, tag, t[run][tag] if isinstance(t[run], dict) else {}) for run in sorted(t) for tag in sorted(t[run])]

    def each(plugin, fetch):
        """Puts the plugin's series, fetched many at a time: the Rust server takes some 40 ms for an answer."""
        def safely(item):
            try:
                e = fetch(*item)
            except (TypeError, KeyError, IndexError, ValueError) as x:
                e = {"error": "an answer of a form that no page could draw: %s: %s" % (type(x).__name__, x)}
            if failed(e):
                e = {"error": e}
            info = item[2]
            more = {"display_name": info.get("displayName"), "description": info.get("description")}
            return {"plugin": plugin, **e, **{k: v for k, v in more.items() if v}}

        items = tags(plugin)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for (run, tag, _), e in zip(items, pool.map(safely, items)):
                put(run, tag, e)

    def time_series(*requests):
        return s.json(plug + "timeseries/timeSeries", post={"requests": json.dumps(requests)})

    def compare_time_series(plugin, run, tag, points, point):
        r = time_series({"plugin": plugin, "tag": tag, "run": run})
        got = None if failed(r) else r[0].get("runToSeries", {}).get(run)
        if got is None or [point(p) for p in got] != points:
            differs.append([plugin, run, tag, r if failed(r) else None if got is None else len(got)])

    def scalar(run, tag, info):
        points = s.json(plug + "scalars/scalars", {"run": run, "tag": tag})
        if failed(points):
            return points
        compare_time_series("scalars", run, tag, points, lambda p: [p["wallTime"], p["step"], p["value"]])
        return series("scalars", [(w, st) for w, st, _ in points], [number(v) for _, _, v in points])

    def histogram(run, tag, info):
        points = s.json(plug + "histograms/histograms", {"run": run, "tag": tag})
        if failed(points):
            return points
        compare_time_series("histograms", run, tag, points,
                            lambda p: [p["wallTime"], p["step"], [[b["min"], b["max"], b["count"]] for b in p["bins"]]])
        d = s.json(plug + "distributions/distributions", {"run": run, "tag": tag})
        return series("histograms", [(w, st) for w, st, _ in points], [[[number(x) for x in row] for row in rows] for _, _, rows in points],
                      distributions=d if failed(d) else {"count": len(d), "last": d[-1][2] if d else None})

    def image(run, tag, info):
        n = info["samples"]
        e = blobs(s, plug + "images/images", plug + "images/individualImage", "images", run, tag, n)
        r = time_series(*[{"plugin": "images", "tag": tag, "run": run, "sample": i} for i in range(n)])
        if failed(r):
            differs.append(["images", run, tag, r])
        elif n > 0:
            ids = [p["imageId"] for x in r for p in x.get("runToSeries", {}).get(run, [])]
            _, kind, body = s.get(plug + "timeseries/imageData", {"imageId": ids[0]}) if ids else (None, None, b"")
            e["time_series"] = {"images": len(ids), "type": kind, "first": blob(body)}
        return e

    def audio(run, tag, info):
        return blobs(s, plug + "audio/audio", plug + "audio/individualAudio", "audio", run, tag, info["samples"])

    def text(run, tag, info):
        points = s.json(plug + "text/text", {"run": run, "tag": tag})
        if failed(points):
            return points
        return series("text", [(p["wall_time"], p["step"]) for p in points], [p["text"] for p in points])

    def pr_curve(run, tag, info):
        r = s.json(plug + "pr_curves/pr_curves", {"run": run, "tag": tag})
        if failed(r):
            return r
        points = r.get(run, [])
        curves = [{k: [number(x) for x in v] for k, v in sorted(p.items()) if isinstance(v, list)} for p in points]
        return series("pr_curves", [(p["wall_time"], p["step"]) for p in points], curves)

    def mesh(run, tag, info):
        parts = s.json(plug + "mesh/meshes", {"run": run, "tag": tag, "sample": 0})
        if failed(parts):
            return parts
        parts.sort(key=lambda p: (p["step"], p["content_type"]))  # the order of a step's parts is nobody's promise
        values = []
        for p in parts:
            kind = {1: "VERTEX", 2: "FACE", 3: "COLOR"}.get(p["content_type"])
            status, _, body = s.get(plug + "mesh/data", {"run": run, "tag": tag, "sample": 0, "step": p["step"], "content_type": kind})
            values.append({"step": p["step"], "part": kind, "components": p["components"], "shape": p["data_shape"],
                           "config": p["config"], "http": status, "data": blob(body)})
        return series("mesh", [(p["wall_time"], p["step"]) for p in parts], values, samples=info.get("samples"))

    for plugin, fetch in (("scalars", scalar), ("histograms", histogram), ("images", image), ("audio", audio), ("text", text),
                          ("pr_curves", pr_curve), ("mesh", mesh)):
        each(plugin, fetch)
    graphs(s, plug, put, result)
    result["hparams"] = hparams(s, plug)
    result["custom_scalars"] = custom_scalars(s, plug, order)

    # Time Series must list the tags that the plugins list.
    listed = s.json(plug + "timeseries/tags")
    theirs = {p: {(r, t) for r, tags in listed[p]["runTagInfo"].items() for t in tags} for p in ("scalars", "histograms")}
    theirs["images"] = {(r, t) for t, rs in listed["images"]["tagRunSampledInfo"].items() for r in rs}
    for p in theirs:
        for r, t in {(r, t) for r in runs for t, e in runs[r].items() if e["plugin"] == p} ^ theirs[p]:
            differs.append([p, r, t, "not listed by " + ("the plugin" if (r, t) in theirs[p] else "Time Series")])
    result["time_series_differs"] = sorted(differs, key=str)
    return result


def blobs(s, list_path, item_path, plugin, run, tag, samples):
    """All samples of a series of blobs, fetched."""
    points, values, types, error = [], [], set(), None
    for i in range(samples):
        items = s.json(list_path, {"run": run, "tag": tag, "sample": i})
        if failed(items):
            error = items
            continue
        for k, item in enumerate(items):
            status, kind, body = s.get(item_path + "?" + item["query"])
            types.add(kind)
            point = (item["wall_time"], item["step"])
            if i == 0 or point not in points:
                points.append(point)
                values.append([])
            # Steps may have fewer samples than the series, and a step may be there twice.
            at = k if k < len(points) and points[k] == point else points.index(point)
            values[at].append(blob(body) if status == 200 else {"http": status})
    e = series(plugin, points, values, samples=samples, types=sorted(types))
    if error:
        e["error"] = error
    return e


def graphs(s, plug, put, result):
    info = s.json(plug + "graphs/info")
    result["graphs"] = info
    if failed(info):
        return

    def text(params, path="graph"):
        status, _, body = s.get(plug + "graphs/" + path, params)
        if status != 200:
            return {"error": "http %d: %s" % (status, body[:120].decode("utf-8", "replace"))}
        return {"nodes": len(re.findall(rb"(?m)^node \{", body)), "text": blob(body)}

    for run, r in sorted(info.items()):
        if r["run_graph"]:
            put(run, RUN_GRAPH, {"plugin": "graphs", **text({"run": run})})
        for tag, t in sorted(r["tags"].items()):
            e = {"plugin": "graph tag"}
            if t["op_graph"]:
                e["op_graph"] = text({"run": run, "tag": tag})
            if t["conceptual_graph"]:
                e["conceptual_graph"] = text({"run": run, "tag": tag, "conceptual": "true"})
            if t["profile"]:
                e["profile"] = text({"run": run, "tag": tag}, "run_metadata")
            put(run, tag, e)


def hparams(s, plug):
    experiment = s.json(plug + "hparams/experiment", post=b'{"experimentName": ""}')
    if failed(experiment):
        return {"experiment": experiment}
    columns = [{"hparam": h["name"]} for h in experiment.get("hparamInfos", [])]
    columns += [{"metric": m["name"]} for m in experiment.get("metricInfos", [])]
    request = {"experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
               "colParams": columns, "startIndex": 0, "sliceSize": 1000, "includeMetrics": True}
    return {"experiment": experiment, "session_groups": s.json(plug + "hparams/session_groups", post=json.dumps(request).encode())}


def custom_scalars(s, plug, runs):
    """The layout and, by run and chart, how many points of which tags it draws."""
    layout = s.json(plug + "custom_scalars/layout")
    if failed(layout) or not layout:
        return {"layout": layout}
    patterns = []
    for category in layout.get("category", []):
        for chart in category.get("chart", []):
            patterns += chart.get("multiline", {}).get("tag", [])
            for margin in chart.get("margin", {}).get("series", []):
                patterns += [margin.get(k, "") for k in ("value", "lower", "upper")]
    drawn = {}
    for pattern in dict.fromkeys(patterns):
        for run in runs:
            r = s.json(plug + "custom_scalars/scalars", {"run": run, "tag": pattern})
            if failed(r) or r.get("tag_to_events"):
                drawn.setdefault(run, {})[pattern] = r if failed(r) else {t: len(v) for t, v in sorted(r["tag_to_events"].items())}
    return {"layout": layout, "drawn": drawn}


def projector(s, plug):
    runs = s.json(plug + "projector/runs")
    if failed(runs):
        return {"runs": runs}
    out = {}
    for run in runs:
        config = s.json(plug + "projector/info", {"run": run})
        files = {}
        for e in config.get("embeddings", []):
            for what, there in (("tensor", True), ("metadata", "metadataPath" in e), ("sprite_image", "sprite" in e)):
                if there:
                    status, kind, body = s.get(plug + "projector/" + what, {"run": run, "name": e["tensorName"]})
                    files["%s %s" % (e["tensorName"], what)] = {"http": status, "type": kind, "data": blob(body)}
        out[run] = {"config": config, "files": files}
    return {"runs": out}


# --- Plugins that no query above covers, through the data provider that a page of theirs would ask.


def python_provider(logdir):
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer

    class All(dict):
        def get(self, key, default=None):
            return 0

    mux = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance=All())
    mux.AddRunsFromDirectory(logdir)
    mux.Reload()
    return data_provider.MultiplexerDataProvider(mux, logdir)


def grpc_provider(address):
    import grpc
    from tensorboard.data import grpc_provider as gp

    channel = grpc.secure_channel(address, grpc.local_channel_credentials(), [("grpc.max_receive_message_length", 1 << 28)])
    return gp.GrpcDataProvider(address, gp.make_stub(channel))


def other_plugins(p):
    """The names of all plugins with data, and of those unknown here what they have: {plugin: {run: {tag: {...}}}}."""
    from tensorboard import context
    from tensorboard.data import provider

    ctx = context.RequestContext()
    names = p.list_plugins(ctx, experiment_id="")
    out = {"listed": sorted(names)}
    for name in sorted(set(names) - set(PLUGINS)):
        plugin = out[name] = {}
        for kind, lister, reader in (("scalar", p.list_scalars, p.read_scalars), ("tensor", p.list_tensors, p.read_tensors),
                                     ("blobs", p.list_blob_sequences, p.read_blob_sequences)):
            for run, tags in lister(ctx, experiment_id="", plugin_name=name).items():
                for tag, metadata in tags.items():
                    only = provider.RunTagFilter([run], [tag])
                    points = reader(ctx, experiment_id="", plugin_name=name, downsample=KEEP, run_tag_filter=only).get(run, {}).get(tag, [])
                    values = {"scalar": lambda d: number(d.value), "tensor": lambda d: array(d.numpy),
                              "blobs": lambda d: len(d.values)}[kind]
                    content = base64.b64encode(metadata.plugin_content).decode()
                    plugin.setdefault(run, {})[tag] = {"class": kind, "steps": [d.step for d in points], "content": content,
                                                       "display_name": metadata.display_name, "values": [values(d) for d in points]}
    return out


# ----------------------------------------------------------------------------------------------------------------- diff


def diff(readers):
    """Lines that say where the readers disagree; EventAccumulator is compared in what it can know."""
    out = []
    servers = [n for n in ("py", "rb") if "failed" not in readers[n]]
    names = servers + [n for n in ("ea",) if "failed" not in readers[n]]

    def compare(where, values):
        if len({json.dumps(v, sort_keys=True) for _, v in values}) > 1:
            out.append("%s: %s" % (where, "  ".join("%s=%s" % (n, short(v)) for n, v in values)))

    for n in names:
        out += ["%s: %s" % (n, e) for e in readers[n]["errors"]] if n == "ea" else []
    compare("run order", [(n, readers[n]["run_order"]) for n in servers])
    for run in sorted(set().union(*[readers[n]["runs"] for n in names])):
        there = [(n, run in readers[n]["runs"]) for n in names]
        compare("run %r listed" % run, there)
        for tag in sorted(set().union(*[readers[n]["runs"].get(run, {}) for n in names])):
            diff_series("run %r tag %r" % (run, tag), {n: readers[n]["runs"].get(run, {}).get(tag) for n in names}, tag, compare)
    for key in ("active", "errors", "graphs", "hparams", "custom_scalars", "projector", "other_plugins"):
        compare(key, [(n, readers[n][key]) for n in servers])
    for n in servers:
        out += ["%s: Time Series differs from the plugin's own answer: %s" % (n, short(d)) for d in readers[n]["time_series_differs"]]
    return out


def diff_series(where, found, tag, compare):
    by_servers = [e for n, e in found.items() if n != "ea" and e]
    if any(e["plugin"] in ("mesh", "graph tag") or e.get("samples") == 0 for e in by_servers):
        found.pop("ea", None)  # it has a mesh's parts under other tags, and steps without a picture
    compare(where + " listed", [(n, e["plugin"] if e else None) for n, e in found.items()])
    found = {n: e for n, e in found.items() if e}
    if len(found) < 2:
        return
    compare(where + " nodes", [(n, e.get("nodes")) for n, e in found.items()])
    if not any("error" in e for e in found.values()):
        compare(where + " steps", [(n, e.get("steps")) for n, e in found.items()])
        compare(where + " wall times", [(n, e.get("wall_times")) for n, e in found.items()])
    plugin = next(iter(found.values()))["plugin"]
    values = [(n, e.get("values")) for n, e in found.items()]
    if plugin == "scalars":
        # The data server serves float32, the others what was written.
        compare(where + " values", [(n, [float32(x) for x in v or []]) for n, v in values])
    elif plugin == "histograms":
        compare(where + " totals", [(n, [total(x) for x in v or []]) for n, v in values])
        values = [(n, v) for n, v in values if not any(isinstance(x, dict) for x in v or [])]
        rows = [(n, [len(x) for x in v or []]) for n, v in values]
        compare(where + " rows", rows)
        if len({str(r) for _, r in rows}) < 2:
            compare(where + " values", values)
    elif plugin == "pr_curves":
        compare(where + " values", [(n, v) for n, v in values if n != "ea"])
    elif not any("error" in e for e in found.values()):
        compare(where + " values", values)

    said = {"plugin", "steps", "wall_times", "values", "nodes", "display_name"}
    if plugin == "histograms" and len({str(v) for n, v in values if n != "ea"}) > 1:
        said.add("distributions")  # made from the values
    rest = [(n, e) for n, e in found.items() if n != "ea"]
    for key in sorted(set().union(*[e for _, e in rest]) - said):
        compare(where + " " + key, [(n, e.get(key)) for n, e in rest])
    # The Python server fills in the tag where there is no name.
    compare(where + " display name", [(n, None if e.get("display_name") == tag else e.get("display_name")) for n, e in rest])


def total(value):
    """How many elements a histogram counts."""
    if isinstance(value, dict):
        return value.get("total")
    return number(sum(float(row[2]) for row in value))


def float32(x):
    if not isinstance(x, float):
        return x
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return "Infinity" if x > 0 else "-Infinity"


def short(v):
    text = json.dumps(v, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 300 else text[:200] + " … " + text[-60:]


def ask(logdir, timeout):
    """What each of the readers shows. They work at the same time, EventAccumulator in this thread."""
    readers = {}

    def work(name):
        try:
            readers[name] = read_ea(logdir) if name == "ea" else read_tensorboard(logdir, name == "rb", timeout)
        except Exception as e:
            readers[name] = {"failed": "%s: %s" % (type(e).__name__, e)}

    threads = [threading.Thread(target=work, args=(name,)) for name in ("py", "rb")]
    try:
        for t in threads:
            t.start()
        work("ea")
    finally:
        for t in threads:
            t.join()
    return {name: readers[name] for name in ("ea", "py", "rb")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("logdir")
    parser.add_argument("--diff", action="store_true", help="print only where the readers disagree")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for a server to start and load")
    parser.add_argument("--stop-at-eof", action="store_true", help="end when standard input ends")
    a = parser.parse_args()
    if not os.path.isdir(a.logdir):
        parser.error("no such directory: %s" % a.logdir)
    try:
        from tensorboard import version
    except ImportError:
        sys.exit("%s has no tensorboard" % sys.executable)
    signal.signal(signal.SIGTERM, stop)
    if a.stop_at_eof:
        stop_at_eof()
    readers = ask(a.logdir, a.timeout)
    lines = diff(readers)
    broken = ["%s failed: %s" % (n, r["failed"]) for n, r in readers.items() if "failed" in r]
    if a.diff:
        print("\n".join(broken + lines) or "the readers agree")
    else:
        print(json.dumps({"tensorboard": version.VERSION, "readers": readers, "disagreements": lines}, ensure_ascii=False, indent=1))
    sys.exit(2 if broken else 1 if lines else 0)


if __name__ == "__main__":
    main()
