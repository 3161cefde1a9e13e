"""Points and partial credit: bad rubrics refused, scores exact, monotone and never harmed by us."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.app.pytest_plugin.check_results import CheckResults
from harness.evaluation import rubric
from harness.evaluation.checking import Mismatch, NotApplicable, Unavailable
from harness.evaluation.gates import from_gate
from harness.evaluation.results import settle
from harness.evaluation.rubric import Rubric, Worth, load, total
from harness.network.difference import Difference
from harness.network.spec import make_spec
from harness.statistics.gate import judge_floor, judge_gate
from harness.submissions.feedback.comparison import compare
from reference.calibration import DOCUMENTED
from reference.errors import UserError
from reference.facts import expected_network
from reference.facts import load as load_facts
from tests.support import check_runner

DEFAULT = load()
TEXT = rubric.DEFAULT.read_text(encoding="utf-8")
GATE = "test_training.py::test_accuracy_gate"
LAYERS = "test_structure.py::test_layers"


# The project's own rubric ------------------------------------------------------------------------


def test_every_check_has_its_points_and_nothing_else_has():
    found = {
        f"test_{check_runner.groups()[name]}.py::test_{name}" for name in check_runner.checks()
    }
    assert found == set(DEFAULT.checks)


def test_the_default_is_a_hundred_points():
    assert DEFAULT.to_json()["max_score"] == 100
    assert DEFAULT.source == "reference/rubric.toml"


def test_the_accuracy_of_somebody_elses_weights_earns_nothing_by_default():
    assert DEFAULT.points("test_own_weights.py::test_own_weights") == 0


def test_a_check_that_the_rubric_does_not_know_earns_nothing():
    assert DEFAULT.points("test_new.py::test_new") == 0
    assert DEFAULT.award("test_new.py::test_new", passed=True) == 0


def test_results_json_has_the_whole_rubric():
    written = DEFAULT.to_json()
    assert written["checks"][LAYERS] == {"points": 15.0, "partial": True}
    assert written["checks"]["test_build.py::test_build"] == {"points": 5.0, "partial": False}
    assert written["bands"][-2:] == [[-0.005, 0.9], [0.0, 1.0]]


# A teacher's file --------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    """Writes a copy of the default with texts replaced; returns its path."""

    def write(*edits: tuple[str, str]) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(check_runner.edited(TEXT, *edits), encoding="utf-8")
        return path

    return write


def test_a_copy_is_the_same_rubric_under_its_own_name(file):
    copy = load(file())
    assert copy.source == "mine.toml"
    assert (copy.checks, copy.bands) == (DEFAULT.checks, DEFAULT.bands)


@pytest.mark.parametrize(
    ("points", "thousandths"),
    [("7.125", 7125), ("0", 0), ("0.0", 0), ("10000", 10_000_000), ("1e1", 10_000),
     ("2.50000", 2500), ("0.001", 1), ("+3", 3000), ("-0.0", 0), ("0x0f", 15_000)],
)  # fmt: skip
def test_points_are_exact_to_the_thousandth(file, points, thousandths):
    edited = load(file(('test_build" = 5', f'test_build" = {points}')))
    assert edited.checks["test_build.py::test_build"] == Worth(thousandths)


BUILD = '[checks] "test_build.py::test_build"'
WORTH = "a number from 0 to 10000 with at most 3 decimals, or { points = ..., partial = true }"
BANDS = "[[distance from the gate in percentage points, share], ...], as in reference/rubric.toml"
DISTANCE = "from -100 to 0 percentage points, with at most 3 decimals"
SHARE = "from 0 to 1, with at most 3 decimals"
OWN = '"test_own_weights.py::test_own_weights" = 0\n'


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        ("-1", "-1"),
        ("-0.001", "-0.001"),
        ("10001", "10001"),
        ("1e400", "1E+400"),
        ("inf", "Infinity"),
        ("-inf", "-Infinity"),
        ("nan", "NaN"),
        ("1.0005", "1.0005"),
        ("1e-4", "0.0001"),
        ("1.0000000000000000000000000000000000001", "1.0000000000000000000000000000000000001"),
        ("true", "True"),
        ('"5"', "'5'"),
        ("[5]", "[5]"),
        ("1979-05-27", "datetime.date(1979, 5, 27)"),
        ("0x" + "f" * 5000, "a number of more than 18 digits"),
        ("{ points = -2 }", "-2"),
        ("{ points = [] , partial = true }", "[]"),
    ],
)
def test_points_that_are_none_are_refused(file, points, shown):
    path = file(('test_build" = 5', f'test_build" = {points}'))
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {BUILD} = {shown}, but should be {WORTH}"


GOOD_END = "[-0.5, 0.9],\n    [0, 1],\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('test_build" = 5', 'test_build" = { partial = true }',
         f"{BUILD} has the keys ['partial'], but should be {WORTH}"),
        ('test_build" = 5', 'test_build" = { points = 5, part = true }',
         f"{BUILD} has the keys ['part', 'points'], but should be {WORTH}"),
        ('test_build" = 5', 'test_build" = { points = 5, partial = 1 }',
         f"{BUILD} partial = 1, but should be true or false"),
        ("test_build.py::test_build", "test_build.py::test_built",
         f'[checks] "test_build.py::test_built" is not a check; did you mean {BUILD[9:]}?'),
        ("test_build.py::test_build", "zzz", '[checks] "zzz" is not a check'),
        (OWN, "", f"[checks] {OWN[:-5]} is missing, but should be {WORTH}"),
        ("[checks]", "[tests]",
         "'tests' is not a rubric's key; expected [checks] and [accuracy]"),
        ("[accuracy]", "[accuracy2]",
         "'accuracy2' is not a rubric's key; expected [checks] and [accuracy]"),
        (TEXT[TEXT.index("[accuracy]\n"):], "",
         "[accuracy] is missing; a rubric has the tables [checks] and [accuracy]"),
        (TEXT[TEXT.index("[checks]\n"):TEXT.index("[accuracy]\n")], "checks = 3\n",
         "[checks] is missing; a rubric has the tables [checks] and [accuracy]"),
        ("bands = [", "gate = 1\nbands = [",
         "[accuracy] has the keys ['bands', 'gate'], but should have one: bands"),
        ("bands = [", "band = [",
         "[accuracy] has the keys ['band'], but should have one: bands"),
        (TEXT[TEXT.index("bands = ["):], "bands = 1",
         f"[accuracy] bands = 1, but should be {BANDS}"),
        (TEXT[TEXT.index("bands = ["):], "bands = []",
         f"[accuracy] bands = [], but should be {BANDS}"),
        (GOOD_END, "5]",
         f"[accuracy] band 6 = 5, but should be two numbers: {BANDS}"),
        (GOOD_END, "[-0.5], [0, 1]]",
         f"[accuracy] band 6 = [Decimal('-0.5')], but should be two numbers: {BANDS}"),
        (GOOD_END, "[-101, 0.9], [0, 1]]",
         f"[accuracy] band 6: the distance is -101, but should be {DISTANCE}"),
        (GOOD_END, "[0.5, 0.9], [0, 1]]",
         f"[accuracy] band 6: the distance is 0.5, but should be {DISTANCE}"),
        (GOOD_END, "[nan, 0.9], [0, 1]]",
         f"[accuracy] band 6: the distance is NaN, but should be {DISTANCE}"),
        (GOOD_END, "[-0.5, 1.1], [0, 1]]",
         f"[accuracy] band 6: the share is 1.1, but should be {SHARE}"),
        (GOOD_END, "[-0.5, -0.1], [0, 1]]",
         f"[accuracy] band 6: the share is -0.1, but should be {SHARE}"),
        (GOOD_END, "[-0.5, true], [0, 1]]",
         f"[accuracy] band 6: the share is True, but should be {SHARE}"),
        (GOOD_END, "[-0.5, 0.9999], [0, 1]]",
         f"[accuracy] band 6: the share is 0.9999, but should be {SHARE}"),
        (GOOD_END, "[-1, 0.9], [0, 1]]",
         "[accuracy] band 6: the distances should ascend from band to band"),
        (GOOD_END, "[-0.5, 0.7], [0, 1]]",
         "[accuracy] band 6: a better accuracy should not earn less than the band before"),
        (GOOD_END, "]",
         "[accuracy] bands should end with [0, 1]: at the gate everything is earned"),
        (GOOD_END, "[0, 0.9]]",
         "[accuracy] bands should end with [0, 1]: at the gate everything is earned"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_rubric_is_refused(file, old, new, message):
    if old == GOOD_END:
        old = TEXT[TEXT.index(GOOD_END) :]
    path = file((old, new))
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {message}"


HARD = "is not TOML that can be read: a number too long, or nested too deeply"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[checks]\n"a" = \n', "is not TOML: Invalid value (at line 2, column 7)"),
        (b"[checks]\n[checks]\n",
         "is not TOML: Cannot declare ('checks',) twice (at line 2, column 8)"),
        (b"[checks]\n# \xff\n", ", line 2: not UTF-8 text"),
        (b"x = " + b"9" * 5000, HARD),
        (b"x = 1e99999999999999999999", HARD),
        (b"x = " + b"[" * 50_000, HARD),
        (b"#" * 1_000_001, "has more than 1,000,000 bytes, but should be a rubric"),
        (b"", ": [checks] is missing; a rubric has the tables [checks] and [accuracy]"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path, content, message):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load(path)
    joined = message if message[0] in ",:" else f" {message}"
    assert str(caught.value) == f"{path}{joined}"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.toml cannot be read: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        load(tmp_path)


# What is earned ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("correct", "share"),
    [(9_799, "0.9"), (9_750, "0.9"), (9_749, "0.8"), (9_700, "0.8"), (9_699, "0.7"),
     (9_600, "0.7"), (9_300, "0.6"), (8_800, "0.4"), (7_800, "0.2"), (7_799, "0"), (0, "0")],
)  # fmt: skip
def test_below_a_gate_of_98_percent_the_bands_decide_to_the_image(correct, share):
    gate = judge_gate([correct], 10_000, 0.98)
    earned = DEFAULT.award(GATE, passed=False, from_gate=from_gate(gate))
    assert Decimal(str(earned)) == 15 * Decimal(share)


@pytest.mark.parametrize(("correct", "share"), [(348, "0.9"), (347, "0.8"), (345, "0.7")])
def test_below_a_calibrated_floor_too(correct, share):
    gate = judge_floor([correct], 360, 0.9697)  # 349.09 images
    earned = DEFAULT.award(GATE, passed=False, from_gate=from_gate(gate))
    assert Decimal(str(earned)) == 15 * Decimal(share)


def test_a_diverged_seed_keeps_a_good_mean_below_everything():
    assert DEFAULT.award(GATE, passed=False, from_gate=Fraction(1, 100)) == 15 * 0.9


def test_a_share_counts_only_where_the_rubric_says_partial():
    strict = Rubric("x", {LAYERS: Worth(15_000), GATE: Worth(15_000)}, DEFAULT.bands)
    assert strict.award(LAYERS, passed=False, share=Fraction(1, 2)) == 0
    assert strict.award(GATE, passed=False, from_gate=Fraction(-1, 1000)) == 0
    assert DEFAULT.award(LAYERS, passed=False, share=Fraction(1, 2)) == 7.5


def test_an_award_is_rounded_down_to_a_thousandth():
    assert DEFAULT.award(LAYERS, passed=False, share=Fraction(2, 7)) == 4.285  # 4.2857…
    assert DEFAULT.award(LAYERS, passed=False, share=Fraction(3, 2)) == 15
    assert DEFAULT.award(LAYERS, passed=False, share=Fraction(-1)) == 0


# Results of checks -------------------------------------------------------------------------------

MISMATCH = [Difference("x", 1, 2)]


def _add(found, check, outcome, error=None):
    file, _, function = check.partition("::")
    item = SimpleNamespace(
        path=Path("checks") / file,
        name=function,
        originalname=function,
        function=_add,
        callspec=SimpleNamespace(params={"subject_id": "one"}),
    )
    report = pytest.TestReport(
        nodeid="n", location=("f", 1, "t"), keywords={}, outcome=outcome, longrepr=None,
        when="call", duration=0.0,
    )  # fmt: skip
    found.add(item, report, error)


def _rows(outcomes, points=DEFAULT):
    found = CheckResults(points)
    for check, (outcome, error) in outcomes.items():
        _add(found, check, outcome, error)
    return settle(found.checks["one"])


def _score(rows):
    return total(row.points for row in rows), total(row.max_points for row in rows)


PASSED = ("passed", None)
FAILED = ("failed", Mismatch(MISMATCH))
SKIPPED = ("skipped", pytest.skip.Exception("there is no network: see the build check"))
NOT_OURS = ("skipped", NotApplicable("no recipe was submitted"))
BROKEN = ("failed", KeyError("x"))
SLOW = ("failed", Unavailable("timeout", "too long"))


def _partly(share):
    return "failed", Mismatch(MISMATCH, share)


def _near(distance):
    return "failed", Mismatch(MISMATCH, from_gate=distance)


def test_all_passed_is_everything():
    assert _score(_rows(dict.fromkeys(DEFAULT.checks, PASSED))) == (100, 100)


def test_what_does_not_concern_a_submission_takes_no_part():
    recipe = "test_recipe.py::test_submitted_recipe"
    rows = _rows({**dict.fromkeys(DEFAULT.checks, PASSED), recipe: NOT_OURS})
    assert _score(rows) == (92, 92)
    (row,) = [row for row in rows if row.id == recipe]
    assert (row.status, row.message) == ("skipped", "no recipe was submitted")


def test_what_a_failed_build_keeps_from_being_checked_stays_possible():
    outcomes = {**dict.fromkeys(DEFAULT.checks, SKIPPED), "test_build.py::test_build": FAILED}
    assert _score(_rows(outcomes)) == (0, 100)


def test_a_failed_check_keeps_the_share_that_is_right():
    outcomes = {**dict.fromkeys(DEFAULT.checks, PASSED), LAYERS: _partly(Fraction(4, 5))}
    assert _score(_rows(outcomes)) == (97, 100)
    outcomes[GATE] = _near(Fraction(-7, 1000))
    assert _score(_rows(outcomes)) == (94, 100)


def test_a_timeout_earns_nothing_whatever_it_carries():
    assert _score(_rows({LAYERS: SLOW})) == (0, 15)


SHARES = st.fractions(min_value=0, max_value=1, max_denominator=50)
DISTANCES = st.fractions(min_value=-1, max_value=1, max_denominator=10_000)
OUTCOMES = st.one_of(
    st.sampled_from([PASSED, FAILED, SKIPPED, NOT_OURS, BROKEN, SLOW]),
    SHARES.map(_partly),
    DISTANCES.map(_near),
)
WORTHS = st.builds(Worth, st.integers(0, 100_000), st.booleans())


@st.composite
def rubrics(draw):
    checks = {check: draw(WORTHS) for check in DEFAULT.checks}
    distances = sorted(draw(st.sets(st.integers(-100_000, -1), max_size=6)))
    shares = sorted(draw(st.lists(st.integers(0, 1000), min_size=len(distances),
                                  max_size=len(distances))))  # fmt: skip
    bands = [
        (Fraction(d, 100_000), Fraction(s, 1000)) for d, s in zip(distances, shares, strict=True)
    ]
    return Rubric("generated", checks, (*bands, (Fraction(0), Fraction(1))))


GRADED = st.dictionaries(st.sampled_from(sorted(DEFAULT.checks)), OUTCOMES, min_size=1)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(rubrics(), GRADED)
def test_a_score_lies_between_nothing_and_its_maximum_and_is_the_sum_of_its_rows(points, outcomes):
    rows = _rows(outcomes, points)
    score, most = _score(rows)
    assert 0 <= score <= most
    assert Decimal(str(score)) == sum(Decimal(str(row.points)) for row in rows)
    assert Decimal(str(most)) == sum(Decimal(str(row.max_points)) for row in rows)
    assert all(0 <= row.points <= row.max_points for row in rows)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(rubrics(), st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from([0.98, 0.9697]))
def test_a_better_accuracy_never_earns_less(points, one, other, threshold):
    def earned(correct):
        gate = judge_gate([correct], 10_000, threshold)
        passed = gate.accuracy >= gate.threshold
        return points.award(GATE, passed=passed, from_gate=from_gate(gate))

    worse, better = sorted([one, other])
    assert earned(worse) <= earned(better)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(rubrics(), GRADED, st.sampled_from(sorted(DEFAULT.checks)))
def test_an_error_of_ours_never_costs_points(points, outcomes, check):
    outcomes.pop(check, None)
    without = _score(_rows(outcomes, points))
    broken = _score(_rows({**outcomes, check: BROKEN}, points))
    assert broken[0] == without[0]
    assert broken[1] <= without[1]
    failed = _score(_rows({**outcomes, check: FAILED}, points))
    assert broken[0] * failed[1] >= failed[0] * broken[1]


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(rubrics(), GRADED, st.randoms())
def test_the_order_of_the_checks_does_not_matter(points, outcomes, order):
    shuffled = list(outcomes.items())
    order.shuffle(shuffled)
    assert _score(_rows(dict(shuffled), points)) == _score(_rows(outcomes, points))


# Layer by layer ----------------------------------------------------------------------------------


def _network(change=lambda rows: rows):
    facts = load_facts("sequential_cnn")
    nodes = expected_network(facts).nodes
    rows = change([(n.kind, dict(n.config), n.inputs, n.trainable) for n in nodes])
    return compare(facts, make_spec(rows, [f"l{i}" for i in range(len(rows))]))


def _units(rows):
    (index,) = [i for i, row in enumerate(rows) if row[1].get("units") == 128]
    rows[index][1]["units"] = 64
    return rows


def _without(kind):
    def change(rows):
        (index,) = [i for i, row in enumerate(rows) if row[0] == kind]
        left = [row for i, row in enumerate(rows) if i != index]
        return [(k, c, (i - 1,) if i else (), t) for i, (k, c, _, t) in enumerate(left)]

    return change


def _averaging(rows):
    return [("AveragePooling2D" if k == "MaxPooling2D" else k, c, i, t) for k, c, i, t in rows]


def _with_dropout(rows):
    at = len(rows) - 2
    more = [*rows[:at], ("Dropout", {"rate": 0.5}, (), True), *rows[at:]]
    return [(k, c, (i - 1,) if i else (), t) for i, (k, c, _, t) in enumerate(more)]


KINDS = ("kind", "shape", "params", "config")


@pytest.mark.parametrize(
    ("change", "shares"),
    [
        (lambda rows: rows, (1, 1, 1, 1)),
        # Five layers: conv, pool, flatten, dense, dense.
        (_units, (1, Fraction(4, 5), Fraction(3, 5), Fraction(4, 5))),
        (_without("MaxPooling2D"), (Fraction(4, 5), Fraction(3, 5), Fraction(3, 5),
                                    Fraction(4, 5))),
        (_averaging, (Fraction(4, 5), 1, 1, Fraction(4, 5))),
        (_with_dropout, (Fraction(5, 6), 1, 1, 1)),
    ],
)  # fmt: skip
def test_shares_of_the_layers_that_are_right(change, shares):
    comparison = _network(change)
    assert tuple(comparison.share_right(kind) for kind in KINDS) == shares


def test_a_share_is_whole_only_where_nothing_is_wrong():
    comparison = _network(_units)
    assert any(pair.status == "changed" for pair in comparison.pairs)
    assert comparison.share_right("params") < 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_checks_of_the_layers_carry_their_share(kind):
    check = {"kind": "layers", "shape": "output_shapes", "params": "layer_parameters",
             "config": "configuration"}[kind]  # fmt: skip
    change = _without("MaxPooling2D") if kind != "config" else _activation
    comparison = _network(change)
    outcomes = check_runner.run_checks({"structure": comparison})
    assert isinstance(outcomes[check], Mismatch)
    assert outcomes[check].share == comparison.share_right(kind)
    assert 0 < outcomes[check].share < 1


def _activation(rows):
    (index, *_) = [i for i, row in enumerate(rows) if row[1].get("activation") == "relu"]
    rows[index][1]["activation"] = "tanh"
    return rows


def test_the_gate_carries_its_distance():
    run = SimpleNamespace(document={"test_correct": 9_700, "test_images": 10_000})
    evidence = {
        "runs": [run],
        "facts": load_facts("sequential_cnn"),
        "grading": SimpleNamespace(calibration=DOCUMENTED),
    }
    check = check_runner.checks()["accuracy_gate"]
    with pytest.raises(Mismatch) as caught:
        check(**evidence)
    assert caught.value.from_gate == Fraction(-1, 100)
    for correct in (9_801, 9_790):  # inconclusive, above and below the gate
        run.document["test_correct"] = correct
        check(**evidence)
    again = SimpleNamespace(document={"test_correct": 9_795, "test_images": 10_000})
    evidence["runs"] = [run, again]  # on average below, which several runs do not do by chance
    with pytest.raises(Mismatch, match=r"the bounds 97\.77 % to 98\.08 % straddle"):
        check(**evidence)


def test_where_the_mean_is_high_enough_the_run_that_is_not_is_shown():
    """A gate that asks for 98.00 % is not to be failed by "98.30 %"."""
    runs = [
        SimpleNamespace(seed=seed, document={"test_correct": correct, "test_images": 10_000})
        for seed, correct in enumerate([9_900, 9_690, 9_900])  # 96.90 %: it diverged
    ]
    with pytest.raises(Mismatch, match=r"accuracy, seed 1 = 96\.90 %, but .* at least 98\.00 %"):
        check_runner.checks()["accuracy_gate"](
            runs, load_facts("sequential_cnn"), SimpleNamespace(calibration=DOCUMENTED)
        )
