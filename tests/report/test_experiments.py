"""The report's sections of the documents' experiments: what they say, and what they survive."""

import copy
import itertools
import re

import pytest

from harness.report import markdown
from harness.report.charts import axes, interval_rows, svg
from harness.report.charts.interval_rows import BY_ERROR, LINEAR, Row
from harness.report.render import render
from harness.report.schema.experiments import Experiment, Study
from harness.report.schema.results import checked
from harness.report.sections import experiments as sections
from harness.report.sections.experiments import study, transfer, twin
from reference.errors import UserError
from tests.support.report_html import HOSTILE, Parsed, poisoned, text_of
from tests.support.samples import experiment_results
from tests.support.samples.results import failing, sample

SMALL = sample(names=("mlp_64_32",), benchmarks=False)
KINDS = ("study", "transfer", "twin", "summary_table", "samples")


def with_experiments(*rows) -> dict:
    return SMALL | {"experiments": list(rows)}


def section(parsed: Parsed, title: str) -> str:
    """The words of one experiment's section: those between its heading and the next section."""
    text = parsed.text
    start = text.rindex(f"{title} # ")
    ends = [
        end
        for word in (" Experiment with ", " Learning curves # ")
        if (end := text.find(word, start)) > 0
    ]
    return text[start : min(ends)]


@pytest.fixture(scope="module")
def complete() -> Parsed:
    return Parsed(render(sample(experiments=True, benchmarks=False)))


@pytest.fixture(scope="module")
def troubled() -> Parsed:
    results = failing()
    results["experiments"] = experiment_results.experiments(troubled=True)
    return Parsed(render(results))


# The page -----------------------------------------------------------------------------------------


def test_results_without_experiments_give_the_page_of_before():
    older = sample(names=("mlp_64_32",))
    assert "experiments" not in older
    html = render(older)
    assert html == render(older | {"experiments": []}) == render(older | {"experiments": None})
    assert "xperiment" not in html
    assert "claims-d" not in html


def test_every_experiment_has_a_line_near_the_top_that_leads_to_its_section(complete):
    ids = [a["id"] for _, a in complete.elements if "id" in a]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for a in complete.all("a") if a["href"].startswith("#exp-")]
    rows = experiment_results.experiments()
    assert len(set(targets)) == len(rows)
    assert set(targets) <= set(ids)
    assert ids.index("claims") < ids.index("experiments") < ids.index("curves")
    start = complete.text.index("Experiments of the documents, reproduced")
    overview = complete.text[start : complete.text.index(" Experiment with ", start)]
    for row in rows:
        assert row["title"] in overview
    assert "The NumPy twin reaches 97.1\u202f%, well above 90.25\u202f%." in overview
    assert "Left out of training" not in overview  # the first sentence is enough there
    assert "15 of 15 cells" in overview
    assert "eight experiments were run: the findings are below." in complete.text


