"""The page around the sections: first words, links, pairs, what is sorted, what may run."""

import base64
import hashlib
import re

import pytest
from markupsafe import Markup

from harness.report import markdown
from harness.report import render as report
from harness.report.charts import svg
from harness.report.render import render
from harness.report.schema.results import Layer, Layers, Subject, checked
from harness.report.sections import lead, side_by_side
from harness.report.sections.summary import scored_networks
from harness.report.text import html as anchors
from tests.support.report_html import Parsed, poisoned, text_of
from tests.support.samples.evidence_results import with_evidence
from tests.support.samples.progress_results import baseline, with_progress
from tests.support.samples.results import sample


@pytest.fixture(scope="module")
def results() -> dict:
    return checked(with_evidence(sample(seeds=2)))


@pytest.fixture(scope="module")
def html() -> str:
    return render(with_evidence(sample(seeds=2)))


@pytest.fixture(scope="module")
def page(html) -> Parsed:
    return Parsed(html)


def first_words(results, **changes) -> str:
    complete = checked({**results, **changes})
    return lead.plain(lead.lead(complete, scored_networks(complete["subjects"]), {}))


def comparison(a: str, b: str, difference: float, verdict: str) -> dict:
    ends = [difference - 0.001, difference + 0.001]
    return {"a": a, "b": b, "difference": difference, "interval": ends, "p": 0.02,
            "p_adjusted": 0.04 if verdict != "none" else 0.2, "verdict": verdict}  # fmt: skip


# The first paragraph ------------------------------------------------------------------------------


def test_the_best_is_told_from_the_second_by_a_test_where_there_is_one():
    tests = [
        comparison("functional_cnn", "deep_cnn", -0.0025, "b"),
        comparison("deep_cnn", "mlp_64_32", 0.024, "a"),
        comparison("sequential_cnn", "deep_cnn", -0.0056, "none"),
    ]
    words = first_words(sample(), comparisons=tests)
    assert (
        "the difference to functional_cnn is significant (+0.25\u202fpp [+0.15,\xa0+0.35], "
        "adjusted p\u202f=\u202f0.04). It is significantly better than one of the two others "
        "(adjusted p\u202f=\u202f0.04)."
    ) in words
    assert "follows" not in words
    tests[0]["verdict"] = "none"
    assert "the difference to functional_cnn is not significant" in first_words(
        sample(), comparisons=tests
    )


@pytest.mark.parametrize(
    ("adjusted", "said"),
    [
        ([0.0019, 0.0004, 0.012], "the three others (adjusted p\u202f≤\u202f0.012)."),
        ([2e-9, 0.0004, 1e-5], "the three others (adjusted p\u202f<\u202f0.001)."),
        ([None, None, None], "the three others."),
    ],
)
def test_significantly_has_its_basis(adjusted, said):
    worse = ("sequential_cnn", "mlp_256_128", "mlp_64_32")
    tests = [comparison("functional_cnn", "deep_cnn", -0.0025, "none")]
    tests += [
        comparison("deep_cnn", name, 0.01, "a") | {"p_adjusted": p}
        for name, p in zip(worse, adjusted, strict=True)
    ]
    words = first_words(sample(), comparisons=tests)
    assert f"It is significantly better than {said}" in words
    for test in tests:
        test["verdict"] = "none"
    words = first_words(sample(), comparisons=tests)
    assert "It is not significantly better than any of the three others." in words


def test_who_meets_the_gates_is_said_of_all_or_of_the_trained():
    results = sample()
    for subject in results["subjects"]:
        subject["gate"]["verdict"] = "passed"
    assert first_words(results).startswith("All five networks meet their accuracy gates. deep_cnn")
    results["subjects"][0]["gate"] = None
    words = first_words(results)
    assert words.startswith("All four trained networks meet their accuracy gates.")


def test_without_comparisons_the_intervals_are_spoken_of():
    words = first_words(sample())
    assert "functional_cnn follows, 0.25 percentage points behind; the two intervals" in words
    assert "significant" not in words


def test_alarms_and_regressions_are_in_the_first_paragraph():
    results = sample()
    results["subjects"][2]["alarms"] = [{"kind": "perfect", "text": "every image is read right"}]
    words = first_words(results, baseline=baseline())
    assert "The result of deep_cnn looks too good to be true" in words
    assert "deep_cnn and mlp_64_32 regressed against the baseline of 2026-11-01." in words
    rows = [row for row in baseline()["rows"] if row["status"] in {"passed", "inconclusive"}]
    assert (
        "Nothing regressed against the baseline of 2026-11-01; one measure cannot be decided"
        in (first_words(results, baseline=baseline() | {"rows": rows}))
    )
    other = baseline() | {"comparable": False}
    said = first_words(results, baseline=other)
    assert "regressed against the baseline of 2026-11-01; the accuracies cannot be comp" in said
    unfit = {**other, "rows": rows}
    assert "The accuracies cannot be compared with the base" in first_words(results, baseline=unfit)
    lost = [row for row in baseline()["rows"] if row["status"] in {"missing", "unchanged"}]
    words = first_words(results, baseline=baseline() | {"rows": lost})
    assert "against the baseline of 2026-11-01; one of its figures is missing now." in words


