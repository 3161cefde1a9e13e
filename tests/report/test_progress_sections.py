"""The sections on progress: a baseline, earlier runs, calibrated ranges and what gives alarm."""

import copy
import re

import pytest

from harness.report.charts import svg, trends
from harness.report.render import render
from harness.report.schema import results as schema
from harness.report.sections.progress import baseline, expected_range, sections
from reference.errors import UserError
from tests.support.report_html import Parsed, poisoned
from tests.support.samples.progress_results import history, progressed
from tests.support.samples.results import NETWORKS, sample


@pytest.fixture(scope="module")
def results():
    return progressed()


def _shown(results, **changes):
    anchors = [f"net-{subject['id']}" for subject in results["subjects"]]
    with svg.house_style():
        return sections(schema.checked(results | changes), anchors)


@pytest.fixture(scope="module")
def shown(results):
    return _shown(results)


def test_hostile_names_stay_text():
    few = {"seeds": 1, "benchmarks": False, "names": ("deep_cnn", "mlp_64_32")}
    clean = progressed(**few)
    hostile = poisoned({key: clean[key] for key in ("baseline", "history")})
    found = Parsed(render(clean | hostile))
    tags = [tag for tag, _ in found.elements]
    usual = [tag for tag, _ in Parsed(render(clean)).elements]
    assert tags.count("script") == usual.count("script")
    assert not [k for _, attributes in found.elements for k in attributes if k.startswith("on")]
    assert "<script>alert(1)</script>\"'&amp;{{ 7*7 }}$x_1$" in found.text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in found.text


# What is there at all ----------------------------------------------------------------------------


def test_an_older_file_has_none_of_it():
    assert _shown(sample(benchmarks=False)) is None


def test_each_part_stands_alone(results, shown):
    assert [anchor for anchor, _ in shown.contents] == ["baseline", "plausible", "history"]
    nothing = {"baseline": None, "history": []}
    plain = [subject | {"alarms": [], "range": None} for subject in results["subjects"]]
    dataset = results["dataset"] | {"shared_images": None}
    quiet = nothing | {"subjects": plain, "dataset": dataset}
    assert _shown(results, **quiet) is None
    for part in ("baseline", "history"):
        alone = _shown(results, **quiet | {part: results[part]})
        assert [anchor for anchor, _ in alone.contents] == [part]
    alone = _shown(results, **quiet | {"dataset": results["dataset"]})
    assert [anchor for anchor, _ in alone.contents] == ["plausible"]


def test_the_page_has_the_sections_and_leads_to_them():
    page = render(progressed(seeds=1, benchmarks=False))
    for anchor in ("baseline", "plausible", "history"):
        assert page.count(f'<section id="{anchor}"') == 1
        assert f'<li><a href="#{anchor}">' in page
    plain = render(sample(benchmarks=False))
    assert not re.search(r'id="(baseline|plausible|history)"', plain)
    assert ".against" not in plain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": []}, "baseline is a list, but should be an object"),
        ({"baseline": {"rows": [{"before": "x"}]}}, "baseline.rows[0].before is text, but should"),
        ({"history": {}}, "history is an object, but should be a list"),
        ({"history": [{"networks": [{"id": 3}]}]}, "history[0].networks[0].id is the number 3"),
        ({"dataset": {"shared_images": {"count": -1}}}, "dataset.shared_images.count is the num"),
    ],
)
def test_another_shape_is_named(change, message):
    with pytest.raises(UserError, match=re.escape(message)):
        schema.checked(sample() | change)


# The baseline ------------------------------------------------------------------------------------


def test_what_is_worse_comes_first(shown):
    words = [row.verdict.word for row in shown.baseline.rows]
    assert words[:3] == ["regressed"] * 3
    assert words.index("missing") < words.index("inconclusive") < words.index("passed")
    assert {row.verdict.word for row in shown.baseline.unchanged} == {"unchanged"}
    assert len(shown.baseline.unchanged) == len(NETWORKS)


def _row(shown, network, measure):
    (found,) = [
        row for row in shown.baseline.rows if (row.network, row.measure) == (network, measure)
    ]
    return found