def test_headings_tables_and_drawings_are_labelled(complete):
    levels = [int(tag[1]) for tag, _ in complete.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(complete.all("caption")) == len(complete.all("table"))
    assert all("scope" in a for a in complete.all("th"))
    ids = {a.get("id") for _, a in complete.elements}
    charts = [a for a in complete.all("svg") if a.get("class") == "chart"]
    # networks 8, claims 1, folds 1 + 5, explained 1, tuning 4, transfer 2, twin 2, grid 1
    assert len(charts) == 9 + 1 + 6 + 1 + 4 + 2 + 2 + 1
    assert all(set(a["aria-labelledby"].split()) <= ids for a in charts)
    assert all(a.get("alt") for a in complete.all("img"))
    regions = [a for a in complete.all("div") if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["aria-labelledby"] in ids for a in regions)


def test_page_stays_small():
    assert len(render(sample(recipe="documented", seeds=5, experiments=True)).encode()) < 700_000


def test_claims_name_their_evidence(complete):
    start = complete.text.index("with an Accuracy: mean=96.058")
    row = complete.text[start : start + 330]
    assert "Evidence: Five-fold cross-validation, What explains 96.058 %" in row
    assert "deep_cnn: cross-validation mean: 96.058\u202f% → 99.07\u202f%" in complete.text


def test_a_claim_leads_to_the_experiment_that_it_names():
    row = experiment_results.samples() | {"architecture": "mlp_64_32"}
    results = copy.deepcopy(with_experiments(row))
    results["claims"][0] |= {"experiment": "samples", "repeats": "folds", "seeds": 5}
    text = text_of(results)
    assert "Evidence: Predictions on sample digits" in text
    assert "5 folds" in text
    results["claims"][0]["architecture"] = "deep_cnn"
    assert "Evidence" not in text_of(results)


# Each kind ----------------------------------------------------------------------------------------


def test_folds_are_listed_boxed_and_drawn(complete):
    shown = section(complete, "Five-fold cross-validation")
    for expected in (
        "The five folds give 98.9\u202f% on average",
        "± 0.14 percentage points (standard deviation)",
        "The claim is 96.058\u202f%. fold 1: 98.85\u202f%",
        "all folds: 98.87\u202f%",
        "Fold 5",
        "Learning curves of Fold 1",
        "12,000",
        "standard deviation 0.14 percentage points",
    ):
        assert expected in shown, expected


def test_study_shows_changes_why_and_the_side_of_the_claim(complete):
    shown = section(complete, "What explains 96.058 %")
    for expected in (
        "An arrow and bold type mark what was changed.",
        "An older version of the code used SGD.",
        "changed to sgd 0.01",
        "as claimed",
        "above",
        "below",
        "159,254",
        "Against 96.058\u202f%",
        "no convolutions, unscaled pixels, SGD for three epochs",
    ):
        assert expected in shown, expected
    assert shown.count("changed to") == 8


def test_one_at_a_time_is_a_panel_for_each_setting(complete):
    shown = section(complete, "Hyper-parameters, one at a time")
    for axis in ("filters", "dense width", "optimizer", "dropout"):
        assert f"Accuracy by {axis}" in shown
    described = shown[shown.index("Accuracy by filters") :]
    places = [described.index(f"{value}: 9") for value in ("rs8", " 16", " 32", " 64")]
    assert places == sorted(places)  # the document's own value stands among the others


def test_a_product_is_sorted_and_long_ones_are_cut():
    rows = experiment_results.product()
    result = rows["result"]
    text = text_of(with_experiments(rows))
    start = text.index("Accuracy of each variant")
    shares = [float(s) for s in re.findall(r": (\d+\.\d+)\u202f%", text[start : start + 700])[:9]]
    assert len(shares) == 9
    assert shares == sorted(shares, reverse=True)
    result["variants"] = [
        result["variants"][place % 9] | {"name": f"variant {place}"} for place in range(250)
    ]
    text = text_of(with_experiments(rows))
    assert "The 40 first of 250." in text
    assert "The first 200 of 250 variants; all are in results.json." in text
    assert "variant 199" in text
    assert "variant 200" not in text


def test_transfer_shows_both_figures_the_letters_and_what_moved(complete):
    shown = section(complete, "Transfer to Greek letters")
    for expected in (
        "which estimates the accuracy on letters that were never seen",
        "trained on, as the document did: 100.00\u202f%",
        "left out, each in turn: 81.48\u202f% [68.46,\xa094.51]",
        "The claim is 96\u202f%.",
        "over 60 epochs",
        "Of 12 letters from another folder, which no training saw, 9 were classified correctly",
        "27 of 27",
        "unmoved",
        "classified as gamma, 2 of 5",
    ):
        assert expected in shown, expected
    letters = [a["alt"] for a in complete.all("img") if "letter" in a["alt"]]
    assert len(letters) == 27
    assert "The letter alpha, classified correctly" in letters


def test_letters_that_were_drawn_and_those_of_another_folder():
    row = experiment_results.transfer(seeds=1, epochs=1)
    letters = row["result"]["letters"]
    letters |= {"source": "drawn", "note": None}
    row["result"]["test"] |= {"pictures": letters["pictures"][:2], "predicted": [[1, 0]]}
    parsed = Parsed(render(with_experiments(row)))
    assert "The letters were drawn for this run" in parsed.text
    alternatives = [a["alt"] for a in parsed.all("img")]
    assert alternatives.count("The letter alpha, classified as beta") >= 1
    assert len([text for text in alternatives if "letter" in text]) == 29


def test_letters_that_were_drawn_are_not_held_against_the_document():
    row = experiment_results.transfer(seeds=2, epochs=60)
    written, drawn = copy.deepcopy(row), copy.deepcopy(row)
    drawn["result"]["letters"] |= {"source": "drawn", "note": "They were drawn."}
    text = text_of(with_experiments(written))
    assert "The claim is 96\u202f%." in text
    assert "Epochs to the claim" in text
    text = text_of(with_experiments(drawn))
    for absent in ("The claim is", "claim 96", "Epochs to the claim"):
        assert absent not in text, absent
    found = checked(with_experiments(drawn, written))["experiments"]
    with svg.house_style():
        assert [item.claimed for item in sections.sections(found, {})] == ["", "96\u202f%"]


def test_letters_for_testing_that_were_trained_on_are_counted():
    row = experiment_results.transfer(seeds=1, epochs=2)
    for trained_on, expected in (
        (
            0,
            "Of 12 letters from another folder, which no training saw, 9 were classified correctly",
        ),
        (None, "Of 12 letters from another folder, 9 were classified correctly"),
        (5, "Of 12 letters from another folder, five of which were also trained on, 9 were"),
        (12, "Of 12 letters from another folder, all of which were also trained on, 9 were"),
        (1, "Of 12 letters from another folder, one of which was also trained on, 9 were"),
    ):
        row["result"]["test"]["trained_on"] = trained_on
        assert expected in text_of(with_experiments(row))


def test_twin_shows_the_table_measured_and_its_gradients(complete):
    shown = section(complete, "The same network in NumPy alone")
    for expected in (
        "~81% (can be improved)",
        "121,000 images / s",
        "by at most 2.1\xa0×\xa010⁻⁹ of the largest of their array",
        "Learning curves of the NumPy reimplementation",
        "claim 90.25\u202f%",
        "20.9\u202fs",
    ):
        assert expected in shown, expected


def test_twin_shows_other_configurations():
    row = experiment_results.twin()
    row["result"]["configurations"] = [
        {"name": "SGD", "settings": {"learning_rate": 0.1}, "mean": 0.9033, "interval": None}
    ]
    text = text_of(with_experiments(row))
    assert re.search(r"learning rate 0\.1\s*90\.33\u202f%", text)
    assert "SGD: 90.33\u202f%" in text


def test_summary_table_says_which_cell_differs():
    row = experiment_results.summary_table()
    row["result"]["cells"][5] |= {"actual": "1", "equal": False}
    text = text_of(with_experiments(row))
    assert "14 of 15 cells are equal." in text
    assert "differs 0printed now: 1" in text
    assert 'Model: "CNN Model"' in text


def test_totals_of_the_summary_stand_below_it():
    row = experiment_results.summary_table()
    total = {"row": 5, "column": "Total params", "expected": "693,962", "actual": "693,962"}
    row["result"]["cells"].append(total | {"equal": True})
    parsed = Parsed(render(with_experiments(row)))
    assert "Total params equal 693,962" in parsed.text
    assert "All 16 cells are equal." in parsed.text


def test_grids_of_both_methods_show_alone_and_together():
    row = experiment_results.tuning()
    both = experiment_results.variant("both", {}, {"filters": 8, "dropout": 0.5}, 0.98, 3, 5, "")
    row["result"]["variants"].append(both)
    text = text_of(with_experiments(row))
    assert "Several settings changed" in text
    assert "Accuracy by filters" in text
    described = text[text.index("Accuracy of each variant") :]
    assert described.index("both: 9") < 40


def test_samples_have_bars(complete):
    shown = section(complete, "Predictions on sample digits")
    for expected in ("8 → 3", "misclassified", "98.2\u202f%", "then 9: 0.2\u202f%"):
        assert expected in shown, expected
    alternatives = [a["alt"] for a in complete.all("img")]
    assert "Handwritten 8, classified as 3" in alternatives
    assert "Of the sample digits, 11 of 12 are classified correctly." in complete.text


# What went wrong ----------------------------------------------------------------------------------


def test_failures_are_said_first_and_where_they_are(troubled):
    text = troubled.text
    assert text.index("Experiments failed") < text.index("Verdicts")
    assert "Folds of another network (functional_cnn) and Transfer that went wrong" in text
    assert "11 experiments were asked for: eight done, one left out and two failed." in text
    left_out = section(troubled, "Letters never seen")
    assert "skipped" in left_out
    assert "no folder of letters was given: --greek-test=DIR" in left_out
    failed = section(troubled, "Folds of another network")
    assert "fold 3: the training was stopped after 900 s" in failed
    moved = section(troubled, "Transfer that went wrong")
    assert "Why its check fails" in moved
    assert "the frozen weights moved: 0a1b before, 2c3d after (seed 0)" in moved
    assert re.search(r"1\.7\u202fs\s+trained", moved)  # the frozen layers', marked as failed


def test_problems_count_as_failed_whatever_the_status_says():
    assert sections.status(Experiment(id="x", status="done", problems=["y"])).kind == "fail"
    assert sections.status(Experiment(id="x", status="done")).kind == "pass"
    assert sections.status(Experiment(id="x", status="skipped", problems=["y"])).word == "skipped"


def test_hostile_text_stays_text():
    results = sample(experiments=True, names=("mlp_64_32",))
    results["experiments"] += experiment_results.stopped()
    hostile = poisoned(results)
    for row, clean in zip(hostile["experiments"], results["experiments"], strict=True):
        row["kind"] = clean["kind"]
        for key in ("repeats", "method"):
            if key in (clean["result"] or {}):
                row["result"][key] = clean["result"][key]
    for row in hostile["experiments"]:
        for item in (row["result"] or {}).get("variants", ()):
            item["settings"] = item["changes"] = {HOSTILE: HOSTILE}
    parsed = Parsed(render(hostile))
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"iframe", "object", "embed", "form", "base", "foreignobject"}
    assert not [key for _, a in parsed.elements for key in a if key.startswith("on")]
    for absent in ("\x1b", "\x00", "\N{RIGHT-TO-LEFT OVERRIDE}"):
        assert absent not in parsed.text
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert parsed.text.count("<script>alert(1)</script>") > 200


