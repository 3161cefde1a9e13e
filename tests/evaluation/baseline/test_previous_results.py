"""Which files serve as a baseline of networks, and what is read from them."""

import json

import numpy as np
import pytest

from harness.benchmarks.rows import blank
from harness.evaluation.baseline import previous_results
from harness.evaluation.baseline.model import Data
from reference.errors import UserError
from tests.support.baseline_files import IMAGES, RIGHT, bitmap, document, run, subject


@pytest.fixture
def read(tmp_path):
    """Reads a document, or a text, as a baseline."""

    def read(content, name="old.json"):
        path = tmp_path / name
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return previous_results.read(path)

    return read


def test_what_is_compared_is_read_seed_by_seed(read):
    found = read(document(subject("deep_cnn", run(3), run(1, ~RIGHT)), subject("mlp_64_32")))
    assert (found.file, found.created, found.commit) == ("old.json", "2026-11-22T00:00:00Z", "abc")
    assert found.data == Data("mnist", "d" * 64, IMAGES)
    assert found.recipe == "gate"
    assert found.source == "old.json, commit abc"
    deep, mlp = found.networks
    assert (deep.spec_digest, deep.total_params, deep.flops) == ("digest of deep_cnn", 10, 20)
    assert set(deep.correct) == {1, 3}
    assert (deep.correct[3] == RIGHT).all()
    assert (deep.correct[1] == ~RIGHT).all()
    assert (deep.runs, deep.images_per_s) == (2, 3000.0)
    assert (mlp.runs, mlp.correct, mlp.images_per_s) == (0, {}, None)
    assert found.machine["cpu"] == "A"


def test_a_file_without_benchmarks_or_environment_will_do(read):
    found = document(subject("deep_cnn", run()))
    del found["benchmarks"], found["environment"], found["created"]
    assert read(found).networks[0].runs == 1
    assert read(found).source == "old.json"


def test_an_older_file_says_not_what_it_read_and_is_read_all_the_same(read):
    old = run()
    del old["correct_bitmap"]
    (network,) = read(document(subject("deep_cnn", old))).networks
    assert (network.runs, network.correct) == (1, {})


def test_what_was_not_built_or_trained_is_read_as_such(read):
    lost = subject("deep_cnn", spec=None, spec_digest=None)
    found = read(document(lost, dataset=None))
    assert found.data is None
    assert (found.networks[0].total_params, found.networks[0].spec_digest) == (None, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty, but should be a results.json"),
        ("{", "is not JSON"),
        ("[]", "is not a results.json of schema 1"),
        ('{"benchmarks": [{"stats": {}}]}', "is not a results.json of schema 1"),
        ('{"schema": 2}', "is not a results.json of schema 1"),
        ('{"schema": true}', "is not a results.json of schema 1"),
        ('{"schema": 1}', "holds no graded networks"),
        ('{"schema": 1, "subjects": [{"score": 1e999}]}', "holds a number that is not finite"),
        ('{"schema": 1, "subjects": [' + "9" * 400 + "]}", "holds a number of more than 64 bits"),
        ('{"schema": 1, "subjects": ["\\ud800"]}', "holds text that is not Unicode"),
        ('{"schema": 1, "subjects": [{"score": NaN}]}', "says NaN, which is not a JSON number"),
        ('{"schema": 1, "subjects": [{"score": -Infinity}]}', "says -Infinity"),
        ("[" * 100_000, "is nested too deeply"),
        (document(subject(), submissions=True), "holds submissions"),
        (document(3), r"subjects\[0\] is the number 3, but should be an object"),
        (document(subject(id=None)), r"subjects\[0\]\.id is null"),
        (document(subject(), subject()), "subjects are called deep_cnn more than once"),
        (document(subject(spec={"total_params": 1.5})), r"spec\.total_params is the number 1\.5"),
        (document(subject("a", run(), run())), r"runs have the seeds \[0, 0\]"),
        (document(subject("a", run()), dataset=None), r"runs are there, but dataset is null"),
        (document(subject("a", run()), dataset={"name": "m", "digest": "d"}), "sizes.test is null"),
        (document(subject("a", run(correct_bitmap=7))), "correct_bitmap is the number 7"),
        (document(subject("a", run(correct_bitmap="?"))), r"\[0\]\.correct_bitmap is not base64"),
        (document(subject("a", run(correct_bitmap="\x1b[1m"))), "bitmap holds 0 bytes"),
        (
            document(subject("a", run(correct_bitmap=bitmap(np.ones(24, bool))))),
            "holds 3 bytes, but should hold 2, a bit for each of 12 test images",
        ),
        (
            document(subject("a", run(correct_bitmap=bitmap(~RIGHT)))),
            "2 correctly classified images, but test_accuracy = 0.83",
        ),
        (
            document(subject("a", run(correct_bitmap=bitmap(np.ones(16, bool)), test_accuracy=1))),
            "16 correctly classified images",
        ),
        (
            document(
                subject("a", run(correct_bitmap=bitmap(np.ones(16, bool)), test_accuracy=None))
            ),
            "16 correctly classified images",
        ),
        (
            document(subject(), benchmarks=[{"runner": "engine", "status": "measured"}]),
            "one of the benchmarks is not as expected",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_of_no_use_says_where_and_why(read, tmp_path, content, message):
    with pytest.raises(UserError, match=message) as raised:
        read(content)
    assert str(raised.value).startswith(f"--baseline {tmp_path / 'old.json'}")
    assert "`pytest checks/` writes reports/latest/results.json" in str(raised.value)


def test_a_file_that_is_not_there_or_a_folder(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        previous_results.read(tmp_path / "none.json")
    with pytest.raises(UserError, match="cannot be read"):
        previous_results.read(tmp_path)


def test_names_in_the_file_cannot_disturb_a_terminal(read):
    hostile = subject("\x1b[31mred\x1b]0;t\x07\u202e")
    found = read(
        document(
            hostile,
            created="\x1b[2J",
            environment={"commit": "\x07abc"},
            dataset={"name": "m\x9b", "digest": "d\x00", "sizes": {"test": 3}},
            benchmarks=[
                blank(("\x1b[1mx", "train", 32), "engine", "measured", None)
                | {"speedup": {"keras fit": {"ratio": 4.0, "low": 3.9, "high": 4.1}}}
            ],
        )
    )
    said = [found.networks[0].id, found.created, found.source, str(found.data)]
    said += [part for key in found.speedups for part in key[:2]]
    assert [text for text in said if not text.isprintable()] == []
    assert len(said) == 6
    assert found.networks[0].id == "red�]0;t��"
