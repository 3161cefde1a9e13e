"""What the report says to a file it cannot use: one line, what, where, expected, what to do."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.report.__main__ import main
from harness.report.render import render, write
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError
from tests.support.samples.results import sample

SMALL = sample(names=("mlp_64_32",), benchmarks=False)


def changed(path: str, value) -> dict:
    """The sample with one part replaced; path like "subjects.0.score"."""
    results = copy.deepcopy(SMALL)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    part = results
    for key in parents:
        part = part[key]
    part[last] = value
    return results


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", 2, "is of schema 2, but this report reads schema 1. Use the version"),
        ("schema", 0, "is of schema 0, but this report reads schema 1. Run"),
        ("schema", True, "is of schema True, but this report reads schema 1"),
        ("schema", [1], "is of schema [1], but this report reads schema 1. Run"),
        ("schema", {}, "is of schema {}, but this report reads schema 1. Run"),
        ("schema", float("nan"), "is of schema nan, but this report reads schema 1. Run"),
        ("schema", None, 'has no "schema", but this report reads schema 1. Run'),
        ("subjects", {}, "subjects is an object, but should be a list"),
        ("subjects.0", 7, "subjects[0] is the number 7, but should be an object"),
        ("subjects.0.id", None, "subjects[0].id is null, but should be text"),
        ("subjects.0.score", "17", "subjects[0].score is text, but should be a number or null"),
        (
            "subjects.0.runs.0.epochs",
            1.5,
            "runs[0].epochs is the number 1.5, but should be a whole",
        ),
        (
            "subjects.0.runs.0.confusion.3",
            [1],
            "runs[0].confusion[3] has 1 numbers, but should have 10, one for each row",
        ),
        (
            "subjects.0.runs.0.confusion.3.4",
            -1,
            "confusion[3][4] is the number -1, but should be a whole number, 0 or more",
        ),
        ("subjects.0.runs.0.misread.2.pixels", "AAAA", "misread[2].pixels holds 3 bytes, but"),
        ("subjects.0.runs.0.misread.2.pixels", "***", "misread[2].pixels is not base64"),
        ("subjects.0.gate.interval", [0.9], "gate.interval is a list, but should be two numbers"),
        ("subjects.0.runs.0.cached", "no", "runs[0].cached is text, but should be true or false"),
        ("claims.0.quote", 98, "claims[0].quote is the number 98, but should be text or null"),
    ],
)
def test_wrong_shape_names_the_part(path, value, message):
    with pytest.raises(UserError) as caught:
        render(changed(path, value))
    assert message in str(caught.value)
    assert str(caught.value).startswith("results.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("nothing", [{}, {"subjects": None}])
def test_no_subjects_at_all(nothing):
    with pytest.raises(UserError, match='has no "subjects", but should list the networks'):
        render({"schema": 1, **nothing})


# Python parses it; what cleans and prints it calls itself for each list.
DEEP = (
    b'{"schema": 1, "subjects": [{"id": "a", "spec": {"layers": [{"config": {"units": '
    + b"[" * 600 + b"]" * 600 + b"}}]}}]}"
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON: Expecting value at line 1, column 1"),
        (b'{"schema": 1,\n "subjects": [}', "is not JSON: Expecting value at line 2, column 15"),
        (b"\xff\xfe", "is not UTF-8 text (byte 0), but should be JSON"),
        (b"[1, 2]", "holds a list, but should hold one object"),
        (b"null", "holds null, but should hold one object"),
        (b"[" * 100_000, "is nested too deeply"),
        (DEEP, "is nested too deeply"),
        (
            b'{"schema": 1, "subjects": [{"id": "deep_c',
            "is not JSON: Unterminated string starting at line 1",
        ),
        (b'{"schema": 2, "subjects": []}', "is of schema 2, but this report reads schema 1. Use"),
        (b'{"schema": 1, "subjects": [{"id": 1}]}', "subjects[0].id is the number 1, but should"),
        (b'{"machine_info": {}, "benchmarks": []}', "is pytest-benchmark's JSON, but should be"),
        (b'{"schema": 1, "job": {}, "history": {}}', "is the record of one training, but should"),
        (b'{"tests": [], "execution_time": 1}', "is a result for Gradescope, but should be"),
        (b'{"nbformat": 4, "cells": []}', "is a Jupyter notebook, but should be"),
    ],
    ids=[
        "empty",
        "broken",
        "binary",
        "list",
        "null",
        "deep",
        "deep where anything may be",
        "cut",
        "later",
        "types",
        "benchmark",
        "record",
        "gradescope",
        "notebook",
    ],
)
def test_unreadable_files(tmp_path, capsys, content, message):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    assert main([str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {path}")
    assert message in err
    assert "pytest checks/" in err or "grader that wrote it" in err or "reports/latest" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(SMALL), encoding="utf-8-sig")
    assert main([str(path)]) == 0


def test_a_file_of_somebody_else(tmp_path, capsys, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert main([str(tmp_path / "results.json")]) == 2
    assert "cannot be read: Permission denied. Expected a readable" in capsys.readouterr().err


def test_missing_file_and_folder(tmp_path, capsys):
    assert main([str(tmp_path / "none.json")]) == 2
    assert "none.json does not exist. Expected the results.json of a run" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "is a folder, but should be a run's results.json, as" in capsys.readouterr().err


def test_output_that_cannot_be_written(tmp_path, capsys):
    results = tmp_path / "results.json"
    results.write_text(json.dumps(SMALL), encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main([str(results), "--output", str(tmp_path)]) == 2
    assert "is a folder, but should be the file to write" in capsys.readouterr().err
    assert main([str(results), "--output", str(tmp_path / "file" / "index.html")]) == 2
    assert "cannot be written:" in capsys.readouterr().err


def test_page_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    results = tmp_path / "results.json"
    results.write_text(json.dumps(SMALL), encoding="utf-8")
    page = write(results)
    assert page == tmp_path / "index.html"
    before = page.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match="cannot be written: No space left on device"):
        write(results)
    assert page.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.html", "results.json"]


def test_command_line_ends_without_a_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "harness.report", tmp_path / "none.json"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_numbers_that_are_no_numbers_are_left_out():
    results = changed("subjects.0.runs.0.test_loss", float("nan"))
    results["subjects"][0]["runs"][0]["train_time_s"] = float("inf")
    assert ">nan" not in render(results)
    assert ">inf" not in render(results)


@pytest.mark.parametrize("flops", [-1, 0, 1e308, float("nan")])
def test_a_cost_that_cannot_be_drawn_is_left_out_of_the_chart(flops):
    results = sample(names=("mlp_64_32", "mlp_256_128", "deep_cnn"), benchmarks=False)
    results["subjects"][0]["spec"]["flops"] = flops
    page = render(results)
    assert "FLOPs for one image" in page
    assert ">nan" not in page


def test_a_count_that_cannot_be_is_named():
    with pytest.raises(
        UserError, match=r"total_params is the number 1e\+308, but should be a whole"
    ):
        render(changed("subjects.0.spec.total_params", 1e308))