def test_one_network_is_not_called_the_best():
    assert "most accurate" not in first_words(sample(names=("mlp_64_32",)))


# Links --------------------------------------------------------------------------------------------


def test_every_heading_with_an_id_leads_to_itself_and_every_link_arrives(html, page):
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    assert targets <= set(ids)
    for match in re.finditer(r'<(h[2-4])[^>]* id="([^"]+)"[^>]*>(.*?)</\1>', html, re.DOTALL):
        assert f'class="here" href="#{match[2].removesuffix("-h")}"' in match[3], match[0]
    assert len(re.findall(r"<h2[^>]*>", html)) == len(re.findall(r"<h2[^>]* id=", html))


def test_claims_checks_and_runs_have_addresses_that_stay(page):
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert {
        "claim-functional_cnn-test-accuracy",
        "net-deep_cnn-check-test_structure-py-test_params",
        "net-deep_cnn-seed-1",
        "pair-functional_cnn--deep_cnn",
    } <= ids
    reordered = sample(seeds=2)
    reordered["claims"].reverse()
    again = Parsed(render(with_evidence(reordered)))
    assert ids == {a["id"] for _, a in again.elements if "id" in a}


def test_addresses_are_safe_and_distinct():
    assert anchors.slug('A "b" <c>/d') == "a-b-c-d"
    assert anchors.distinct(["a", "b", "a", "a"]) == ["a", "b", "a--2", "a--3"]
    hostile = '<h2 id="x-h">5 &lt; 6 <bdi>&quot;&gt;</bdi></h2>'
    signed = anchors.signposted(hostile)
    assert signed.startswith(hostile.removesuffix("</h2>"))
    assert 'href="#x" aria-label="Link to 5 &lt; 6 &#34;&gt;"' in signed
    assert anchors.signposted("<h3>no id</h3>") == "<h3>no id</h3>"


@pytest.mark.parametrize(
    ("section", "anchors"),
    [
        ("better", ("difference", "holm", "detectable", "mcnemar", "cochran")),
        ("calibration", ("ece", "nll", "brier")),
        ("robustness", ("mce", "robustness")),
        ("digits", ("confusion",)),
        ("confused", ("confusion",)),
        ("baseline", ("baseline",)),
        ("plausible", ("range", "accuracy")),
        ("history", ("accuracy", "interval")),
    ],
)
def test_sections_lead_to_how_their_numbers_come_about(section, anchors):
    html = render(with_progress(with_evidence(sample(seeds=2))))
    start = html.index(f'<section id="{section}"')
    part = html[start : html.index("</section>", start)]
    assert {f"how-{anchor}" for anchor in anchors} <= set(re.findall('href="#(how-[^"]*)"', part))
    assert 'class="sortable"' in part or " sortable" in part or section == "confused"


def test_the_method_named_is_the_one_that_is_used(html):
    """Not a bootstrap: docs/decisions/0018."""
    methods = html[html.index('id="how-difference"') :]
    assert "bootstrap" not in methods
    assert "mean squares" in methods


def test_headings_of_tables_lead_to_how_a_number_comes_about(html):
    start = html.index('<table class="networks')
    head = html[start : html.index("</thead>", start)]
    for anchor in ("accuracy", "gate", "parameters", "flops", "time", "score"):
        assert f'href="#how-{anchor}"' in head


# What may run -------------------------------------------------------------------------------------


def test_only_our_script_may_run(html):
    found = re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL)
    assert len(found) == 1
    digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|eval|fetch|XMLHttp|Storage", found[0])


def test_the_script_is_the_same_whatever_the_results_say(html):
    other = render(poisoned(sample(names=("mlp_64_32",))))
    script = re.compile(r"<script>.*</script>", re.DOTALL)
    assert script.search(other)[0] == script.search(html)[0]


def test_no_control_is_there_that_needs_the_script(page):
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"button", "select", "input"}


# Pairs, tables, Markdown --------------------------------------------------------------------------