def test_figures_have_their_units(shown):
    accuracy = _row(shown, "deep_cnn", "test accuracy")
    assert (accuracy.before, accuracy.after) == ("99.68\u202f%", "99.07\u202f%")
    assert (accuracy.difference, accuracy.interval) == ("−0.61\u202fpp", "[−0.72,\xa0−0.50]")
    flops = _row(shown, "mlp_64_32", "FLOPs for one image")
    assert (flops.before, flops.after, flops.difference) == ("100,000", "120,000", "+20,000")
    speed = _row(shown, "deep_cnn", "speed-up over a peer")
    assert (speed.before, speed.after) == ("1.52×", "1.31×")
    assert (speed.difference, speed.interval) == ("−13.8\u202f%", "[−16.0,\xa0−11.7]")


def test_a_rate_is_not_taken_for_a_speed_up(results, shown):
    rate = _row(shown, "mlp_64_32", "training images per second")
    assert (rate.before, rate.after) == ("90,000", "110,000")
    other = {"subject": "deep_cnn", "baseline_subject": "deep_cnn", "measure": "speed",
             "status": "not comparable", "before": 1.52, "after": 3.1, "difference": None,
             "interval": None, "text": "speed-up over Keras: on another machine."}  # fmt: skip
    elsewhere = _shown(results, baseline=results["baseline"] | {"rows": [other]})
    row = _row(elsewhere, "deep_cnn", "speed-up over a peer")
    assert (row.before, row.after, row.difference) == ("1.52×", "3.1×", "–")


def test_that_nothing_changed_is_not_drawn(results, shown):
    assert shown.baseline.drawing is not None
    rows = [row | {"status": "unchanged"} for row in results["baseline"]["rows"]]
    assert _shown(results, baseline=results["baseline"] | {"rows": rows}).baseline.drawing is None


def test_names_of_then_and_now(shown):
    assert _row(shown, "lenet", "graded").anchor is None
    renamed = _row(shown, "mlp_64_32 (was mlp_small)", "graded")
    assert (renamed.anchor, renamed.verdict.word) == ("net-mlp_64_32", "renamed")


def test_why_nothing_can_be_compared_is_said(results):
    refused = results["baseline"] | {"comparable": False, "reason": "Other images.", "rows": []}
    found = _shown(results, baseline=refused).baseline
    assert (found.refused, found.rows, found.drawing) == ("Other images.", (), None)
    found = _shown(results, baseline=refused | {"reason": None}).baseline
    assert found.refused == "The two runs cannot be compared."


def test_a_status_of_a_later_version_is_shown_last(results):
    odd = copy.deepcopy(results["baseline"])
    odd["rows"][0] |= {"status": "unheard of"}
    odd["rows"] = odd["rows"][:3]
    found = baseline.baseline(schema.checked(results | {"baseline": odd})["baseline"], [], [])
    assert [row.verdict.word for row in found.rows] == ["passed", "unheard of"]


def test_the_drawing_says_each_difference_in_words(shown):
    words = re.search(r"<desc[^>]*>([^<]*)", shown.baseline.drawing)[1]
    assert words.startswith("The margin is 0.2 percentage points. functional_cnn: +0.04\u202fpp [")
    assert "deep_cnn: −0.61\u202fpp [-0.72, -0.50], regressed" in words


# Calibrated ranges -------------------------------------------------------------------------------


def test_a_seed_outside_its_range_is_seen(shown):
    by_name = {row.network: row for row in shown.plausible.rows}
    assert by_name["sequential_cnn"].verdict.word == "above its range"
    assert by_name["deep_cnn"].verdict.word == "in its range"
    assert by_name["deep_cnn"].range == "98.66 to 99.44\u202f%"
    assert "over 20 seeds, standard deviation 0.090, k = 4.32" in by_name["deep_cnn"].basis


def test_a_seed_below_it_is_worse_than_one_above(results):
    subject = copy.deepcopy(results["subjects"][1])
    subject["runs"][0]["test_accuracy"] = 0.5
    found = expected_range.plausible(schema.checked(results | {"subjects": [subject]}), ["net"])
    assert found.rows[0].verdict.word == "below its range"


def test_alarms_name_the_network_and_shared_images(shown):
    (about_data, about_network) = shown.plausible.alarms
    assert about_data[2].startswith(
        "Three test images are training images too: test image 11 is training image 204 and "
    )
    assert about_network[:2] == ("sequential_cnn", "net-sequential_cnn")


def _notices(results, **changes):
    return expected_range.notices(schema.checked(results | changes))


