"""results.json and the history, wherever they are read back: report, baselines, later runs."""

import contextlib
import io
import json
from collections.abc import Mapping
from typing import Any

from harness.app.pytest_plugin import finish
from harness.evaluation.baseline import benchmarks as bench_baseline
from harness.evaluation.baseline import previous_results
from harness.evaluation.results import files, history
from harness.report import __main__ as report
from harness.report.schema import loading
from harness.report.schema import results as schema
from harness.report.schema.values import plain
from harness.statistics.time_ratios import Ratio
from reference.errors import UserError
from tests.fuzzing.formats import JSON, JSON_LINES
from tests.fuzzing.network_targets import BAD_JSON
from tests.fuzzing.target import Limits, Target, as_file, scratch
from tests.support import baseline_files, benchmark_files
from tests.support.samples.evidence_results import complete
from tests.support.samples.progress_results import baseline as sample_baseline
from tests.support.samples.progress_results import history as sample_history
from tests.support.samples.results import failing


def _bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


def _bad(whole: bytes, *pairs: tuple[bytes, bytes]) -> Mapping[str, bytes]:
    """JSON that is none, and a good document with one value replaced."""
    changed = {}
    for old, new in pairs:
        assert old in whole, old
        changed[f"{new[:40]!r} for {old[:40]!r}"] = whole.replace(old, new, 1)
    return {**BAD_JSON, **changed}


# The report --------------------------------------------------------------------------------------


def _small(results: dict[str, Any], *names: str) -> dict[str, Any]:
    """The results of some of the networks alone, with one run each: rendered in a moment."""
    kept = [one for one in results["subjects"] if one["id"] in names]
    for one in kept:
        one["runs"] = one["runs"][:1]
        one["checks"] = one["checks"][:4]
    results["subjects"] = kept
    for key, most in (("claims", 2), ("experiments", 2), ("benchmarks", 3), ("comparisons", 1)):
        results[key] = (results.get(key) or [])[:most]
    return results


def _results() -> Mapping[str, bytes]:
    whole = _small(complete(), "deep_cnn", "mlp_64_32")
    whole |= {"baseline": sample_baseline(), "history": sample_history(3)}
    return {
        "complete": _bytes(whole),
        "failing": _bytes(_small(failing(), "sequential_cnn", "deep_cnn")),
        "nothing but a network": b'{"schema": 1, "subjects": [{"id": "a"}]}',
        "with a mark before it": b'\xef\xbb\xbf{"schema": 1, "subjects": []}',
    }


def _bad_results() -> Mapping[str, bytes]:
    least = b'{"schema": 1, "subjects": [{"id": "a", "spec": {"layers": [{"config": {}}]}}]}'
    deep = b"[" * 600 + b"]" * 600
    return _bad(
        least,
        (b'"schema": 1', b'"schema": true'),
        (b'"schema": 1', b'"schema": ' + deep),
        (b'"config": {}', b'"config": {"a": ' + deep + b"}"),
        (b'"config": {}', b'"config": 7'),
        (b'"id": "a"', b'"id": 1e999'),
    )


def _read_results(data: bytes) -> None:
    file = as_file(data, "results.json")
    complete_ = schema.checked(loading.load(file), "results.json")
    json.dumps(complete_, default=repr, allow_nan=False).encode()
    assert isinstance(complete_.subjects, list)


def _read_page(data: bytes) -> None:
    """By the command itself, which has its own way to refuse: a line, and the exit code 2."""
    file = as_file(data, "results.json")
    page = scratch() / "index.html"
    page.unlink(missing_ok=True)
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        code = report.main([str(file), f"--output={page}"])
    if code == 2:
        assert told.getvalue().startswith("error: ")
        raise UserError(told.getvalue())
    assert code == 0
    html = page.read_text(encoding="utf-8")
    assert html.rstrip().endswith("</html>")
    assert "<script>alert" not in html


# Baselines ---------------------------------------------------------------------------------------