# Results of other shapes --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*KINDS, "something new", None])
@pytest.mark.parametrize("result", [None, {}, {"finding": "It was found."}])
def test_missing_parts_leave_a_section_that_makes_sense(kind, result):
    row = {"id": "bare", "kind": kind, "result": result}
    parsed = Parsed(render({"schema": 1, "subjects": [], "experiments": [row]}))
    assert "bare" in parsed.text
    assert "None" not in parsed.text
    assert "nan" not in parsed.text
    if result:
        assert parsed.text.count("It was found.") == 3  # the list, the section, the Markdown


def _without(value, path=()):
    """Every way to leave one optional key out, or to set it to null, with where that was."""
    if isinstance(value, dict):
        for key in value:
            rest = {name: item for name, item in value.items() if name != key}
            yield (*path, key), rest
            for where, smaller in _without(value[key], (*path, key)):
                yield where, value | {key: smaller}
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for where, smaller in _without(value[0], (*path, 0)):
            yield where, [smaller, *value[1:]]


@pytest.mark.parametrize(
    "make", ["cross_validation", "tuning", "transfer", "twin", "summary_table", "samples"]
)
def test_no_single_part_is_needed_but_names(make):
    """Without any one key the schema reads it, and the section is made, or it says what lacks."""
    from harness.report.charts import svg

    row = getattr(experiment_results, make)()
    needed = set()
    tried = 0
    with svg.house_style():
        for where, result in _without(row["result"]):
            tried += 1
            try:
                results = checked(with_experiments(row | {"result": result}))
            except UserError:
                needed.add(where[-1])
                continue
            if where[-1] not in {"accuracy", "loss", "val_accuracy", "val_loss"}:
                sections.sections(results["experiments"], {})
    assert tried > 5
    assert needed <= {"name", "label", "feature", "row", "column", "prediction"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("variants",), {}, "experiments[0].result.variants is an object, but should be a list"),
        (("variants", 0, "runs", 1, "accuracy"), "high",
         "variants[0].runs[1].accuracy is text, but should be a number or null"),
        (("variants", 0, "name"), None, "variants[0].name is null, but should be text"),
        (("claim",), "96 %", "result.claim is text, but should be a number or null"),
        (("axes",), "filters", "result.axes is text, but should be a list"),
    ],
)  # fmt: skip
def test_wrong_shape_names_the_part(path, value, message):
    row = experiment_results.cross_validation()
    part = row["result"]
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(UserError) as caught:
        render(with_experiments(row))
    assert message in str(caught.value)


