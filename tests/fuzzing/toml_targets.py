"""TOML that a user writes: a rubric, a study, and the facts of an architecture."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from harness.evaluation import rubric
from reference import facts, study_format
from reference.facts import expected_network
from reference.layers import total_params
from tests.fuzzing.formats import TOML
from tests.fuzzing.target import Target, as_file, scratch

_REFERENCE = Path(facts.__file__).parent
_NAME = "mlp_64_32"

_BAD = {
    "nothing": b"",
    "no text": b"\xff\xfex\x00",
    "lists without end": b"x = " + b"[" * 100_000,
    "3,000 lists": b"x = " + b"[" * 3_000 + b"]" * 3_000,
    "10,000 digits": b"x = " + b"9" * 10_000,
    "half a pair": b'x = "\\ud800"',
    "a key of 40,000 parts": b".".join([b"a"] * 40_000) + b" = 1",
    "a table of 40,000 parts": b"[" + b".".join([b"a"] * 40_000) + b"]",
    "a key twice": b"x = 1\nx = 2",
    "a megabyte": b"#" * (1 << 20) + b"\nx = 1",
}


def _rubrics() -> Mapping[str, bytes]:
    return {"the project's": rubric.DEFAULT.read_bytes()}


def _bad_rubrics() -> Mapping[str, bytes]:
    whole = _rubrics()["the project's"]
    head = b'[accuracy]\nbands = [[-1, 0], [0, 1]]\n[checks]\n"test_build.py::test_build" = '
    return {
        **_BAD,
        "no points": whole.split(b"[checks]")[0],
        "an exponent of a billion": head + b"1e-1000000000",
        "an exponent beyond any": head + b"1e99999999999999999999",
        "infinite points": head + b"inf",
        "5,000 unknown checks": b"[checks]\n"
        + b"".join(b'"check %d" = 1\n' % n for n in range(5_000)),
    }


def _read_rubric(data: bytes) -> None:
    read = rubric.load(as_file(data, "own.toml"))
    assert set(read.checks) == set(rubric.load().checks)
    assert all(0 <= worth.thousandths <= 10_000_000 for worth in read.checks.values())
    assert read.bands == tuple(sorted(read.bands))
    assert read.bands[-1] == (Fraction(0), Fraction(1))


def _studies() -> Mapping[str, bytes]:
    return {path.stem: path.read_bytes() for path in study_format.FOLDER.glob("*.toml")}


_HEAD = b"""architecture = "mlp_64_32"
title = "t"
question = "q"
source = "s"
repeats = { kind = "seeds", count = 1 }
"""


def _bad_studies() -> Mapping[str, bytes]:
    many = b", ".join(b"%d.5" % n for n in range(15_000))
    grid = b'[grid]\nmethod = "%s"\n'
    seeds = b"".join(b'[[variant]]\nname = "%d"\nwhy = "w"\n' % n for n in range(2_500))
    return {
        **_BAD,
        "15,000 rates": _HEAD + grid % b"one_at_a_time" + b"learning_rate = [" + many + b"]",
        "15,000 rates in a product": _HEAD + grid % b"product" + b"learning_rate = [" + many + b"]",
        "2,500 variants": _HEAD + seeds,
        "neither": _HEAD,
        "both": _HEAD + b"variant = []\n" + grid % b"product" + b"epochs = [1]",
    }


def _read_study(data: bytes) -> None:
    study = study_format.load(as_file(data, "mlp_64_32_own.toml"))
    assert 0 < len(study.variants) * (study.count or 1) <= study_format.MAX_TRIALS
    named = [variant.name for variant in study.variants]
    assert len(set(named)) == len(named)


def _facts() -> Mapping[str, bytes]:
    return {_NAME: (_REFERENCE / "facts" / f"{_NAME}.toml").read_bytes()}


def _read_facts(data: bytes) -> None:
    as_file(data, f"{_NAME}.toml")
    read = facts.load(_NAME, scratch())
    assert total_params(expected_network(read)) > 0


TARGETS = (
    Target("rubrics", _read_rubric, _rubrics, _bad_rubrics, format=TOML),
    Target("studies", _read_study, _studies, _bad_studies, format=TOML),
    Target("facts", _read_facts, _facts, lambda: _BAD, format=TOML, share=0.5),
)
