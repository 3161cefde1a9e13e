"""results.json: verdicts and sums, plain JSON throughout, written whole or not at all."""

import json
import math
from base64 import b64decode
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from harness.data import Arrays, Dataset, digest
from harness.evaluation.results import (
    CheckResult,
    SessionOutcome,
    SubjectOutcome,
    assemble,
    read_benchmarks,
    verdict,
    write,
)
from harness.evaluation.results import subject as subject_layout
from harness.jobs.store.record import Record
from harness.network.spec import make_spec
from harness.report.schema.results import Baseline, Benchmark, Check, Results, checked
from harness.report.schema.values import plain
from harness.statistics.gate import judge_gate
from harness.statistics.intervals import wilson
from harness.statistics.predictions import confusion
from harness.submissions.feedback.comparison import compare
from harness.submissions.opened import OpenedSubmission
from harness.submissions.subject import SUBMISSION, project_subject
from reference.errors import UserError
from reference.facts import expected_network, load

NAME = "mlp_64_32"


def _spec():
    nodes = expected_network(load(NAME)).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    return make_spec(rows, [f"layer{i}" for i in range(len(rows))])


def _check(status="passed", points=None, max_points=1.0):
    points = float(status == "passed") if points is None else points
    return CheckResult("f::t", status, points=points, max_points=max_points)


def _gate(name):
    correct = {"passed": 9_900, "inconclusive": 9_600, "failed": 9_000}[name]
    return judge_gate([correct], 10_000, 0.96)


@pytest.fixture
def graded():
    return SubjectOutcome(
        subject=project_subject(NAME),
        facts=load(NAME),
        opened=OpenedSubmission(compare(load(NAME), _spec()), "project", "build()", _spec()),
        error=None,
        runs=(),
        gate=_gate("passed"),
        gate_basis="documented gate",
        checks=[_check()],
    )


# Verdicts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "gate", "expected"),
    [
        (["passed"], "passed", "passed"),
        (["passed", "skipped"], "passed", "passed"),
        (["passed"], None, "passed"),
        (["passed"], "inconclusive", "inconclusive"),
        (["passed", "failed"], "passed", "failed"),
        (["passed", "failed"], "inconclusive", "failed"),
        (["passed", "timeout"], "inconclusive", "failed"),
        (["passed", "resource"], "passed", "failed"),
        (["passed", "failed"], None, "failed"),
        (["passed", "failed", "grader_error"], "passed", "failed"),
        (["passed", "grader_error", "skipped"], "passed", "not graded"),
        ([], "passed", "not graded"),
    ],
)
def test_failed_beats_inconclusive_beats_passed(graded, statuses, gate, expected):
    subject = replace(
        graded, checks=[_check(s) for s in statuses], gate=gate and _gate(gate)
    )  # fmt: skip
    assert verdict(subject) == expected


@pytest.mark.parametrize("status", ["failed", "grader_error", "timeout"])
def test_an_experiment_that_fails_says_nothing_of_the_network(graded, status):
    experiment = replace(_check(status, points=0.0), group="experiments")
    ordinary = [_check(), _check("skipped", points=0.0)]
    subject = replace(graded, checks=[*ordinary, experiment])
    assert verdict(subject) == "passed"
    (found,) = assemble(_run(None), [subject], []).subjects
    assert [check.max_points for check in found.checks] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("statuses", [["passed"], ["failed"], ["failed", "grader_error"], []])
def test_without_a_network_nothing_else_counts(graded, statuses):
    subject = replace(graded, opened=None, error="why", checks=[_check(s) for s in statuses])
    assert verdict(subject) == "not built"


# Documents ---------------------------------------------------------------------------------------


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    arrays = Arrays(
        train_images=rng.integers(0, 256, (50, 28, 28), dtype=np.uint8),
        train_labels=np.zeros(50, np.uint8),
        test_images=rng.integers(0, 256, (12, 28, 28), dtype=np.uint8),
        test_labels=np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1], np.uint8),
    )
    return Dataset.of(arrays, name="mnist", digest=digest(arrays), source="IDX files", note=None)


@pytest.fixture
def record(dataset, tmp_path):
    """A run that reads images 2 and 5 as 7, the fifth with more confidence."""
    predictions = np.full((12, 10), 0.01, np.float32)
    predictions[np.arange(12), dataset.test_labels] = 0.91
    for image, confidence in ((2, 0.6), (5, 0.8)):
        predictions[image] = 0.01
        predictions[image, 7] = confidence
    np.savez(tmp_path / "predictions.npz", test=predictions)
    document = {
        "key": "k" * 64,
        "job": {"seed": 3, "recipe": {"epochs": 10, "batch_size": 4, "validation_images": 10}},
        "history": {
            "loss": [2.0, math.nan],
            "val_accuracy": [0.5, 0.75],
            "val_loss": [math.inf, 1],
        },
        "stopped": "at its gate",
        "test_loss": math.inf,
        "test_correct": 10,
        "test_images": 12,
        "train_images": 40,
        "train_time_s": 0.5,
        "weights_sha256": "w" * 64,
    }
    return Record(tmp_path, document, cached=True)