def test_printed_tables_keep_their_spaces_and_lose_their_controls():
    row = experiment_results.summary_table()
    row["result"]["document"] = "  first\x1b[31m\n\n    indented\x00\n"
    found = checked(with_experiments(row))["experiments"][0]["result"]["document"]
    assert found == "  first\n\n    indented\N{REPLACEMENT CHARACTER}"


# Small parts --------------------------------------------------------------------------------------


def test_axes_hold_every_value_and_end_at_all_images():
    rows = [Row("a", (0.5, 0.75), 0.625, (0.45, 1.0))]
    low, high = interval_rows.reach(rows, 0.96, LINEAR)
    assert low < 0.45
    assert 1.0 <= high < 1.03
    low, high = interval_rows.reach([Row("a", (), 0.99)], 0.81, BY_ERROR)
    assert low < axes.by_error(0.81) < axes.by_error(0.99) < high


def test_scattered_repeats_leave_room_for_the_rest():
    """Their interval, by Student's t, may reach beyond all images right: 0.96 to -0.3 to 1.6."""
    low, high = interval_rows.reach([Row("a", (0.1, 0.96), 0.53, (-0.3, 1.6))], None, BY_ERROR)
    assert high < axes.by_error(0.985)
    assert low > axes.by_error(0.1) - 0.4


