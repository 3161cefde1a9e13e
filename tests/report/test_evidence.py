"""The report's sections on evidence: what they say of known numbers, and what they survive."""

import copy
import itertools
import re

import pytest

from harness.report.charts import dot_rows, svg
from harness.report.render import render
from harness.report.schema import results as schema
from harness.report.sections.evidence import sections
from harness.report.text import network_names, subjects
from reference.errors import UserError
from tests.support.report_html import HOSTILE, Parsed, poisoned, without_isolates
from tests.support.samples.evidence_results import complete as with_everything
from tests.support.samples.evidence_results import with_evidence
from tests.support.samples.results import sample

ANCHORS = ("better", "calibration", "robustness", "digits", "confused", "hard")
SMALL = sample(names=("deep_cnn", "sequential_cnn", "mlp_64_32"), benchmarks=False)
# Only what the sections add; the rest of the page has its own limit.
MOST_BYTES = 180_000


def evidence(**changes):
    """The view of a small results.json; a key that is a network's id changes that subject."""
    results = copy.deepcopy(SMALL)
    for subject in results["subjects"]:
        subject.update(changes.pop(subject["id"], {}))
    results |= changes
    checked = schema.checked(results)
    with svg.house_style():
        return sections(checked, subjects.anchors(checked["subjects"]))


def pair(a: str, b: str, difference: float, verdict: str, **more) -> dict:
    half = 0.001
    return {
        "a": a, "b": b, "seeds": 5, "images": 10000, "difference": difference,
        "interval": [difference - half, difference + half], "p": 0.004, "p_adjusted": 0.012,
        "method": "bootstrap over 5 seeds × 10,000 images", "only_a": 40.2, "only_b": 12.0,
        "detectable": 0.0015, "verdict": verdict, "runs": [],
    } | more  # fmt: skip


# The whole page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def html() -> str:
    return render(with_everything(seeds=2, benchmarks=False))


@pytest.fixture(scope="module")
def page(html) -> Parsed:
    return Parsed(html)


def test_every_section_is_there_in_order_and_in_the_navigation(page):
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert [ident for ident in ids if ident in ANCHORS] == list(ANCHORS)
    targets = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    assert [target for target in targets if target in ANCHORS][: len(ANCHORS)] == list(ANCHORS)
    assert set(targets) | {a["href"][1:] for a in page.all("use")} <= set(ids)