def _baselines() -> Mapping[str, bytes]:
    runs = [baseline_files.run(seed) for seed in range(2)]
    whole = baseline_files.document(
        baseline_files.subject("deep_cnn", *runs), baseline_files.subject("mlp_64_32"),
        benchmarks=[benchmark_files.benchmark_row()],
    )  # fmt: skip
    return {"two networks": _bytes(whole)}


def _bad_baselines() -> Mapping[str, bytes]:
    return _bad(
        _baselines()["two networks"],
        (b'"schema": 1', b'"schema": true'),
        (b'"batch_size": 32', b'"batch_size": 1e999'),
        (b'"ratio": 4.0', b'"ratio": ' + b"9" * 400),
        (b'"test": 12', b'"test": 1e17'),
        (b'"seed": 1', b'"seed": 0'),
        (b'"total_params": 10', b'"total_params": 1' + b"0" * 200),
    )


def _read_baseline(data: bytes) -> None:
    found = previous_results.read(as_file(data, "old.json"))
    for network in found.networks:
        assert found.data is None or all(
            right.shape == (found.data.images,) for right in network.correct.values()
        )
    assert all(isinstance(one.speedup, Ratio) for one in found.speedups.values())


def _speedups() -> Mapping[str, bytes]:
    rows = [
        benchmark_files.benchmark_row(),
        benchmark_files.benchmark_row(batch_size=64, status="failed", speedup=None),
    ]
    return {"two rows": _bytes({"schema": 1, "benchmarks": rows})}


def _bad_speedups() -> Mapping[str, bytes]:
    return _bad(
        _speedups()["two rows"],
        (b'"batch_size": 32', b'"batch_size": 1e999'),
        (b'"ratio": 4.0', b'"ratio": NaN'),
        (b'"ratio": 4.0', b'"ratio": ' + b"9" * 400),
        (b'"machine": {', b'"machine": "A", "x": {'),
    )


def _read_speedups(data: bytes) -> None:
    found = bench_baseline.read(as_file(data, "old.json"), benchmark_files.MACHINE)
    assert found.speedups
    assert all(0 < one.low <= one.ratio <= one.high for one in found.speedups.values())


# The history, and what a later run keeps ---------------------------------------------------------


def _histories() -> Mapping[str, bytes]:
    lines = [_bytes(one) + b"\n" for one in sample_history(4)]
    odd = {name: data + b"\n" for name, data in BAD_JSON.items()}
    huge = b"".join(lines).replace(b'"total_params": ', b'"total_params": 1' + b"0" * 300)
    return {"four runs": b"".join(lines), "cut off": b"".join(lines)[:-30], "huge": huge, **odd}


def _read_history(data: bytes) -> None:
    """Nothing is refused: a line that is no entry is left out, so that no run loses its report."""
    found, problem = history.read(as_file(data, "history.jsonl"))
    assert problem is None or problem.isprintable()
    document = json.loads(json.dumps(found, default=plain, allow_nan=False))
    schema.checked({"schema": 1, "subjects": [], "history": document})


def _read_kept(data: bytes) -> None:
    """Of the report before this one: its benchmarks, or nothing."""
    file = as_file(data, "results.json")
    rows = files.read_benchmarks(file)
    assert isinstance(rows, list)
    document = finish._earlier(file)
    assert document is None or document.schema == 1


# A page takes a tenth of a second and more.
TARGETS = (
    Target("results.json", _read_results, _results, _bad_results, format=JSON),
    Target("results.json as a page", _read_page, _results, _bad_results, format=JSON, share=0.2,
           limits=Limits(seconds=60)),
    Target("baselines", _read_baseline, _baselines, _bad_baselines, format=JSON),
    Target("baselines of speed", _read_speedups, _speedups, _bad_speedups, format=JSON, share=0.5),
    Target("history.jsonl", _read_history, _histories, format=JSON_LINES),
    Target("results of the run before", _read_kept, lambda: {**_results(), **BAD_JSON},
           format=JSON, share=0.5),
)  # fmt: skip