def drawn_lines(monkeypatch, row: Row) -> tuple[list, list]:
    """The points of the lines and the shapes of the marks of one row, on an axis of 50 to 100 %."""
    lines, shapes = [], []
    monkeypatch.setattr(svg.Sheet, "line", lambda _, points, *_a, **_k: lines.append(list(points)))
    monkeypatch.setattr(svg.Sheet, "marks", lambda _, _p, shape, *_a: shapes.append(shape))
    panel = svg.Panel(100, 0, 200, 20, (0.5, 1.0), (0, 1))
    interval_rows._row(svg.Sheet(300, 20), panel, row, 10, LINEAR)
    return lines, shapes


@pytest.mark.parametrize(
    ("interval", "bar", "tips"),
    [
        ((0.5, 1.0), (100, 200), []),
        ((0.4, 0.9), (100, 180), [100]),
        ((0.6, 1.2), (120, 200), [200]),
        ((-0.3, 1.6), (100, 200), [100, 200]),
    ],
)
def test_an_interval_that_goes_on_beyond_the_axis_ends_in_an_arrow(
    monkeypatch, interval, bar, tips
):
    (line, *arrows), _ = drawn_lines(monkeypatch, Row("a", (), 0.75, interval))
    assert [x for x, _ in line] == pytest.approx(bar)
    assert [points[1] for points in arrows] == [(tip, 10) for tip in tips]
    for (x, _), tip, _ in arrows:
        assert 100 < x < 200
        assert tip[0] in {100, 200}


