#!/usr/bin/python3
"""Measures the native engine's kernels, side by side with what else there is.

    kernels.py harness directory P1|P2 ...

The harness is test/bench/harness.c as a shared library, the directory is where
models.py left its models.  One line a measure: the other's time over ours, on
the same rows, in one thread.  All contestants take turns, the median counts.
Besides XGBoost's C API these are tl2cgen, a compiler of tree models, and
oneDAL's model builder, where Python finds them.
"""
import ctypes
import os
import statistics
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

SHAPES = ["100x6x30", "500x8x30", "1000x6x30"]
SIMD = {"scalar": (1, 1.2), "avx2": (2, 2), "avx512": (3, 4)}
SINGLE = 10
BLOCK = 1024
ROUNDS = 21
FEATURES = 30
COMPILED_TREES = 100    # compiling more of them takes minutes

harness = ctypes.CDLL(sys.argv[1])
harness.bench_open.restype = ctypes.c_void_p
harness.bench_has.restype = ctypes.c_bool
directory = Path(sys.argv[2])
missed = False


def make_rows():
    random = np.random.RandomState(7)
    rows = random.normal(size=(BLOCK, FEATURES)).astype(np.float32)
    rows[random.uniform(size=rows.shape) < 0.02] = np.nan
    return rows


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


class Contestant:
    """Scores all rows in score(at_once); values are those of the last time."""

    def __init__(self, name, score):
        self.name = name
        self.score = score
        self.times = []
        self.repeats = 1

    def measure(self, at_once):
        start = time.perf_counter()
        for _ in range(self.repeats):
            self.values = self.score(at_once)
        self.times.append((time.perf_counter() - start) / self.repeats)

    def calibrate(self, at_once):
        """Measures that are too short are repeated, for a millisecond."""
        self.measure(at_once)
        self.repeats = max(1, int(0.002 / self.times[0]))
        self.times = []


def native(model, rows, simd):
    values = np.empty(len(rows), np.float32)

    def score(at_once):
        harness.bench_native(model, simd, pointer(rows), ctypes.c_size_t(len(rows)),
                             ctypes.c_size_t(at_once), pointer(values))
        return values
    return score


def library(model, rows):
    values = np.empty(len(rows), np.float32)

    def score(at_once):
        harness.bench_library(model, pointer(rows), ctypes.c_size_t(len(rows)),
                              ctypes.c_size_t(at_once), pointer(values))
        return values
    return score


def tl2cgen(path, rows):
    """A row at a time is all that its code can do, and saves its own loop."""
    import tl2cgen
    import treelite
    compiled = path.with_suffix(".so")
    tl2cgen.export_lib(treelite.frontend.load_xgboost_model(str(path), format_choice="ubjson"),
                       toolchain="gcc", libpath=compiled, params={"parallel_comp": 8}, nthread=1)
    predict = ctypes.CDLL(str(compiled)).predict
    values = np.empty(len(rows), np.float32)

    def score(at_once):
        harness.bench_compiled(predict, pointer(rows), ctypes.c_size_t(len(rows)),
                               ctypes.c_size_t(rows.shape[1]), pointer(values))
        return values
    return score


def onedal(path, rows):
    import daal4py
    import daal4py.mb
    import treelite
    daal4py.daalinit(1)
    model = daal4py.mb.convert_model(
        treelite.frontend.load_xgboost_model(str(path), format_choice="ubjson"))

    def score(at_once):
        return np.concatenate([model.predict_proba(rows[i:i + at_once])[:, -1]
                               for i in range(0, len(rows), at_once)])
    return score


def others(shape, path, rows):
    for name, make in (("tl2cgen", tl2cgen), ("onedal", onedal)):
        if name == "tl2cgen" and int(shape.split("x")[0]) > COMPILED_TREES:
            continue
        try:
            yield Contestant(name, make(path, rows))
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            print(f"   {shape} {name} is not compared: {reason}", file=sys.stderr)


def compete(contestants, at_once):
    for contestant in contestants:
        contestant.times = []
        contestant.repeats = 1
        contestant.calibrate(at_once)
    for _ in range(ROUNDS):
        for contestant in contestants:
            contestant.measure(at_once)
    result = {}
    for contestant in contestants:
        result[contestant.name] = statistics.median(contestant.times) / BLOCK * 1e6
    print("   " + ", ".join(f"{name} {us:.3f}" for name, us in result.items()) +
          " us a row, " + ("in blocks" if at_once > 1 else "one by one"), file=sys.stderr)
    return result


def report(measure, shape, what, ratio, must):
    global missed
    passed = ratio >= must
    missed = missed or not passed
    print(f"{measure} {shape} {what} ratio={ratio:.2f} must>={must} {'pass' if passed else 'miss'}",
          flush=True)


def check(contestants):
    expected = next(c.values for c in contestants if c.name == "library")
    for contestant in contestants:
        same = np.array_equal(contestant.values, expected) \
            if contestant.name in SIMD or contestant.name == "native" \
            else np.allclose(contestant.values, expected, atol=1e-4)
        if not same:
            sys.exit(f"{contestant.name} gives other values than the library")


for shape in SHAPES:
    path = directory / f"m{shape}.ubj"
    rows = make_rows()
    model = ctypes.c_void_p(harness.bench_open(str(path).encode(), ctypes.c_size_t(BLOCK)))
    rivals = list(others(shape, path, rows))
    simds = [name for name, (number, _) in SIMD.items() if harness.bench_has(number)]
    if "P1" in sys.argv[3:]:
        contestants = [Contestant("library", library(model, rows))] + rivals + \
            [Contestant(name, native(model, rows, SIMD[name][0])) for name in simds]
        times = compete(contestants, BLOCK)
        check(contestants)
        for name in simds:
            report("P1", shape, name, times["library"] / times[name], SIMD[name][1])
        for rival in rivals:
            report("P1", shape, f"{simds[-1]}:{rival.name}", times[rival.name] / times[simds[-1]], 1)
    if "P2" in sys.argv[3:]:
        contestants = [Contestant("library", library(model, rows))] + rivals + \
            [Contestant("native", native(model, rows, 0))]
        times = compete(contestants, 1)
        check(contestants)
        report("P2", shape, "native", times["library"] / times["native"], SINGLE)
        for rival in rivals:
            report("P2", shape, f"native:{rival.name}", times[rival.name] / times["native"], 1)
sys.exit(1 if missed else 0)