def test_an_alarm_is_at_the_head_of_the_page(results):
    (notice,) = _notices(results)
    assert notice.title == "Too good to be true"
    assert "sequential_cnn\N{POP DIRECTIONAL ISOLATE}: seed 3 reads 99.69 %" in notice.text
    many = [s | {"alarms": [{"kind": "perfect", "text": "x"}]} for s in results["subjects"]]
    (notice,) = _notices(results, subjects=many)
    assert notice.text.count("sequential_cnn") == notice.text.count("mlp_64_32") == 1
    quiet = results["dataset"] | {"shared_images": None}
    calm = [s | {"alarms": []} for s in results["subjects"]]
    assert _notices(results, dataset=quiet, subjects=calm) == []


def test_shared_images_are_said_once_not_for_every_network(results):
    leak = {"alarms": [{"kind": "leak", "text": "three test images are training images"}]}
    leaking = results | {"subjects": [s | leak for s in results["subjects"]]}
    (notice,) = _notices(leaking)
    assert notice.text.startswith("Three test images are training images too")
    assert "deep_cnn" not in notice.text
    assert len(_shown(leaking).plausible.alarms) == 1


# History -----------------------------------------------------------------------------------------


def test_one_run_is_no_history(results):
    assert _shown(results, history=history(1))
    assert "history" not in dict(_shown(results, history=results["history"][:1]).contents)
    assert "history" in dict(_shown(results, history=results["history"][:2]).contents)


def test_each_network_has_a_trend(shown):
    found = shown.history
    assert [trend.network for trend in found.trends] == list(NETWORKS)
    assert [trend.anchor for trend in found.trends] == [f"net-{name}" for name in NETWORKS]
    assert found.lead.startswith("12 complete runs with this data set and recipe, from 2026-11-01")
    assert len(found.runs) == 12
    assert found.runs[0].date == "2026-11-12 11:02"
    assert len(found.runs[0].figures) == len(NETWORKS)


def test_what_befell_a_network_is_said(shown):
    notes = {trend.network: " ".join(trend.notes) for trend in shown.history.trends}
    assert "changed once, last for a run of 2026-11-08" in notes["deep_cnn"]
    assert "parameters in every run" not in notes["deep_cnn"]
    assert "Two runs did not pass." in notes["sequential_cnn"]
    assert "187,000 parameters in every run." in notes["sequential_cnn"]


def _drawn(shown, name):
    (trend,) = [trend for trend in shown.history.trends if trend.network == name]
    return re.search(r"<desc[^>]*>([^<]*)", trend.drawing)[1]


def test_parameters_are_drawn_where_they_change(shown):
    assert "Parameters: 187\u202fk at first, 159\u202fk at last." in _drawn(shown, "deep_cnn")
    assert "Parameters" not in _drawn(shown, "mlp_64_32")


def test_speed_is_of_this_processor_alone(results, shown):
    assert "Images / s, training:" in _drawn(shown, "deep_cnn")
    runs = copy.deepcopy(results["history"])
    for run in runs[:-1]:
        run["cpu"] = "another"
    assert "Images / s" not in _drawn(_shown(results, history=runs), "deep_cnn")
    for run in runs:
        run["cpu"] = None  # nobody knows whether they are the same
    assert "Images / s" not in _drawn(_shown(results, history=runs), "deep_cnn")


def test_a_run_without_the_network_leaves_a_gap(results):
    runs = copy.deepcopy(results["history"])
    runs[3]["networks"] = []
    runs[4]["networks"][0] |= {"accuracy": None, "interval": None, "total_params": None}
    found = _shown(results, history=runs)
    assert "Two runs measured no accuracy." in found.history.trends[0].notes
    assert "over 10 runs" in _drawn(found, "functional_cnn")


def test_a_run_that_diverged_does_not_flatten_the_others():
    steady = [trends.Point(0.98, (0.978, 0.982), failed=False, changed=False)] * 3
    fallen = [*steady, trends.Point(0.1, None, failed=True, changed=False)]
    assert trends.span([steady]) == trends.SMALLEST_SPAN
    assert trends.span([steady, fallen]) == trends.LARGEST_SPAN
    look = {"dates": ["a", "b", "c", "d"], "gate": 0.96, "lines": [], "wide": 0.04}
    with svg.house_style():
        drawing = trends.trend("t", "x", fallen, **look)
    assert "between 10.00\u202f% and 98.00\u202f% over 4 runs" in drawing
    assert "98.0\u202f%" in drawing


def test_the_same_runs_give_the_same_bytes(shown):
    again = _shown(progressed())
    assert again == shown
