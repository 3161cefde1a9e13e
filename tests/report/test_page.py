"""The report's page: what it says, that it is safe, and that it is always the same bytes."""

import base64
import copy
import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys

import pytest

from harness.report.render import render
from harness.system.directories import PROJECT_ROOT
from tests.support.report_html import Parsed, poisoned, text_of, without_isolates
from tests.support.samples.results import NETWORKS, failing, sample


@pytest.fixture(scope="module")
def complete() -> Parsed:
    return Parsed(render(sample()))


@pytest.fixture(scope="module")
def broken() -> Parsed:
    return Parsed(render(failing()))


def test_every_section_is_there_and_reachable(complete):
    ids = [a["id"] for _, a in complete.elements if "id" in a]
    assert len(ids) == len(set(ids))
    expected = {"verdicts", "comparison", "claims", "curves", "speed", "environment", "downloads"}
    assert expected | {f"net-{name}" for name in NETWORKS} <= set(ids)
    targets = {a["href"][1:] for a in complete.all("a") if a["href"].startswith("#")}
    assert targets <= set(ids)
    assert {a["href"][1:] for a in complete.all("use")} <= set(ids)


def test_headings_never_skip_a_level(complete):
    levels = [int(tag[1]) for tag, _ in complete.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_first_paragraph_is_written_from_the_data(complete):
    text = without_isolates(complete.text)
    assert "All five networks pass" in text
    assert (
        "deep_cnn is the most accurate on the 10,000 test images, 99.07\u202f% [98.86,\xa099.24]. "
        "functional_cnn"
    ) in text
    assert (
        "functional_cnn follows, 0.25 percentage points behind; the two intervals overlap" in text
    )
    assert "mlp_64_32 is the smallest, with 52,650 parameters" in text
    assert (
        "Of six claims in the documents, three hold, one is exceeded, one does not reproduce and "
        "one cannot be tested." in text
    )


def test_headline_names_what_went_wrong(broken):
    assert (
        "Two of five networks pass; sequential_cnn fails, mlp_64_32 is inconclusive and deep_cnn "
        "could not be built"
    ) in without_isolates(broken.text)


def test_headline_when_all_fail_alike():
    results = failing()
    for subject in results["subjects"]:
        subject["verdict"] = "failed"
    assert "All five networks fail" in text_of(results)


def test_claimed_counts_are_no_percentages(complete):
    start = complete.text.index("Total params: 693,962")
    row = complete.text[start : start + 200]
    assert row.count("693,962") == 3
    assert "693,962 0 –" in row
    assert "pp" not in row


def test_a_clear_lead_is_told_from_overlapping_intervals():
    results = sample(names=("deep_cnn", "mlp_64_32"))
    assert "the two intervals do not overlap" in text_of(results)


def test_numbers_of_the_comparison(complete):
    for expected in ("422,026", "8.63\u202fM", "98.82\u202f%", "[98.59,\xa099.01]",
                     "+0.82\u202fpp", "16.9\u202fs", "1 of 10", "16 of 16"):  # fmt: skip
        assert expected in complete.text, expected


def test_claims_are_quoted_with_their_source(complete):
    for expected in ("with an Accuracy: mean=96.058", "96.058\u202f%", "002: MNIST Deep Learning",
                     "not reproduced", "+15.68\u202fpp",
                     "the pictures were not published"):  # fmt: skip
        assert expected in complete.text, expected


def test_failed_check_shows_expected_actual_hint_and_message(broken):
    start = broken.text.index("What to look at first")
    shown = broken.text[start : broken.text.index("Layers", start)]
    for expected in ("failed", "every output shape is documented", "conv1: (26, 26, 32)",
                     "conv1: (26, 26, 33)", "Conv2D's first argument is the number of filters",
                     "flatten.output_shape = (5577,), but should be (5408,)"):  # fmt: skip
        assert expected in shown, expected


def test_layer_differences_are_words_and_marks(broken):
    for expected in ("Of 6 layers, 3 changed, 1 missing and 1 extra.", "should be MaxPooling2D",
                     "should be 26\xa0×\xa026\xa0×\xa032", "should be 320", "should be 693,962",
                     "conv1.filters = 33, but should be 32"):  # fmt: skip
        assert expected in broken.text, expected
    assert "conv1.params = 330, but should be 320" not in broken.text  # the cell says so already


def test_network_that_was_not_built_says_why(broken):
    assert "SyntaxError: '(' was never closed" in broken.text
    assert "these are the layers the document describes" in broken.text


@pytest.mark.parametrize(
    ("status", "words"),
    [("timeout", "ran out of time"), ("grader_error", "grader error"), ("odd", "odd")],
)
def test_other_statuses_are_shown(status, words):
    results = sample(names=("mlp_64_32",))
    results["subjects"][0]["checks"][0]["status"] = status
    assert f"15 of 16 checks pass; 1 {words}." in text_of(results)


def test_checks_that_do_not_apply_are_not_among_those_that_could_pass():
    results = sample(names=("mlp_64_32",))
    first, second, third = results["subjects"][0]["checks"][:3]
    first |= {"status": "skipped", "applies": False, "message": "nobody asked"}
    assert "All 15 checks pass; 1 more does not apply." in text_of(results)
    assert "not applicable" in text_of(results)
    second |= {"status": "skipped", "applies": False}
    third |= {"status": "skipped", "applies": True}
    assert "13 of 14 checks pass; 1 skipped; 2 more do not apply." in text_of(results)


def test_graders_own_fault_is_called_that():
    results = sample(names=("mlp_64_32",))
    results["subjects"][0]["checks"][0]["status"] = "grader_error"
    assert "This is a fault of the grader, not of the network." in text_of(results)


def test_confusion_matrix_adds_up_and_is_labelled(complete):
    tables = [a for a in complete.all("table") if a.get("class") == "confusion"]
    assert len(tables) == 5
    hints = [a["title"] for a in complete.all("td") if "classified as" in (a.get("title") or "")]
    assert len(hints) == 500
    counts = [int(re.search(r": ([\d,]+) of", h)[1].replace(",", "")) for h in hints]
    assert [sum(counts[k : k + 100]) for k in range(0, 500, 100)] == [10_000] * 5


def test_seeds_are_added_up_in_the_confusion_matrix():
    text = text_of(sample(seeds=3, names=("mlp_64_32",)))
    assert "30,000 predictions of 3 seeds added up" in text
    assert "A dot for each seed" in text


def test_misread_digits_are_pictures_with_alternatives(complete):
    pictures = complete.all("img")
    assert len(pictures) == 5 * 24
    for picture in pictures:
        kind, data = picture["src"].split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
        assert re.fullmatch(r"Handwritten \d, classified as \d", picture["alt"])


def test_every_chart_has_a_text_alternative(complete):
    charts = [a for a in complete.all("svg") if a.get("class") == "chart"]
    assert len(charts) == 5 + 4
    ids = {a.get("id") for _, a in complete.elements}
    for chart in charts:
        assert chart["role"] == "img"
        assert set(chart["aria-labelledby"].split()) <= ids
    assert "Validation accuracy 9" in complete.text
    assert "deep_cnn: 159,254 parameters, 99.07\u202f%" in complete.text


def test_tables_have_captions_and_scopes(complete):
    assert len(complete.all("caption")) == len(complete.all("table"))
    assert all("scope" in a for a in complete.all("th"))
    regions = [a for a in complete.all("div") if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["role"] == "region" for a in regions)


def test_benchmarks_compare_with_keras(complete):
    for expected in ("keras fit", "prediction, batch 256", "2.1×", "4.5×", "CPU, 2 threads"):
        assert expected in complete.text, expected


def _benchmarked(**changes):
    """A page of one network, with a benchmark row of today."""
    results = sample(names=("mlp_64_32",))
    engine = next(row for row in results["benchmarks"] if row["runner"] == "engine")
    engine |= {
        "status": "measured",
        "reason": None,
        "quartiles_s": [engine["median_s"] * 0.97, engine["median_s"] * 1.02],
        "first_call_s": 1.25,
        "speedup": {"keras fit": {"ratio": 2.345, "low": 2.21, "high": 2.46}},
        "change": None,
    }
    engine |= changes
    return results


def test_a_speedup_has_its_interval_and_times_their_band():
    page = Parsed(render(_benchmarked()))
    text = page.text
    assert "2.35× [2.21, 2.46]" in text
    assert "1.25" in text
    bands = [a for a in page.all("i") if a.get("class") == "band"]
    assert [band["style"] for band in bands] == ["--lo:98%;--hi:100%"]


def test_a_regression_is_said_first_and_where_it_is():
    change = {
        "ratio": 0.75, "low": 0.7, "high": 0.8, "peer": "keras fit", "verdict": "regressed",
        "baseline": "old.json, commit abc",
    }  # fmt: skip
    text = text_of(_benchmarked(status="regressed", reason="slower", change=change))
    assert text.index("Benchmarks failed") < text.index("mlp_64_32 (engine, regressed)")
    assert "against the baseline (old.json, commit abc): speed-up over keras fit" in text
    assert "25.0" in text


def test_what_was_not_measured_says_why():
    blank = dict.fromkeys(("median_s", "p95_s", "iqr_s", "images_per_s", "quartiles_s", "threads"))
    text = text_of(_benchmarked(status="unavailable", reason="PyTorch is missing", **blank))
    assert "unavailable" in text
    assert "PyTorch is missing" in text
    assert "Benchmarks failed" not in text


def test_absent_benchmarks_say_how_to_get_them():
    assert "pytest --benchmark-only" in text_of(sample(benchmarks=False))


def test_digits_are_announced_before_anything_else():
    text = text_of(sample(dataset="digits"))
    notice = text.index("Graded on the scikit-learn digits, not on MNIST")
    assert notice < text.index("is the most accurate")
    assert "No claim of a document is graded on it" in text
    assert "no MNIST_DIR is set" in text
    assert "All five networks pass on the scikit-learn digits" in text


def test_mnist_has_no_notice(complete):
    assert not [a for a in complete.all("div") if a.get("class") == "notice"]


def test_interrupted_run_says_so():
    results = sample()
    results["outcome"] = "interrupted"
    for part in ("runs", "checks"):
        results["subjects"][3][part] = []
    results["subjects"][3] |= {"verdict": None, "gate": None}
    text = text_of(results)
    assert "Unfinished: Four of five networks pass; one network without a verdict" in text
    assert "The run was interrupted" in text
    assert "This network was not trained in this run." in text


def test_perfect_and_diverged_networks_can_be_drawn():
    results = sample(names=("deep_cnn", "mlp_64_32"))
    perfect, diverged = (subject["runs"][0] for subject in results["subjects"])
    for subject, value in zip(results["subjects"], (1.0, 0.098), strict=True):
        subject["gate"] |= {"accuracy": value, "interval": [value, value]}
    perfect["test_accuracy"] = 1.0
    perfect["history"]["val_accuracy"] = [1.0, 1.0]
    diverged["history"]["loss"] = [None, None, None, None]
    diverged["history"]["val_loss"] = [None, 2.3, None, 2.3]
    html = render(results)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", html).lower().replace("nano", "")
    assert "100.00\u202f%" in html


@pytest.mark.parametrize(
    "results",
    [
        {"schema": 1, "subjects": []},
        {
            "schema": 1,
            "subjects": [{"id": "a"}, {"id": "a", "runs": [{}], "checks": [{"id": "b"}]}],
        },
        {"schema": 1, "subjects": [{"id": "a", "spec": {"layers": [{}]}, "expected": {}}]},
        {"schema": 1, "subjects": [], "claims": [{}], "benchmarks": [{}], "dataset": None},
    ],
    ids=["nothing", "bare", "half a layer", "rows of nothing"],
)
def test_missing_parts_leave_a_page_that_makes_sense(results):
    parsed = Parsed(render(results))
    ids = [a["id"] for _, a in parsed.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert "None" not in parsed.text.replace("None of", "")


def test_hostile_text_stays_text():
    parsed = Parsed(render(poisoned(failing())))
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"iframe", "object", "embed", "form", "base", "foreignobject"}
    assert len(parsed.all("script")) == 1  # ours; nothing else may run: test_report_shell.py
    assert not [k for _, a in parsed.elements for k in a if k.startswith("on")]
    assert "<script>alert(1)</script>\"'&amp;{{ 7*7 }}$x_1$" in parsed.text
    for absent in ("\x1b", "\x00", "\N{RIGHT-TO-LEFT OVERRIDE}"):
        assert absent not in parsed.text
    clean = Parsed(render(failing()))
    assert [t for t, _ in clean.elements].count("svg") == [t for t, _ in parsed.elements].count(
        "svg"
    )


def test_no_address_leads_out_of_the_folder():
    html = render(poisoned(sample(names=("mlp_64_32",))))
    addresses = re.findall(r'(?:href|src)="([^"]*)"', html)
    allowed = re.compile(r"#[\w-]+|data:[a-z/,;=0-9A-Za-z+-]*|results\.json|pytest\.html")
    assert [a[:60] for a in addresses if not allowed.match(a)] == []
    assert not re.search(r"url\(|@import|https?://", html)
    assert "default-src 'none'" in html


@pytest.mark.slow
def test_same_results_same_bytes_whatever_the_order_and_the_hash_seed(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(failing(), sort_keys=True), encoding="utf-8")
    pages = [render(failing()).encode()]
    for seed in ("1", "2"):
        output = tmp_path / f"{seed}.html"
        subprocess.run(
            [sys.executable, "-m", "harness.report", path, "--output", output],
            cwd=PROJECT_ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
            check=True,
            capture_output=True,
        )
        pages.append(output.read_bytes())
    assert pages[0] == pages[1] == pages[2]


def test_users_own_matplotlib_settings_change_nothing():
    import matplotlib as mpl

    before = render(sample(names=("mlp_64_32",)))
    with mpl.rc_context({"path.sketch": (5, 50, 2), "lines.dash_capstyle": "round"}):
        assert render(sample(names=("mlp_64_32",))) == before


def test_render_leaves_its_input_alone():
    results = failing()
    kept = copy.deepcopy(results)
    render(results)
    assert results == kept


def test_page_stays_small():
    assert len(render(sample(recipe="documented", seeds=5)).encode()) < 450_000


def test_downloads_hold_the_tables(complete):
    links = {a.get("download"): a["href"] for a in complete.all("a") if "download" in a}
    assert set(links) == {"networks.csv", "runs.csv", "epochs.csv"}
    tables = {
        name: list(csv.DictReader(io.StringIO(base64.b64decode(href.split(",")[1]).decode())))
        for name, href in links.items()
    }
    assert [row["id"] for row in tables["networks.csv"]] == list(NETWORKS)
    assert tables["networks.csv"][0]["total_params"] == "422026"
    assert tables["runs.csv"][2]["test_accuracy"] == "0.9907"
    assert len(tables["epochs.csv"]) == sum(n["epochs"][0] for n in NETWORKS.values())
    others = {a["href"] for a in complete.all("a")} - {*links.values()}
    assert {"results.json", "pytest.html"} <= others


def test_spreadsheet_formulas_in_names_are_disarmed():
    results = sample(names=("mlp_64_32",))
    results["subjects"][0]["id"] = "=HYPERLINK(0)"
    html = render(results)
    data = re.search(r'href="data:text/csv[^,]*,([^"]*)" download="networks.csv"', html)[1]
    assert base64.b64decode(data).decode().splitlines()[1].startswith("'=HYPERLINK(0)")


def test_long_messages_are_cut_and_say_so():
    results = failing()
    results["subjects"][1]["checks"][1]["message"] = "x" * 10_000
    html = render(results)
    assert "x" * 3001 not in html
    assert html.count("x" * 400) == 3000 // 400 + 1  # once here, once in the Markdown
    assert "7,000 more characters are in results.json" in html