def _run(dataset, **changes):
    known = {
        "command": "pytest checks/",
        "outcome": "passed",
        "dataset": dataset,
        "recipe": "gate",
        "seeds": range(2),
        "environment": {"cores": 2},
    }
    return SessionOutcome(**{**known, **changes})


def test_a_session_without_training(graded):
    document = assemble(_run(None), [replace(graded, gate=None)], [])
    assert document.schema == 1
    assert document.to_json()["dataset"] is None
    assert document.seeds == [0, 1]
    assert document.created.endswith("Z")
    (subject,) = document.subjects
    assert subject.runs == []
    assert subject.gate is None
    assert {row.verdict for row in document.claims} == {"cannot be tested"}
    assert len(document.claims) == 4


def test_the_data_set_is_described_by_its_parts(graded, dataset):
    document = assemble(_run(dataset), [graded], [])
    assert json.loads(json.dumps(document.dataset, default=plain)) == {
        "name": "mnist",
        "digest": dataset.digest,
        "sizes": {"train": 50, "test": 12},
        "source": "IDX files",
        "note": None,
        "shared_images": {"count": 0, "examples": []},
    }


def test_scores_are_sums_of_the_checks(graded):
    checks = [_check(), _check(points=0.5, max_points=2.0), _check("failed")]
    checks += [_check("grader_error", max_points=0.0)]
    (subject,) = assemble(_run(None), [replace(graded, checks=checks)], []).subjects
    assert (subject.score, subject.max_score) == (1.5, 4.0)
    assert subject.checks == [Check(**asdict(check)) for check in checks]


def test_what_an_error_of_ours_kept_from_being_checked_costs_nothing(graded):
    checks = [_check(), _check("grader_error", max_points=0.0), _check("skipped", points=0.0)]
    (subject,) = assemble(_run(None), [replace(graded, checks=checks)], []).subjects
    assert (subject.score, subject.max_score) == (1.0, 1.0)
    checks = [_check(), _check("failed", points=0.0), _check("skipped", points=0.0)]
    (subject,) = assemble(_run(None), [replace(graded, checks=checks)], []).subjects
    assert (subject.score, subject.max_score) == (1.0, 3.0)


def test_a_subject_has_both_tables_and_their_alignment(graded):
    (subject,) = assemble(_run(None), [graded], []).subjects
    rows = [("Dense", [64], 50_240), ("Dense", [32], 2_080), ("Dense", [10], 330)]  # document 004
    for side in ("spec", "expected"):
        layers_of = getattr(subject, side)
        assert [(r.class_, r.output_shape, r.params) for r in layers_of.layers] == rows
        assert layers_of.total_params == layers_of.trainable_params == 52_650
    # 2 * 784 * 64 + 64 and so on: multiply-adds and biases
    assert subject.spec.flops == 100_416 + 4_128 + 650
    assert [(d.status, d.expected, d.actual) for d in subject.diff] == [
        ("same", 0, 0), ("same", 1, 1), ("same", 2, 2),
    ]  # fmt: skip
    assert subject.expected.layers[0].basis in {"stated", "derived", "chosen"}
    assert subject.spec_digest == graded.spec.digest
    assert (subject.id, subject.source) == (NAME, f"models/{NAME}.py")


def test_a_subject_that_was_not_built_says_why_and_keeps_what_was_expected(graded):
    missing = replace(graded, opened=None, error="line 3: no", gate=None)
    (subject,) = assemble(_run(None), [missing], []).subjects
    assert (subject.error, subject.spec, subject.spec_digest) == ("line 3: no", None, None)
    assert subject.diff == []
    assert len(subject.expected.layers) == 3


def test_a_run_is_read_off_its_record(graded, dataset, record):
    document = assemble(_run(dataset), [replace(graded, runs=[record])], [])
    ((run,),) = ([*subject.runs] for subject in document.subjects)
    assert (run.seed, run.cached, run.epochs, run.documented_epochs) == (3, True, 2, 10)
    assert run.test_accuracy == 10 / 12
    assert run.interval == wilson(10, 12)
    assert run.train_images_per_s == 2 * 40 / 0.5
    # A loss that diverged is no number.
    assert run.history.loss == [2.0, None]
    assert run.history.val_loss == [None, 1]
    assert run.test_loss is None


