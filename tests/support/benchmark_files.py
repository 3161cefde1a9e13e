"""Benchmark rows of an earlier run, for the tests that read them as a baseline."""

from harness.benchmarks.rows import blank

KEY = ("mlp_64_32", "train", 32)
MACHINE = {"cpu": "A", "cores": 2, "tensorflow": "2.21.0"}


def benchmark_row(**changes):
    speedup = {"keras fit": {"ratio": 4.0, "low": 3.9, "high": 4.1}}
    return {
        **blank(KEY, "engine", "measured", None),
        "machine": MACHINE,
        "commit": "abc",
        "speedup": speedup,
        **changes,
    }
