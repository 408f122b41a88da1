#!/usr/bin/env python3
"""A picture of TensorBoard's page for a log directory, taken by headless Chromium once the page is at rest.

    python tbshot.py LOGDIR OUT.png [--tab timeseries] [--reader rb|py] [--size 1400x1000] [--query tagFilter=loss]
                     [--scroll PIXELS] [--settle 2] [--reload] [--click TEXT]... [--open TEXT]... [--text] [--timeout 60]

Tabs: timeseries scalars images audio histograms distributions graphs text hparams pr_curves mesh custom_scalars projector.
It prints one JSON line, what the page holds (charts, pictures, errors), so that an empty page is noticed. --text adds the visible
text. Exit code 1: the page did not come to rest in time. It needs a Python with tensorboard, and chromium on the PATH, which it
drives through a pipe: no port, no further package.
"""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True  # no __pycache__ in the working tree
from tbcheck import Server  # noqa: E402

# Walks the page with its shadow roots: TensorBoard's older dashboards live in them.
PROBE = """
(() => {
  const count = {svg_path: 0, canvas: 0, img: 0, cards: 0, line_charts: 0, rows: 0, audio: 0};
  const texts = [], errors = [];
  const seen = (el) => { const r = el.getBoundingClientRect(); return r.width > 1 && r.height > 1; };
  const walk = (root) => {
    for (const el of root.querySelectorAll('*')) {
      const n = el.localName;
      if (seen(el)) {
        if (n === 'path') count.svg_path++;
        else if (n === 'canvas') count.canvas++;
        else if (n === 'img') count.img++;
        else if (n === 'audio') count.audio++;
        else if (n === 'card-view' || n === 'tf-card-heading') count.cards++;
        else if (n === 'line-chart' || n === 'vz-line-chart2' || n === 'vz-histogram-timeseries' || n === 'tb-histogram') count.line_charts++;
        else if (n === 'tr') count.rows++;
        if (/error|warning|no-data/.test(el.className && el.className.baseVal === undefined ? el.className : '') && el.innerText) errors.push(el.innerText.slice(0, 200));
        for (const c of el.childNodes) if (c.nodeType === 3 && c.data.trim() && n !== 'style' && n !== 'script') texts.push(c.data.trim());
      }
      if (el.shadowRoot) walk(el.shadowRoot);
    }
  };
  walk(document);
  return JSON.stringify({count, texts, errors: [...new Set(errors)].slice(0, 10)});
})()
"""

FIND = """
((want, click) => {
  let hit = null;
  const walk = (root) => {
    for (const el of root.querySelectorAll('*')) {
      const own = [...el.childNodes].filter(c => c.nodeType === 3).map(c => c.data.trim()).join(' ').trim();
      const r = el.getBoundingClientRect();
      if (!hit && r.width > 1 && r.height > 1 && (own === want || el.getAttribute('aria-label') === want || el.title === want)) hit = el;
      if (el.shadowRoot) walk(el.shadowRoot);
    }
  };
  walk(document);
  if (!hit) return null;
  if (click) hit.click();
  const r = hit.getBoundingClientRect();
  return [r.left + r.width / 2, r.top + r.height / 2];
})(%s, %s)
"""

SCROLL = """
((y) => {
  const walk = (root) => {
    for (const el of root.querySelectorAll('*')) {
      if (el.scrollHeight > el.clientHeight + 20 && el.clientWidth > 500 && /auto|scroll/.test(getComputedStyle(el).overflowY)) el.scrollTop = y;
      if (el.shadowRoot) walk(el.shadowRoot);
    }
  };
  walk(document);
  window.scrollTo(0, y);
})(%d)
"""