def test_pictures_and_counts_of_a_run(graded, dataset, record):
    document = assemble(_run(dataset), [replace(graded, runs=[record])], [])
    run = document.subjects[0].runs[0]
    assert b64decode(run.correct_bitmap) == bytes([0b11011011, 0b11110000])
    assert sum(map(sum, run.confusion)) == 12
    assert run.confusion[2][7] == run.confusion[5][7] == 1
    assert run.confusion[0][0] == 2
    assert [(m.index, m.label, m.prediction) for m in run.misread] == [
        (5, 5, 7), (2, 2, 7),
    ]  # fmt: skip
    assert run.misread[0].pixels == dataset.test_images[5].tobytes()


def test_pictures_are_kept_of_the_first_run_that_misread_any(graded, dataset, record):
    runs = [
        _reader(graded, record, "x", str(i) * 64, wrong).runs[0]
        for i, wrong in enumerate([[], [4, 7], [2]])
    ]
    (subject,) = assemble(_run(dataset), [replace(graded, runs=runs)], []).subjects
    found = [[(m.index, m.pixels) for m in run.misread] for run in subject.runs]
    pixels = [dataset.test_images[i].tobytes() for i in (4, 7)]
    assert found == [[], [(4, pixels[0]), (7, pixels[1])], [(2, None)]]


def test_everything_is_plain_json(graded, dataset, record, tmp_path):
    document = assemble(_run(dataset), [replace(graded, runs=[record])], [Benchmark(median_s=0.1)])
    read = write(document, tmp_path / "results.json")
    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(document, default=plain))
    assert read == checked(json.loads(text))
    assert not {"NaN", "Infinity"}.intersection(text.replace('"', " ").split())


# Writing -----------------------------------------------------------------------------------------


def test_writing_makes_the_folder_and_leaves_nothing_beside_the_file(tmp_path):
    path = tmp_path / "new" / "folder" / "results.json"
    write(Results(recipe="é"), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("{", ' "baseline": {},', "}")
    assert ' "recipe": "é",' in lines
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("bad", [math.nan, {1, 2}])
def test_what_is_no_json_leaves_the_earlier_file(tmp_path, bad):
    path = tmp_path / "results.json"
    write(Results(recipe="gate"), path)
    with pytest.raises((ValueError, TypeError)):
        write(Results(recipe=bad), path)
    assert json.loads(path.read_text(encoding="utf-8"))["recipe"] == "gate"


def test_a_disk_that_fills_up_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    write(Results(recipe="gate"), path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=r"No space left on device.*--report"):
        write(Results(recipe="documented"), path)
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
    assert json.loads(path.read_text(encoding="utf-8"))["recipe"] == "gate"


def test_a_folder_that_is_none_is_the_users_to_mend(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"results\.json cannot be written: .*--report"):
        write(Results(), tmp_path / "file" / "results.json")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"benchmarks": [{"batch_size": 1, "a": 1}]}', [Benchmark(batch_size=1)]),
        ('{"benchmarks": [{"batch_size": "1"}]}', []),
        ('{"benchmarks": 3}', []),
        ("{}", []),
        ("[]", []),
        ("not json", []),
        ("[" * 100_000, []),
        ('{"benchmarks": [{"batch_size": 1e999}]}', []),
        (None, []),
    ],
)
def test_earlier_benchmarks_are_kept_where_there_are_any(tmp_path, text, rows):
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert read_benchmarks(path) == rows


# Submissions --------------------------------------------------------------------------------------


def test_a_class_answers_for_no_claim_of_a_document(graded, dataset, record):
    run = SessionOutcome("pytest checks/", "passed", dataset, "gate", [0], {})
    ours = assemble(run, [replace(graded, runs=[record])], [])
    theirs = replace(graded.subject, trust=SUBMISSION, name="Ann <b>")
    class_ = assemble(run, [replace(graded, subject=theirs, runs=[record])], [])
    assert (ours.submissions, class_.submissions) == (False, True)
    assert ours.claims != []
    assert class_.claims == []
    assert class_.subjects[0].name == "Ann <b>"


def test_whoever_submits_the_same_network_shares_what_is_read_off_its_run(
    graded, dataset, record, monkeypatch
):
    read = []
    original = subject_layout.run
    monkeypatch.setattr(
        subject_layout,
        "run",
        lambda one, *rest, **known: read.append(one.key) or original(one, *rest, **known),
    )
    run = SessionOutcome("pytest checks/", "passed", dataset, "gate", [0], {})
    twice = [replace(graded, runs=[record])] * 2
    first, second = assemble(run, twice, []).subjects
    assert first.runs == second.runs != []
    assert len(read) == 1


