"""Writes what NumPy makes of arrays by each rule: rules.py OUT [RANDOM], where
RANDOM is how many arrays of random kinds come instead of the chosen ones. OUT is
rules.json, to be compressed."""
import base64
import json
import sys
import warnings

import numpy as np

RULES = ["auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt"]
warnings.simplefilter("ignore")


def packed(a):
    return base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()


def case(a):
    made = {}
    for rule in RULES:
        try:
            counts, edges = np.histogram(a, bins=rule)
            made[rule] = {"edges": packed(edges), "counts": counts.tolist()}
        except (ValueError, MemoryError, OverflowError) as e:
            made[rule] = {"error": str(e)}
    return {"dtype": str(a.dtype), "data": packed(a), "numpy": made}


def kinds(r, n):
    f = np.float64
    yield "normal", r.normal(size=n)
    yield "normal, far from 0", r.normal(1e6, 1e-3, n)
    yield "of float32", r.normal(size=n).astype(np.float32).astype(f)
    yield "uniform", r.uniform(-3, 3, n)
    yield "rounded", np.round(r.uniform(0, 1, n), 2)
    yield "exponential", r.exponential(size=n)
    yield "lognormal", r.lognormal(0, 2, n)
    yield "cauchy", np.clip(r.standard_cauchy(n), -1e3, 1e3)
    yield "half zero", np.maximum(r.normal(size=n), 0)
    yield "mostly zero", np.where(r.uniform(size=n) < 0.9, 0, r.normal(size=n))
    yield "two heaps", np.concatenate([r.normal(-5, 1, n // 2), r.normal(5, 0.1, n - n // 2)])
    yield "line", np.linspace(-1, 1, n)
    yield "tiny", 1e-300 * r.normal(size=n)
    yield "huge", 1e300 * r.uniform(size=n)
    yield "small integers", r.integers(-3, 4, n)
    yield "integers", np.round(1000 * r.normal(size=n)).astype(np.int64)
    yield "bytes", r.integers(0, 256, n).astype(np.uint8)
    yield "counts", r.poisson(3, n).astype(np.int32)
    yield "integers as floats", r.integers(-3, 4, n).astype(f)


def chosen():
    for n in 1, 2, 3, 8, 27, 64, 100, 125, 129, 1000:
        for kind, a in kinds(np.random.default_rng(n), n):
            if n <= 129 or kind in ("normal", "lognormal", "integers", "bytes", "rounded"):
                yield f"{n} {kind}", np.round(a, 2) if n == 1000 else a
        yield f"{n} equal", np.full(n, 0.1)
        yield f"{n} equal integers", np.full(n, 7)
        yield f"{n} steps", np.arange(n, dtype=np.float64)
        yield f"{n} integer steps", np.arange(n)
    yield "20000 thirds", np.arange(20000) % 300 / 3
    yield "none", np.zeros(0)
    yield "no integers", np.zeros(0, np.int64)
    yield "an outlier", np.append(np.arange(16.0), 1e4)
    yield "neighbours", np.array([1, np.nextafter(1, 2), np.nextafter(1, 2)])
    yield "zeros of both signs", np.array([0.0, -0.0, 1.0])
    yield "skewed integers", np.array([1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])


def random(count):
    r = np.random.default_rng(count)
    for i in range(count):
        n = int(r.choice([r.integers(1, 40), r.integers(1, 400), r.integers(1, 20) ** 3, 2 ** r.integers(0, 12)]))
        for j, (kind, a) in enumerate(kinds(r, n)):
            if j == i % 19:
                yield f"{i}: {n} {kind}", a


arrays = random(int(sys.argv[2])) if len(sys.argv) > 2 else chosen()
with open(sys.argv[1], "w") as out:
    json.dump({"numpy": np.__version__, "cases": {name: case(a) for name, a in arrays}}, out)