@pytest.mark.parametrize(
    ("dots", "runs", "shapes"),
    [((), None, ["o"]), ((), 1, ["o"]), ((), 5, ["d"]), ((0.7, 0.8), None, ["o", "d"])],
)
def test_the_mean_of_several_runs_is_a_diamond(monkeypatch, dots, runs, shapes):
    assert drawn_lines(monkeypatch, Row("a", dots, 0.75, runs=runs))[1] == shapes


def test_other_configurations_of_the_twin_say_of_how_many_runs_their_mean_is():
    row = experiment_results.twin()
    row["result"]["configurations"] = [
        {"name": "SGD", "settings": {}, "mean": 0.9033, "interval": None, "runs": 5}
    ]
    (found,) = checked(with_experiments(row))["experiments"]
    own, other = twin._rows(found["result"])
    assert (len(own.dots), other.dots, other.runs) == (5, (), 5)


@pytest.mark.parametrize(
    ("mean", "meets", "word"),
    [(0.9033, True, "as claimed"), (0.9033, False, "above"), (0.85, False, "below")],
)
def test_whether_a_configuration_gives_the_figure_is_the_results_to_say(mean, meets, word):
    item = {"name": "SGD", "mean": mean, "interval": [0.8, 0.99], "meets_claim": meets}
    row = experiment_results.twin()
    row["result"]["configurations"] = [item | {"settings": {}, "runs": 5}]
    (found,) = checked(with_experiments(row))["experiments"]
    (configuration,) = found["result"]["configurations"]
    assert twin._against(configuration, 0.9025).word == word


@pytest.mark.parametrize(
    ("kind", "short"), [("study", "It gives 1. Two others do."), ("transfer", "It gives 1.")]
)
def test_the_overview_has_of_a_study_what_else_was_found(kind, short):
    item = Experiment(id="x", status="done", kind=kind, result=Study())
    assert sections._short(item, "It gives 1. Two others do. The rest do not.") == short


def test_no_figure_of_a_document_is_drawn_for_other_images():
    results = sample(dataset="digits", names=("mlp_64_32",), experiments=True)
    text = text_of(results)
    shown = text[text.index("Five-fold cross-validation") :]
    assert "The claim is" not in shown
    assert "Against 9" not in text


def test_values_of_a_setting_are_in_order():
    rows = [Row(label, (), 0.9) for label in ("sgd", "16×8", "8×16", "8", "adam", "0.5")]
    assert [row.label for row in sorted(rows, key=study._by_value)] == [
        "0.5", "8", "8×16", "16×8", "adam", "sgd"
    ]  # fmt: skip


def test_moved_weights_are_judged_by_what_they_should_do():
    assert transfer._moved("a", "a", wanted=False).kind == "pass"
    assert transfer._moved("a", "b", wanted=False).kind == "fail"
    assert transfer._moved("a", "b", wanted=True).kind == "pass"
    assert transfer._moved("a", "a", wanted=True).kind == "fail"
    assert transfer._moved(None, "a", wanted=False).kind == "none"


def test_anchors_are_safe_and_no_two_the_same():
    rows = [Experiment(id="x", architecture=name) for name in ("a", "a", '"><b>', None)]
    found = sections.anchors(rows)
    assert len(set(found)) == 4
    assert all(re.fullmatch(r"exp-[\w-]+", anchor) for anchor in found)


# The Markdown -------------------------------------------------------------------------------------


def test_markdown_lists_findings_and_claims_where_experiments_were_run():
    results = sample(experiments=True) | {"submissions": False}
    results["experiments"] += experiment_results.stopped()
    text = markdown.render(checked(results))
    assert "- **The same network in NumPy alone** (mlp\\_64\\_32): The NumPy twin reaches" in text
    assert "skipped, no folder of letters was given: --greek-test=DIR" in text
    assert "  - ❌ the frozen weights moved" in text
    claim = "- **exceeded** deep\\_cnn, cross-validation mean: claimed 96.058 %, measured 99.07 %"
    assert claim in text
    assert "claimed 693,962, measured 693,962" in text
    del results["experiments"]
    assert "Claims" not in markdown.render(checked(results))
