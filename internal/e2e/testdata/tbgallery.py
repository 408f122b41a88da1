#!/usr/bin/env python3
"""Draws examples/gallery/tensorboard.png: a part of each page of TensorBoard, over what the gallery wrote.

    go run ./examples/gallery -logdir LOGDIR
    python tbgallery.py LOGDIR tensorboard.png [PAGE...]

It needs what tbshot.py needs.
"""

import io
import json
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the working tree

from PIL import Image

from tbshot import FIND, Browser, Server

TILE, GAP, COLUMNS = (520, 346), 8, 3
WINDOW = (1400, 1000)
FILTER = "Filter tags (regular expressions supported)"
# For each page what is done there, and which part of it is taken: left, top, width, height. Done is: "load" again, "click",
# "open" by a double click, click "at" a place, or write a "filter" for tags.
PAGES = [
    ("scalars", [("filter", "^accuracy|^loss|batch|test/loss$")], (362, 124, 730, 486)),
    ("images", [("filter", "boundary$|mistakes|video|train")], (362, 124, 740, 492)),
    ("histograms", [("filter", "layer_[12]|auto|predictions")], (362, 124, 680, 452)),
    ("distributions", [("filter", "layer_[12]|auto|predictions")], (362, 124, 740, 492)),
    ("graphs", [("open", "model"), ("open", "hidden_1"), ("click", "Fit to screen")], (352, 66, 1046, 934)),
    ("mesh", [], (366, 166, 1026, 540)),
    ("projector", [("load", "")], (314, 126, 784, 522)),
    ("pr_curves", [("filter", "test"), ("at", (297, 233))], (362, 124, 680, 452)),
    ("hparams", [("click", "PARALLEL COORDINATES VIEW")], (288, 64, 1110, 740)),
    ("custom_scalars", [], (362, 66, 740, 492)),
    ("text", [("filter", "report")], (362, 124, 740, 492)),
    ("audio", [], (362, 124, 740, 492)),
]


def page(server, browser, tab, acts):
    browser.seen.clear()
    browser.open(server.base + "#" + tab, WINDOW)
    browser.rest(3, 60, "/plugin/%s/" % tab)
    for how, what in acts:
        if how == "load":
            browser.call("Page.reload", session=browser.session)
        elif how == "at":
            browser.press(*what)
        else:
            at = browser.run(FIND % (json.dumps(FILTER if how == "filter" else what), json.dumps(how == "click")))
            if how != "click":
                browser.press(*at, times=2)
            if how == "filter":
                browser.call("Input.insertText", {"text": what}, browser.session)
        browser.stirred()
        browser.rest(8 if how == "load" else 3, 60)
    return Image.open(io.BytesIO(browser.shot())).convert("RGB")


def main():
    logdir, out, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    pages = [p for p in PAGES if not only or p[0] in only]
    rows = -(-len(pages) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (TILE[0] + GAP) + GAP, rows * (TILE[1] + GAP) + GAP), "#f57c00")
    server = Server(logdir, True, 60)
    browser = Browser(WINDOW)
    try:
        for i, (tab, acts, (x, y, width, height)) in enumerate(pages):
            part = page(server, browser, tab, acts).crop((x, y, x + width, y + height))
            tile = Image.new("RGB", TILE, "white")
            scale = min(TILE[0] / width, TILE[1] / height)
            tile.paste(part.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS))
            sheet.paste(tile, (GAP + i % COLUMNS * (TILE[0] + GAP), GAP + i // COLUMNS * (TILE[1] + GAP)))
    finally:
        browser.close()
        server.close()
    sheet.quantize(256, dither=Image.Dither.NONE).save(out, optimize=True)


if __name__ == "__main__":
    main()