def test_every_pair_is_there_and_the_two_best_come_first(results):
    found = side_by_side.pairs(
        results["subjects"], [f"net-{s['id']}" for s in results["subjects"]], results["comparisons"]
    )
    assert len(found) == 10
    first = [pair for pair in found if pair.first]
    assert [(pair.a, pair.b) for pair in first] == [("functional_cnn", "deep_cnn")]
    rows = {row.label: row for row in first[0].rows}
    assert (rows["Parameters"].a, rows["Parameters"].b) == ("422,026", "159,254")
    assert rows["Parameters"].difference == "2.7×"
    assert "pp [" in rows["Test accuracy"].difference
    assert rows["Mean corruption error"].difference
    assert len(first[0].recalls) == 10
    assert first[0].significant is not None


def test_layers_of_a_kind_stand_beside_each_other(results):
    by_name = {s.id: s for s in checked(results).subjects}
    found = side_by_side.aligned(by_name["mlp_256_128"], by_name["mlp_64_32"])
    assert len(found) == 4
    assert found[1].a[:2] == (("Dense", True), ("units 256", False))
    assert found[1].b[:2] == (("Dense", True), ("units 64", False))
    deep = side_by_side.aligned(by_name["functional_cnn"], by_name["deep_cnn"])
    for row in deep:
        assert not row.a or not row.b or row.a[0][0] == row.b[0][0]
    assert [row.a[0][0] for row in deep if not row.b].count("BatchNormalization") == 2
    kinds = ("Flatten", "Dropout")
    alone = [Layer(class_=kind, output_shape=[9], params=0) for kind in kinds]
    one, other = (Subject(id="x", spec=Layers(layers=[layer])) for layer in alone)
    assert [(bool(row.a), bool(row.b)) for row in side_by_side.aligned(one, other)] == [
        (True, False), (False, True)
    ]  # fmt: skip


def test_pairs_that_were_not_tested_say_so():
    text = text_of(sample(names=("deep_cnn", "mlp_64_32")))
    assert "deep_cnn and mlp_64_32 +2.39\u202fpp, not tested" in text


def test_sorted_columns_have_numbers(html):
    start = html.index('<table class="networks sortable">')
    keys = re.findall(r'data-sort="([^"]*)"', html[start : html.index("</table>", start)])
    assert len(keys) == 5 * 9
    assert all(key == "" or float(key) is not None for key in keys)


def test_the_markdown_of_the_page_is_the_summarys(page):
    alarmed = with_evidence(sample(seeds=2)) | {"baseline": baseline()}
    alarmed["subjects"][0]["alarms"] = [{"kind": "perfect", "text": "all right <b>"}]
    text = markdown.render(checked(alarmed))
    assert "- ⚠️ **Too good to be true?** functional\\_cnn: all right \\<b\\>" in text
    assert re.search(r"- functional\\_cnn against deep\\_cnn: .* pp \[.*adjusted p = ", text)
    assert "- Against the baseline of" in text
    assert "  - ❌ mlp\\_64\\_32, FLOPs, regressed: flops of mlp" in text
    assert "  - ❌ lenet, network, missing: " in text
    assert "  - deep\\_cnn, network, new: " in text
    assert "1 not judged" in text
    assert "speed, not judged" not in text  # nobody judged it: it is no news
    assert re.search(r"- deep\\_cnn: expected calibration error .*; mean corruption error", text)
    # As the session writes summary.md: from results that no reader has completed.
    written = with_evidence(sample(seeds=2)) | {"submissions": False}
    whole = " ".join(report.markdown(written).split())
    assert whole in page.text
    assert r"deep\_cnn is the most accurate on the 10,000 test images, 99.0" in whole
    assert "is the most accurate" not in report.markdown(written | {"submissions": True})


@pytest.mark.parametrize(
    "given", [{"schema": 1, "subjects": [{"id": "a", "checks": [{"id": "b"}]}]}]
)
def test_markdown_of_what_says_nothing(given):
    assert "| not known | a |" in markdown.render(checked(given))


# Drawings -----------------------------------------------------------------------------------------


def test_drawings_are_slim_and_the_same():
    with svg.house_style():
        sheet = svg.Sheet(100, 50)
        for y in (10, 20):
            sheet.line([(0, y), (50, y), (60, y + 0.04)], svg.RULE, 0.7)
        sheet.line([(0, 5), (9, 5)], svg.GATE, 1, dashes=(3, 2))
        sheet.marks([(1, 2), (3, 4)], "o", svg.ACCENT, 5)
        drawn = sheet.markup("x", "t", "d")
    assert isinstance(drawn, Markup)
    assert (
        '<path d="M0 10 50 10 60 10M0 20 50 20 60 20" style="stroke:var(--rule);stroke-width:0.7"/>'
        in drawn
    )
    assert 'stroke-linecap="butt" style="stroke-dasharray:3,2;stroke:var(--gate)' in drawn
    assert (
        '<g style="fill:var(--accent);stroke:var(--paper)"><use href="#x-0" x="1" y="2"/>' in drawn
    )
    assert '<path id="x-0"' in drawn