def test_a_subject_of_unknown_architecture_expects_nothing(graded):
    subject = replace(graded.subject, architecture=None, basis=None, trust=SUBMISSION)
    unknown = replace(graded, subject=subject, facts=None, opened=None, error="why", gate=None)
    (found,) = assemble(SessionOutcome("", "failed", None, "gate", [0], {}), [unknown], [])[
        "subjects"
    ]
    assert (found.architecture, found.expected, found.recipe) == (None, None, None)
    assert found.error == "why"


def test_the_documented_recipe_says_what_the_document_fixes(graded):
    (found,) = assemble(SessionOutcome("", "passed", None, "gate", [0], {}), [graded], [])[
        "subjects"
    ]
    recipe = found.recipe
    assert recipe.documented["epochs"] == 100
    assert recipe.basis["loss"] == "stated"
    assert recipe.basis["learning_rate"] == "chosen"
    assert found.recipe.submitted is None


def test_an_output_beyond_the_ten_digits_is_no_digit_and_breaks_nothing():
    predictions = np.eye(64, dtype=np.float32)[[3, 63, 9]]
    counts = confusion(predictions, np.array([3, 4, 7], dtype=np.uint8))
    assert (counts[3][3], counts[7][9], sum(map(sum, counts))) == (1, 1, 2)


# Side by side ------------------------------------------------------------------------------------

# What readers find in every file, whatever was run.
KEYS = frozenset({
    "schema", "created", "command", "outcome", "dataset", "recipe", "rubric", "seeds",
    "environment", "submissions", "subjects", "claims", "experiments", "comparisons", "omnibus",
    "image_groups", "baseline", "history", "benchmarks",
})  # fmt: skip
SUBJECT_KEYS = frozenset({
    "calibration", "calibration_note", "classes", "confused", "robustness", "range", "alarms",
})  # fmt: skip


def _reader(graded, record, name, key, wrong):
    """A subject whose run misreads these images and no other."""
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    predictions = np.full((12, 10), 0.01, np.float32)
    predictions[np.arange(12), labels] = 0.91
    predictions[wrong] = np.roll(predictions[wrong], 1, axis=1)
    folder = record.folder / name / key
    folder.mkdir(parents=True)
    np.savez(folder / "predictions.npz", test=predictions)
    run = Record(folder, {**record.document, "key": key}, cached=True)
    return replace(graded, subject=replace(graded.subject, id=name), runs=[run])


def test_networks_are_compared_and_identical_ones_once(graded, dataset, record):
    class_ = [
        _reader(graded, record, "ann", "x" * 64, [0, 1]),
        replace(graded, subject=replace(graded.subject, id="lost"), runs=[]),
        _reader(graded, record, "ben", "y" * 64, [1, 2, 3]),
        _reader(graded, record, "cat", "x" * 64, [0, 1]),
    ]
    document = assemble(_run(dataset), class_, [])
    assert document.to_json().keys() == KEYS
    assert all(one.to_json().keys() >= SUBJECT_KEYS for one in document.subjects)
    ((found,), groups) = document.comparisons, document.image_groups
    assert (found.a, found.b, found.only_a, found.only_b) == ("ann", "ben", 2, 1)
    assert found.runs[0].seed == 3
    assert document.omnibus is None  # for two networks
    assert groups.networks == ["ann", "ben"]
    assert [one.index for one in groups.all_miss.images] == [1]
    assert [one.count for one in groups.only_one] == [1, 2]
    json.dumps(document, default=plain, allow_nan=False)


def test_a_class_is_not_compared(graded, dataset, record):
    class_ = [_reader(graded, record, str(i), f"{i:064}", [i]) for i in range(11)]
    document = assemble(_run(dataset), class_, [])
    side_by_side = [document.comparisons, document.omnibus, document.image_groups]
    assert side_by_side == [[], None, None]
    document = assemble(_run(dataset), class_[:10], [])
    assert len(document.comparisons) == 45
    assert document.omnibus.networks == 10


def test_without_data_every_key_is_there_all_the_same(graded):
    document = assemble(_run(None), [replace(graded, gate=None)], [])
    assert document.to_json().keys() == KEYS
    assert (document.comparisons, document.omnibus, document.image_groups) == (
        [], None, None,
    )  # fmt: skip
    written = document.to_json()
    assert (written["baseline"], written["history"]) == ({}, ())


def test_what_a_baseline_says_is_passed_on(graded):
    baseline = Baseline(file="old.json")
    assert assemble(_run(None), [graded], [], baseline=baseline).baseline is baseline