class Browser:
    """Chromium over --remote-debugging-pipe: NUL-ended JSON on file descriptors 3 and 4."""

    def __init__(self, size):
        exe = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome")) if p), None)
        if exe is None:
            raise SystemExit("no chromium on the PATH")
        self.profile = tempfile.mkdtemp()
        to_r, self.to_w = os.pipe()
        self.from_r, from_w = os.pipe()

        def wire():
            os.dup2(to_r, 63)
            os.dup2(from_w, 64)
            os.dup2(63, 3)
            os.dup2(64, 4)
            os.close(63)
            os.close(64)

        args = [exe, "--headless=new", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir=" + self.profile,
                "--window-size=%d,%d" % size, "--hide-scrollbars", "--force-color-profile=srgb", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
                "--ignore-gpu-blocklist", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update", "about:blank"]
        if os.geteuid() == 0:
            args.insert(1, "--no-sandbox")  # with which it does not run as root
        self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=wire)
        os.close(to_r)
        os.close(from_w)
        self.lock = threading.Condition()
        self.answers, self.open_requests, self.seen, self.last_net, self.console, self.n = {}, {}, [], time.time(), [], 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        buf = b""
        while True:
            try:
                chunk = os.read(self.from_r, 1 << 16)
            except OSError:
                return
            if not chunk:
                return
            buf += chunk
            while b"\0" in buf:
                raw, buf = buf.split(b"\0", 1)
                m = json.loads(raw)
                with self.lock:
                    if "id" in m:
                        self.answers[m["id"]] = m
                    else:
                        self._event(m)
                    self.lock.notify_all()

    def _event(self, m):
        kind, p = m.get("method"), m.get("params", {})
        if kind == "Network.requestWillBeSent" and not p["request"]["url"].startswith("data:") and "_worker.js" not in p["request"]["url"]:
            # (the end of a worker's script is told to another session)
            self.open_requests[p["requestId"]] = p["request"]["url"]
            self.last_net = time.time()
        elif kind in ("Network.loadingFinished", "Network.loadingFailed"):
            url = self.open_requests.pop(p["requestId"], None)
            if url:
                self.seen.append(urllib.parse.urlsplit(url).path)
            self.last_net = time.time()
        elif kind == "Runtime.exceptionThrown":
            self.console.append(p["exceptionDetails"].get("exception", {}).get("description", p["exceptionDetails"].get("text", ""))[:300])
        elif kind == "Network.responseReceived" and p["response"]["status"] >= 400:
            self.console.append("HTTP %d %s" % (p["response"]["status"], urllib.parse.urlsplit(p["response"]["url"]).path))

    def call(self, method, params=None, session=None, timeout=30):
        with self.lock:
            self.n += 1
            me = self.n
        m = {"id": me, "method": method, "params": params or {}}
        if session:
            m["sessionId"] = session
        os.write(self.to_w, json.dumps(m).encode() + b"\0")
        deadline = time.time() + timeout
        with self.lock:
            while me not in self.answers:
                if not self.lock.wait(max(0.01, deadline - time.time())) and time.time() > deadline:
                    raise RuntimeError("chromium did not answer %s" % method)
            a = self.answers.pop(me)
        if "error" in a:
            raise RuntimeError("%s: %s" % (method, a["error"].get("message")))
        return a["result"]

    def open(self, url, size):
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for d in ("Page", "Network", "Runtime"):
            self.call(d + ".enable", session=self.session)
        self.call("Emulation.setDeviceMetricsOverride", {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}, self.session)
        self.call("Page.navigate", {"url": url}, self.session)

    def rest(self, quiet, limit, after=""):
        """Waits for an answer on a path with `after`, then until no request is open and none was for `quiet` seconds."""
        deadline = time.time() + limit
        with self.lock:
            while time.time() < deadline:
                there = any(after in path for path in self.seen)
                left = self.last_net + quiet - time.time()
                if there and not self.open_requests and left <= 0:
                    return True
                busy = not there or self.open_requests
                self.lock.wait(deadline - time.time() if busy else left)
        return False

    def stirred(self):
        """Counts what was just done to the page as a request, of which one may follow."""
        with self.lock:
            self.last_net = time.time()

    def run(self, js):
        return self.call("Runtime.evaluate", {"expression": js, "returnByValue": True}, self.session)["result"].get("value")

    def press(self, x, y, times=1):
        """Clicks with the mouse."""
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "clickCount": count}, self.session)

    def shot(self):
        return base64.b64decode(self.call("Page.captureScreenshot", {"format": "png"}, self.session, timeout=60)["data"])

    def close(self):
        try:
            self.call("Browser.close", timeout=5)
            self.proc.wait(5)
        except Exception:
            pass
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(5)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("logdir")
    ap.add_argument("out")
    ap.add_argument("--tab", default="timeseries")
    ap.add_argument("--reader", choices=["rb", "py"], default="rb")
    ap.add_argument("--size", default="1400x1000")
    ap.add_argument("--query", default="", help="URL query, for example tagFilter=loss or runFilter=a")
    ap.add_argument("--scroll", type=int, default=0)
    ap.add_argument("--settle", type=float, default=2.0, help="seconds to wait after the last request")
    ap.add_argument("--click", dest="acts", action="append", default=[], type=lambda x: (x, True),
                    help="click the element with this text, label or title first (again for more)")
    ap.add_argument("--open", dest="acts", action="append", type=lambda x: (x, False), help="double-click it: a box of a graph")
    ap.add_argument("--reload", action="store_true", help="load the page twice: the projector is found while the first loads")
    ap.add_argument("--text", action="store_true")
    ap.add_argument("--timeout", type=float, default=60)
    a = ap.parse_args()
    size = tuple(int(x) for x in a.size.split("x"))
    server = Server(a.logdir, a.reader == "rb", a.timeout)
    browser = None
    try:
        browser = Browser(size)
        browser.open(server.base + ("?" + a.query if a.query else "") + "#" + a.tab, size)
        rested = browser.rest(a.settle, a.timeout, "/plugin/%s/" % a.tab)
        if a.reload:
            browser.call("Page.reload", session=browser.session)
            browser.stirred()
            rested = browser.rest(a.settle, a.timeout)
        for what, click in a.acts:
            at = browser.run(FIND % (json.dumps(what), json.dumps(click)))
            if not at:
                print("nothing to click: %r" % what, file=sys.stderr)
            elif not click:
                browser.press(*at, times=2)
            browser.stirred()
            rested = browser.rest(a.settle, a.timeout)
        if a.scroll:
            browser.run(SCROLL % a.scroll)
            browser.stirred()
            rested = browser.rest(a.settle, a.timeout)
        png = browser.shot()
        page = json.loads(browser.run(PROBE))
    finally:
        if browser:
            browser.close()
        server.close()
    with open(a.out, "wb") as f:
        f.write(png)
    report = {"out": a.out, "bytes": len(png), "tab": a.tab, "at_rest": rested, **page["count"], "errors": page["errors"], "console": browser.console[:10]}
    if a.text:
        report["text"] = page["texts"]
    print(json.dumps(report, ensure_ascii=False))
    sys.exit(0 if rested else 1)


if __name__ == "__main__":
    main()