def test_headings_tables_charts_and_pictures_are_said_in_words(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("caption") == tags.count("table") > 15
    assert all("scope" in a for a in page.all("th"))
    charts = [a for a in page.all("svg") if a.get("class") == "chart"]
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert all(set(a["aria-labelledby"].split()) <= ids for a in charts)
    assert all(a["alt"].startswith("Handwritten ") for a in page.all("img"))


def test_each_section_begins_with_what_was_found(html):
    for anchor in ANCHORS:
        part = html[html.index(f'<section id="{anchor}"') :]
        first = re.sub(r"^.*?</h2>\s*", "", part, count=1, flags=re.DOTALL)
        assert first.startswith('<p class="found">'), anchor


def test_the_sections_stay_small(html):
    parts = re.findall(r'<section id="(\w+)" class="evidence".*?</section>', html, re.DOTALL)
    assert parts == list(ANCHORS)
    found = re.finditer(r'<section id="\w+" class="evidence".*?</section>', html, re.DOTALL)
    assert 60_000 < sum(len(match[0].encode()) for match in found) < MOST_BYTES


def test_results_without_the_keys_give_the_page_of_before():
    older = sample(names=("mlp_64_32",), benchmarks=False)
    html = render(older)
    assert 'class="evidence"' not in html
    assert ".evidence" not in html
    nothing = copy.deepcopy(older)
    nothing |= {"comparisons": None, "omnibus": None, "image_groups": None}
    for subject in nothing["subjects"]:
        subject |= {"calibration": None, "classes": [], "confused": None, "robustness": None}
    assert render(nothing) == html


def test_one_key_alone_gives_its_section_alone():
    found = evidence(deep_cnn={"classes": [{"digit": 3, "recall": 0.9}]})
    assert found.contents == (("digits", "Digit by digit"),)


def test_hostile_names_stay_text():
    results = with_evidence(sample(names=("deep_cnn", "mlp_64_32"), benchmarks=False))
    html = render(poisoned(results))
    part = html[html.index('<section id="better"') : html.index('<section id="claims"')]
    assert part.count("<script") == 0
    assert "{{ 7*7 }}" in part
    assert "W" * 100 not in Parsed(part).text
    assert HOSTILE not in part


# Which is better ----------------------------------------------------------------------------------


def test_a_network_that_beats_all_is_said_to():
    found = evidence(
        comparisons=[
            pair("deep_cnn", "sequential_cnn", 0.0056, "a"),
            pair("deep_cnn", "mlp_64_32", 0.0239, "a"),
            pair("sequential_cnn", "mlp_64_32", 0.0183, "a"),
        ]
    ).paired
    assert without_isolates(found.found) == (
        "deep_cnn is better than each of the other two. All three differences are significant; "
        "the smallest is that of deep_cnn over sequential_cnn, 0.56 percentage points."
    )
    assert [name.short for name in found.columns] == ["deep_cnn", "sequential_cnn"]
    (second, (cell,)), (third, cells) = found.matrix
    assert (second.short, second.anchor) == ("sequential_cnn", "net-sequential_cnn")
    assert third.short == "mlp_64_32"
    assert (cell.difference, cell.interval) == ("−0.56\u202fpp", "[−0.66,\u00a0−0.46]")
    assert (cell.p, cell.verdict.word) == ("0.012", "worse")
    assert [one.difference for one in cells] == ["−2.39\u202fpp", "−1.83\u202fpp"]
    assert [row.difference[:5] for row in found.pairs] == ["+2.39", "+1.83", "+0.56"]


def test_a_pair_is_told_from_the_side_of_the_better_one():
    runs = [{"seed": 7, "only_a": 3, "only_b": 9, "p": 0.2}, {"seed": 8, "p": 0.0001}]
    given = pair("sequential_cnn", "deep_cnn", -0.0056, "b", only_a=3.0, only_b=9.5, runs=runs)
    found = evidence(comparisons=[given]).paired
    (row,) = found.pairs
    assert (row.first.short, row.second.short) == ("deep_cnn", "sequential_cnn")
    assert (row.difference, row.interval) == ("+0.56\u202fpp", "[+0.46,\u00a0+0.66]")
    assert (row.only_first, row.only_second) == ("9.5", "3")
    assert row.verdict.word == "first is better"
    assert row.runs == "7:\u00a00.200 8:\u00a0<\u00a00.001"
    assert "deep_cnn over sequential_cnn: +0.56" in found.figure.drawing
    assert without_isolates(found.found) == (
        "deep_cnn is better than sequential_cnn: by 0.56 percentage points."
    )


def test_what_chance_explains_is_not_called_better():
    given = [
        pair("deep_cnn", "sequential_cnn", 0.0006, "none", p_adjusted=0.4),
        pair("deep_cnn", "mlp_64_32", 0.0239, "a"),
        pair("sequential_cnn", "mlp_64_32", 0.0183, "a"),
    ]
    found = evidence(comparisons=given).paired
    assert without_isolates(found.found) == (
        "deep_cnn classifies the most images correctly, significantly more than mlp_64_32; the "
        "difference to sequential_cnn is not significant. Of three differences, two are "
        "significant; the other is not."
    )
    assert found.matrix[0][1][0].verdict.word == "not significant"
    alone = evidence(comparisons=given[:1]).paired
    assert without_isolates(alone.found) == (
        "deep_cnn is 0.06 percentage points ahead of sequential_cnn, which is not "
        "significant. The smallest detectable difference is 0.15 percentage points."
    )


def test_all_networks_at_once():
    omnibus = {"test": "Cochran's Q", "networks": 3, "images": 10000, "q": 41.27, "df": 2,
               "p": 0.00001, "seed": 4}  # fmt: skip
    given = [pair("deep_cnn", "mlp_64_32", 0.0239, "a")]
    assert evidence(comparisons=given, omnibus=omnibus).paired.together == (
        "Asked of all three networks at once for the runs of seed 4, Cochran's Q is 41.3 with 2 "
        "degrees of freedom, p\u00a0<\u00a00.001: they are not all equally accurate."
    )
    unsure = evidence(comparisons=given, omnibus=omnibus | {"p": 0.31}).paired.together
    assert unsure.endswith("p\u00a0= 0.310: they are not significantly different.")


def test_a_difference_without_figures_is_left_out():
    given = pair("deep_cnn", "mlp_64_32", 0.01, "a") | {"difference": None}
    assert evidence(comparisons=[given]) is None
    bare = {"a": "deep_cnn", "b": "mlp_64_32", "difference": 0.0}
    found = evidence(comparisons=[bare]).paired
    assert found.matrix[0][1][0].p == "–"


# Confidence ---------------------------------------------------------------------------------------


def calibrated(ece: float, confidence: float, accuracy: float, **more) -> dict:
    one = {"low": 0.8, "high": 0.8667, "count": 10, "confidence": 0.85, "accuracy": 0.85}
    return {
        "calibration": {
            "ece": ece, "nll": 0.0651, "brier": 0.0312, "seeds": 1, "images": 10000,
            "bins": [one, one | {"count": 9990, "confidence": confidence, "accuracy": accuracy,
                                 "interval": [accuracy - 0.01, accuracy + 0.01]}],
        } | more
    }  # fmt: skip


def test_confidence_is_told_from_best_to_worst():
    found = evidence(
        deep_cnn=calibrated(0.0021, 0.992, 0.990, ece_interval=[0.0018, 0.0024]),
        mlp_64_32=calibrated(0.0167, 0.983, 0.967),
        sequential_cnn={"calibration": None, "calibration_note": "its outputs are no shares"},
    ).calibration
    assert without_isolates(found.found) == (
        "deep_cnn is best calibrated (ECE 0.21\u202f%), mlp_64_32 worst (1.67\u202f%). "
        "All are overconfident."
    )
    first = found.rows[0]
    assert (first.ece, first.ece_interval) == ("0.21\u202f%", "[0.18,\u00a00.24]")
    assert (first.nll, first.brier, first.lean) == ("0.0651", "0.0312", "+0.20\u202fpp")
    assert found.diagrams[1].caption == "ECE 1.67\u202f%; overconfident."
    assert (
        "confidence 85\u202f%, accuracy 85\u202f% on 10; confidence 98" in found.diagrams[1].drawing
    )
    assert found.diagrams[0].bins[1].images == "9,990"
    ((name, why),) = found.notes
    assert (name.short, why) == ("sequential_cnn", "its outputs are no shares")


def test_a_network_that_knows_too_little_of_itself():
    found = evidence(deep_cnn=calibrated(0.01, 0.95, 0.98)).calibration
    assert found.found.endswith("ECE of 1.00\u202f% and is underconfident.")
    even = evidence(deep_cnn=calibrated(0.0001, 0.9801, 0.98)).calibration
    assert even.found.endswith("and is neither overconfident nor underconfident.")


# Corrupted images ---------------------------------------------------------------------------------


def corrupted(error: float | None, *accuracies: float, kind: str = "rotation", **more) -> dict:
    levels = [
        {"severity": s, "value": 10 * s, "accuracy": a, "interval": [a - 0.02, a + 0.02]}
        for s, a in enumerate(accuracies, 1)
    ]
    words = {"rotation": ("turned", "degrees"), "shift": ("shifted", "pixels")}[kind]
    curve = {"corruption": kind, "words": words[0], "unit": words[1], "levels": levels}
    return {
        "robustness": {
            "images": 1000, "seeds": 1, "clean": 0.98, "mean_corruption_error": error,
            "curves": [curve],
        } | more
    }  # fmt: skip


def test_corrupted_images_are_told_from_the_most_harmful_on():
    both = corrupted(0.221, 0.97, 0.5)["robustness"]
    both["curves"] = [*corrupted(None, 0.97, 0.9, kind="shift")["robustness"]["curves"],
                      *both["curves"]]  # fmt: skip
    found = evidence(
        deep_cnn={"robustness": both},
        mlp_64_32=corrupted(0.3, 0.9, 0.4),
        sequential_cnn={"robustness": {"curves": [], "note": "its worker died"}},
    ).robustness
    assert without_isolates(found.found) == (
        "deep_cnn misclassifies the fewest corrupted images, 22.1\u202f% on average, against "
        "2.0\u202f% without corruption; mlp_64_32 the most, 30.0\u202f%. Rotation is the most "
        "harmful corruption, shift the least harmful."
    )
    assert [(panel.heading, panel.caption) for panel in found.panels] == [
        ("Rotation", "turned, degrees"),
        ("Shift", "pixels"),
    ]
    assert "mlp_64_32: 98.0\u202f% without corruption, then 90.0\u202f%, 40.0\u202f%" in (
        found.panels[0].drawing
    )
    assert [name.short for name, _ in found.tables[0].rows] == ["deep_cnn", "mlp_64_32"]
    assert [name.short for name, _ in found.tables[1].rows] == ["deep_cnn"]
    assert found.tables[0].title == "Rotation (turned, degrees)"
    assert found.tables[0].columns == ("1: 10", "2: 20")
    assert found.tables[0].rows[0][1][1] == ("50.0\u202f%", "[48.0,\u00a052.0]")
    assert found.rows[0].worst == "Rotation, down to 50.0\u202f%"
    assert [(name.short, why) for name, why in found.notes] == [
        ("sequential_cnn", "its worker died")
    ]


def test_corrupted_images_without_a_mean():
    found = evidence(deep_cnn=corrupted(None, 0.9)).robustness
    assert found.found == "Rotation is the most harmful corruption."
    assert found.summary is None
    assert found.rows[0].error == "–"


# Digits -------------------------------------------------------------------------------------------


def test_why_no_corrupted_image_was_measured_is_said():
    results = with_evidence(sample())
    for subject in results["subjects"]:
        subject["robustness"] = {"seeds": 0, "curves": [], "note": "It outputs no numbers."}
    html = render(results)
    part = html[html.index('<section id="robustness"') :]
    part = part[: part.index("</section>")]
    assert part.count("It outputs no numbers.") == len(results["subjects"])
    assert "<table" not in part
    assert "<svg" not in part
    assert "<details" not in part


def test_digits_are_shaded_by_what_is_wrong_and_the_weakest_is_marked():
    found = evidence(
        deep_cnn={
            "classes": [
                {"digit": 0, "images": 980, "recall": 0.997, "precision": 0.95,
                 "recall_interval": [0.99, 0.999]},
                {"digit": 4, "images": 982, "recall": 0.975, "precision": 0.999, "f1": 0.98},
            ]
        }
    ).digits  # fmt: skip
    assert without_isolates(found.found) == (
        "For deep_cnn, 4 is the hardest digit: 97.5\u202f% of its images are classified correctly; "
        "0 is the easiest, with 99.7\u202f%. Precision is lowest for 0: 95.0\u202f% of its "
        "predictions are correct."
    )
    recall, precision = found.tables
    ((name, (zero, four)),) = recall.rows
    assert name.short == "deep_cnn"
    assert (zero.text, zero.shade, zero.strong) == ("99.7", "s0", False)
    assert zero.hint == "0: 99.70\u202f% [99.00,\u00a099.90]"
    assert (four.text, four.shade, four.strong) == ("97.5", "s3", True)
    assert [cell.shade for cell in precision.rows[0][1]] == ["s4", "s0"]
    assert found.networks[0][1][1].f1 == "98.00\u202f%"


def test_confusions_of_all_networks_side_by_side():
    bare = [{"confusion": None}]
    matrix = [[0] * 10 for _ in range(10)]
    matrix[4][9], matrix[2][7] = 6, 30
    found = evidence(
        deep_cnn={
            "confused": [{"label": 4, "prediction": 9, "count": 11.5, "share": 0.0115}],
            "runs": bare,
        },
        mlp_64_32={
            "confused": [{"label": 2, "prediction": 7, "count": 30, "share": 0.03}],
            "runs": [{"confusion": matrix}],
        },
    ).confusions
    assert found.found == (
        "The most common mistake is to classify 2 as 7: 15 images per run on average over the "
        "networks (1.50\u202f% of the 2s). It is the most common mistake of one of the two "
        "networks."
    )
    assert [(label, prediction) for label, prediction, _ in found.pairs[:2]] == [(2, 7), (4, 9)]
    deep, small = found.pairs[1][2]
    assert deep.text == "11.5"
    assert small.text == "6"  # not in its list, so counted from its matrix
    assert found.pairs[0][2][0].text == "·"  # neither list nor matrix tell


# Images -------------------------------------------------------------------------------------------


def groups(count: int, readings: list[int], alone: tuple[int, int] = (2, 9)) -> dict:
    image = {"index": 77, "label": 4, "pixels": None}
    return {
        "networks": ["deep_cnn", "sequential_cnn", "mlp_64_32"],
        "images": 10000,
        "all_miss": {"count": count, "images": [image | {"readings": readings}] if count else []},
        "only_one": [
            {"network": "mlp_64_32", "count": alone[1], "images": [image | {"reading": 1}] * 8},
            {"network": "deep_cnn", "count": alone[0], "images": [image | {"reading": 6}]},
        ],
    }


def test_images_that_all_miss_say_who_reads_what():
    found = evidence(image_groups=groups(30, [9, 9, 7])).hard
    assert without_isolates(found.found) == (
        "Of 10,000 test images, 30 (0.30\u202f%) are misclassified by all three "
        "networks. mlp_64_32 alone misclassifies nine, deep_cnn alone two."
    )
    (picture,) = found.all_miss.pictures
    assert (picture.label, picture.readings) == ("4", "9 7")
    assert picture.alternative == (
        "Handwritten 4, test image 77; classified as 9 by deep_cnn and sequential_cnn; "
        "classified as 7 by mlp_64_32"
    )
    assert found.all_miss.words == "30 images, the first 1 shown"
    few, many = found.only_one
    assert (few.network.short, few.words) == ("deep_cnn", "2 images, the first 1 shown")
    assert few.pictures[0].alternative == (
        "Handwritten 4, test image 77; classified as 6 by deep_cnn alone"
    )
    assert len(many.pictures) == 5
    same = evidence(image_groups=groups(1, [9, 9, 9])).hard.all_miss.pictures[0]
    assert same.alternative == "Handwritten 4, test image 77; every network predicts 9"


def test_no_image_that_all_miss():
    found = evidence(image_groups=groups(0, [], (3, 3))).hard
    assert found.found == "Of 10,000 test images, none is misclassified by all three networks."


# Shapes, and small things -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"comparisons": {}}, "comparisons is an object, but should be a list"),
        ({"comparisons": [{"a": 1}]}, "comparisons[0].a is the number 1, but should be text"),
        (
            {"comparisons": [{"a": "x", "b": "y", "interval": [1]}]},
            "comparisons[0].interval is a list, but should be two numbers or null",
        ),
        ({"omnibus": []}, "omnibus is a list, but should be an object"),
        (
            {"image_groups": {"all_miss": {"images": [{"label": 4, "pixels": "AAAA"}]}}},
            "image_groups.all_miss.images[0].pixels holds 3 bytes, but should hold 784",
        ),
        (
            {"deep_cnn": {"calibration": {"bins": [{"count": "7"}]}}},
            "subjects[0].calibration.bins[0].count is text, but should be a number or null",
        ),
        (
            {"deep_cnn": {"classes": [{"digit": None}]}},
            "subjects[0].classes[0].digit is null, but should be a whole number",
        ),
        (
            {"deep_cnn": {"confused": [{"label": -1}]}},
            "subjects[0].confused[0].label is the number -1, but should be a whole number",
        ),
        (
            {"deep_cnn": {"robustness": {"curves": [{"corruption": "x", "levels": [3]}]}}},
            "subjects[0].robustness.curves[0].levels[0] is the number 3, but should be an object",
        ),
    ],
)
def test_wrong_shapes_are_named(changes, message):
    with pytest.raises(UserError) as caught:
        evidence(**changes)
    assert message in str(caught.value)


def test_ticks_are_round_and_few():
    assert dot_rows.ticks(-0.0004, 0.0251) == [0.0, 0.005, 0.01, 0.015, 0.02, 0.025]
    assert dot_rows.ticks(0.14, 0.27) == pytest.approx([0.14, 0.16, 0.18, 0.2, 0.22, 0.24, 0.26])


def test_a_mean_count_of_less_than_one_image_is_not_none():
    assert [network_names.counted(value) for value in (0, 0.02, 0.2, 0.97, 97.2, 1234.0)] == [
        "0", "<\xa00.1", "0.2", "1", "97.2", "1,234",
    ]  # fmt: skip
    results = with_evidence(sample())
    results["subjects"][0]["calibration"]["bins"][0]["count"] = 0.2
    html = render(results)
    part = html[html.index('<section id="calibration"') :]
    assert '<td class="num">0.2</td>' in part
    assert re.search(r"accuracy \d+\s%\son 0\.2", part)


def test_small_probabilities_are_bounds():
    assert network_names.probability(0.00099) == "<\u00a00.001"
    assert network_names.probability(0.0049) == "0.005"
    assert network_names.probability(None) == "–"
