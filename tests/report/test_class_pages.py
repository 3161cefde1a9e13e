"""The pages of a class: what they say, that links lead somewhere, that names are only text."""

import copy
import itertools
import json
import re
from pathlib import PurePosixPath
from urllib.parse import unquote

import pytest

from harness.report.charts.score_histogram import bins
from harness.report.class_pages import classroom, layer_comparison
from harness.report.class_pages import recipe as recipes
from harness.report.render import render, write
from harness.report.schema import results as schema
from harness.report.text import html as text_html
from reference.errors import UserError
from tests.support.report_html import Parsed, poisoned, without_isolates
from tests.support.samples import class_results


def put(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return folder / "results.json"


def pages(folder):
    return {
        path.relative_to(folder).as_posix(): Parsed(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.html"))
    }


def alone(subject) -> Parsed:
    return Parsed(render(class_results.of(subject)))


def words(page: Parsed) -> str:
    return without_isolates(page.text).replace("\u202f", " ")


def section(html: str, ident: str) -> str:
    found = re.search(rf'<section id="{ident}".*?</section>', html, re.DOTALL)
    assert found, ident
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("class")
    write(put(class_results.classroom(), place))
    return place


@pytest.fixture(scope="module")
def written(folder):
    return pages(folder)


@pytest.fixture(scope="module")
def index(written):
    return words(written["index.html"])


# Files -------------------------------------------------------------------------------------------


def test_there_is_a_class_page_and_a_page_for_each(written):
    each = {f"submissions/{s['id']}.html" for s in class_results.classroom()["subjects"]}
    assert set(written) == {"index.html"} | each


def test_every_link_leads_to_a_page_a_place_in_it_or_a_file_beside_it(written):
    beside = {"grades.csv", "junit.xml", "results.json"}
    seen = set()
    for name, page in written.items():
        ids = {a["id"] for _, a in page.elements if "id" in a}
        for link in page.all("a"):
            address = link["href"]
            if address.startswith("#"):
                assert address[1:] in ids, (name, address)
                continue
            target = PurePosixPath(name).parent / unquote(address)
            parts: list[str] = []
            for part in target.parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in {*written, *beside}, (name, address)
            seen.add("/".join(parts))
    assert seen == {*written, *beside}


def test_ids_are_unique_and_headings_skip_no_level(written):
    for name, page in written.items():
        ids = [a["id"] for _, a in page.elements if "id" in a]
        assert len(ids) == len(set(ids)), name
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), name
        for a in page.all("svg"):
            assert set((a.get("aria-labelledby") or "").split()) <= set(ids)


def test_the_pages_are_the_same_bytes_again(folder, tmp_path):
    write(put(class_results.classroom(), tmp_path))
    for path in folder.rglob("*.html"):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes()


def test_pages_of_submissions_that_are_gone_are_removed_and_nobody_elses(tmp_path):
    results = class_results.classroom()
    write(put(results, tmp_path))
    (tmp_path / "submissions" / "mine.html").write_text("<p>mine</p>", encoding="utf-8")
    (tmp_path / "submissions" / "notes.txt").write_text("mine", encoding="utf-8")
    results["subjects"] = results["subjects"][:2]
    write(put(results, tmp_path))
    assert {path.name for path in (tmp_path / "submissions").iterdir()} == {
        "ada-lovelace.html",
        "script.html",
        "mine.html",
        "notes.txt",
    }


def test_another_name_for_the_main_page_is_linked_from_the_others(tmp_path):
    write(put(class_results.classroom(), tmp_path), tmp_path / "out" / "our class & co.html")
    page = (tmp_path / "out" / "submissions" / "zoe.html").read_text(encoding="utf-8")
    assert 'href="../our%20class%20%26%20co.html"' in page


def test_an_id_from_elsewhere_cannot_leave_the_folder(tmp_path):
    results = class_results.of(
        class_results.submission("../../evil", "A"), class_results.submission("b", "B")
    )
    write(put(results, tmp_path / "in"))
    found = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.html")]
    assert len(found) == 3
    assert all(name.startswith("in/") for name in found)


@pytest.mark.slow
def test_a_class_of_200_is_small_enough_to_open(tmp_path):
    write(put(class_results.large(200), tmp_path))
    assert (tmp_path / "index.html").stat().st_size < 1_000_000
    sizes = [path.stat().st_size for path in (tmp_path / "submissions").iterdir()]
    assert len(sizes) == 200
    assert max(sizes) < 200_000


def test_a_network_that_many_hand_in_is_drawn_once(monkeypatch, tmp_path):
    from harness.report.charts import learning_curves

    drawn = []
    real = learning_curves.learning_curves

    def counting(*given):
        drawn.append(given)
        return real(*given)

    monkeypatch.setattr(learning_curves, "learning_curves", counting)
    write(put(class_results.large(40), tmp_path))
    assert len(drawn) == 2


# A single submission -----------------------------------------------------------------------------


def test_a_single_submission_is_the_main_page(tmp_path):
    write(put(class_results.of(class_results.valid_padding("zoe", "Zoë")), tmp_path))
    found = pages(tmp_path)
    assert set(found) == {"index.html", "submissions/zoe.html"}
    for page in found.values():
        assert "What should be fixed first?" in page.text
        assert [a["href"] for a in page.all("a") if not a["href"].startswith("#")] == []


def test_older_files_still_give_the_report():
    from tests.support.samples.results import sample

    assert "All five networks pass" in Parsed(render(sample())).text
    assert "All five networks pass" in Parsed(render(sample() | {"submissions": False})).text


def test_no_submission_at_all_gives_a_page():
    assert "No network was graded" in Parsed(render(class_results.of())).text


# The class page ----------------------------------------------------------------------------------


def test_the_first_paragraph_is_written_from_the_data(index):
    assert "14 submissions, median score 96 %" in index
    assert "9 of 14 submissions could be opened." in index
    assert "The median score is 96 of 100; the middle half of the class lies" in index
    assert "4 pass every check that could be run." in index
    assert "The most common fault is “padding”, in 3 submissions: padding is valid" in index
    assert "There are 6 distinct networks, each trained once." in index


def test_a_class_without_faults_says_nothing_of_them():
    two = [class_results.submission(ident, ident) for ident in ("a", "b")]
    page = words(Parsed(render(class_results.of(*two))))
    assert "All 2 submissions could be opened. 2 pass every check" in page
    assert "The most common fault is" not in page
    assert "No fault was found in any submission." in page
    assert "All of them are one and the same network." in page


def test_what_was_not_trained_is_not_said_to_have_been():
    some = [class_results.submission(ident, ident) for ident in ("a", "b")]
    some.append(class_results.valid_padding("c", "C"))
    for subject in some:
        subject |= {"runs": [], "gate": None}
    page = words(Parsed(render(class_results.of(*some))))
    assert "There are 2 distinct networks." in page
    assert "trained once" not in page


def test_faults_are_counted_by_submission_with_who_and_an_example(folder):
    html = (folder / "index.html").read_text(encoding="utf-8")
    faults = section(html, "faults")
    assert "padding 3 submissions padding is valid : the output shrank" in faults
    assert "Alan Turing" in faults
    assert "could not be opened 2 submissions line 31: SyntaxError" in faults
    assert "ran out of time 1 submission it was still running" in faults
    assert "epochs" not in faults  # a note is no fault
    assert "sandbox" not in faults  # nor is ours


def test_the_same_fault_twice_in_a_submission_counts_once():
    subject = class_results.valid_padding("a", "A")
    subject["findings"] *= 3
    results = class_results.of(subject, class_results.submission("b", "B"))
    page = section(render(results), "faults")
    assert "padding 1 submission " in page
    assert page.count("1 submission") == 1


def test_many_names_are_cut_with_their_number():
    some = [class_results.valid_padding(f"s{n}", f"Student {n:02}") for n in range(12)]
    html = render(class_results.of(*some))
    assert "Student 07 and 4 more" in section(html, "faults")
    assert "Student 07 and 4 more" in section(html, "same")
    assert "Student 11" in section(html, "submissions")


def test_pass_rates_leave_out_those_for_whom_a_check_was_not_run(folder):
    rates = section((folder / "index.html").read_text(encoding="utf-8"), "checks")
    assert "it can be opened 9 of 13 1 not run" in rates
    assert "every output shape is documented 6 of 9 5 not run" in rates
    assert "the layers are the documented ones 8 of 9 5 not run" in rates


def test_statuses_are_counted(folder):
    scores = section((folder / "index.html").read_text(encoding="utf-8"), "scores")
    for expected in (
        "4 passed",
        "4 failed",
        "1 inconclusive",
        "4 not built",
        "1 not graded",
        "1 ran out of time",
        "1 ran out of memory or processes",
        "1 met an error of the grader",
    ):
        assert expected in scores


def test_identical_networks_are_grouped(folder):
    same = section((folder / "index.html").read_text(encoding="utf-8"), "same")
    assert "The 9 submissions that could be opened hold six distinct networks" in same
    assert "3 submissions, functional_cnn, 422,026 parameters" in same
    assert "2 submissions, sequential_cnn, 693,962 parameters Ada Lovelace" in same
    assert "Grace Hopper" not in same


def test_the_table_has_everyone_with_score_verdict_and_fault(folder):
    table = section((folder / "index.html").read_text(encoding="utf-8"), "submissions")
    assert "Ada Lovelace 100 of 100 passed sequential_cnn 98.51 % [98.25, 98.73]" in table
    assert "Loop For Ever 0 of 100 ran out of time – – it was still running" in table
    assert "Our Own Fault 0 of 0 not graded" in table
    assert "empty 0 of 100 not built" in table


@pytest.mark.parametrize(
    ("percents", "counts"),
    [
        ([0, 9.99, 10, 100, 99.9], [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]),
        ([], [0] * 10),
        ([89.999, 90], [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
    ],
)
def test_scores_are_sorted_into_tenths(percents, counts):
    assert bins(percents) == counts


def test_what_nobody_could_earn_is_in_no_distribution():
    ours = [class_results.unopened(i, i, "grader_error", "x") for i in ("a", "b")]
    page = Parsed(render(class_results.of(*ours)))
    assert "2 submissions, none graded" in page.text
    assert "No submission could be scored." in page.text


def test_an_interrupted_class_says_so():
    results = class_results.classroom() | {"outcome": "interrupted"}
    text = words(Parsed(render(results)))
    assert "Unfinished: 14 submissions" in text
    assert "The run was interrupted" in text


# A submission's page -----------------------------------------------------------------------------


def test_what_to_fix_comes_first_and_in_plain_words():
    html = render(class_results.of(class_results.valid_padding("zoe", "Zoë")))
    assert html.index('id="fix"') < html.index('id="layers"') < html.index('id="recipe"')
    fix = section(html, "fix")
    assert fix.startswith(
        "What should be fixed first? padding is valid : the output shrank from 28 × 28"
    )
    assert "layer 1 (Conv2D &#39;conv1&#39;)" in fix
    assert "Worth knowing; costs no points You train for 5 epochs." in fix
    text = words(Parsed(html))
    assert "96.16 of 100 points" in text
    assert "Graded as functional_cnn, as its file name says." in text
    assert "There is one thing to fix." in text
    assert (
        "classifies 98.82 % of 10,000 test images correctly, which clears the gate of 98 %." in text
    )


def test_code_in_a_cause_is_set_as_code():
    html = render(class_results.of(class_results.valid_padding("zoe", "Zoë")))
    assert "write <code>padding=&#34;same&#34;</code>." in html


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a `b` c", "a <code>b</code> c"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ("<b>", "&lt;b&gt;"),
        ("one ` only", "one ` only"),
        ("`a` and ` rest", "<code>a</code> and ` rest"),
        ("``", ""),
        (None, ""),
    ],
)
def test_backticks_are_code_and_all_else_is_escaped(given, expected):
    assert str(text_html.code(given)) == expected


def test_a_submission_without_a_fault_has_nothing_to_fix():
    page = words(alone(class_results.submission("a", "A")))
    assert "There is nothing to fix." in page
    assert "Nothing. Every check that was run has passed." in page


def test_a_failed_check_without_a_finding_is_what_to_fix():
    subject = class_results.submission("a", "A")
    class_results.fail(subject, class_results.GATE_CHECK, hint="Train `longer`.")
    html = render(class_results.of(subject))
    assert (
        "What should be fixed first? Train longer . the test accuracy clears the gate"
        in section(html, "fix")
    )
    assert "One check did not pass." in html


@pytest.mark.parametrize(
    ("status", "heading", "lead"),
    [
        ("failed", "It could not be opened", "It could not be opened, so nothing else"),
        ("timeout", "It ran out of time", "It could not be opened, so nothing else"),
        ("resource", "It ran out of memory or processes", "It could not be opened"),
        ("grader_error", "The grader could not open it", "our fault and costs no points"),
    ],
)
def test_what_could_not_be_opened_says_why_once(status, heading, lead):
    page = alone(class_results.unopened("a", "A", status, "the very reason"))
    assert heading in page.text
    assert lead in page.text
    assert page.text.count("the very reason") == 1
    assert page.text.count("the network could not be opened") == 1
    assert "17 checks: the network could not be opened." in page.text
    assert "Layer by layer" not in page.text


def test_layers_are_shown_beside_each_other_with_what_differs():
    html = render(class_results.of(class_results.rebuilt("a", "A")))
    layers = section(html, "layers")
    assert "One differs, one is missing and one is not in the document; three of 6 agree." in layers
    assert "AveragePooling2D pool1" in layers
    assert "changed pool1 = AveragePooling2D, but should be MaxPooling2D" in layers
    assert "nothing here Dropout drop" in layers
    assert "extra the document has no such layer" in layers
    assert "nothing here missing add this layer" in layers
    rows = re.findall(r'<tr role="row" class="is-(\w+)"', html)
    assert rows == ["same", "changed", "same", "extra", "missing", "same", "same", "same"]


def test_a_change_is_said_without_its_layer_and_source():
    subject = schema.checked(class_results.of(class_results.valid_padding("a", "A")))["subjects"][0]
    found = layer_comparison.compare(subject)
    assert found.pairs[0].differences == (
        "padding = 'valid', but should be 'same'",
        "output_shape = (26, 26, 32), but should be (28, 28, 32)",
    )


def test_layers_of_an_unknown_architecture_are_shown_and_not_judged():
    subject = class_results.submission("a", "A")
    subject |= {"expected": None, "diff": [], "architecture": None}
    page = section(render(class_results.of(subject)), "layers")
    assert "They were not compared with a document." in page
    assert page.count("not compared") == 6


def recipe_rows(**changes):
    subject = class_results.submission("a", "A")
    subject["recipe"] |= changes
    complete = schema.checked(class_results.of(subject))["subjects"][0]["recipe"]
    return {row.label: row for row in recipes.rows(complete)}


def test_the_recipe_tells_what_is_fixed_from_what_is_free():
    mine = class_results.RECIPE | {"optimizer": "sgd", "learning_rate": 0.1, "loss": None}
    rows = recipe_rows(submitted=mine)
    assert (rows["Optimizer"].state, rows["Optimizer"].verdict.kind) == ("differs", "fail")
    assert rows["Optimizer"].basis == "fixed: the document says so"
    assert (rows["Learning rate"].state, rows["Learning rate"].verdict.kind) == ("free", "none")
    assert rows["Learning rate"].basis == "free: the document is silent"
    assert rows["Loss"].state == "unknown"
    assert rows["Batch size"].state == "same"
    assert rows["Validation images"].document == "10,000"


def test_spelling_of_an_optimizer_is_no_difference():
    assert (
        recipe_rows(submitted=class_results.RECIPE | {"optimizer": "Adam"})["Optimizer"].state
        == "same"
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("one-hot", "one-hot"),
        ({"shape": [60000, 10], "dtype": "float32"}, "one-hot"),
        ({"shape": [60000], "dtype": "uint8"}, "integers"),
        ({"shape": [60000, 1], "dtype": "uint8"}, "integers"),
    ],
)
def test_labels_are_said_in_a_word(labels, expected):
    assert recipe_rows(submitted=class_results.RECIPE | {"labels": labels})["Labels"].yours == (
        expected
    )


def test_a_submission_without_a_recipe_says_so_and_shows_the_documents():
    recipe = section(render(class_results.of(class_results.rebuilt("a", "A"))), "recipe")
    assert "No recipe was found in the submission" in recipe
    assert "trained anew, from fresh weights, by the document&#39;s recipe" in recipe
    assert "Yours" not in recipe
    assert "adam" in recipe


def test_which_recipe_trained_is_said():
    subject = class_results.submission("a", "A")
    subject["recipe"]["trained_with"] = "submission"
    assert "by your own recipe" in section(render(class_results.of(subject)), "recipe")


def test_own_weights_are_marked_as_such():
    text = words(alone(class_results.rebuilt("a", "A")))
    assert "The weights in your file" in text
    assert "97.31 %" in text
    assert "9,731 of 10,000 test images, with the weights as you saved them" in text
    assert "The network was read from the saved file." in text
    assert "The weights in your file" not in words(alone(class_results.submission("a", "A")))


def test_how_the_work_was_read_is_said():
    noted = class_results.classroom()["subjects"][8]
    text = words(alone(noted))
    assert "How your file was opened line 3: keras.utils.np_utils is gone; graded as if" in text
    assert "The network was taken from the script when it was fitted (fit, line 31)." in text


def test_isolation_and_versions_are_in_the_footer():
    text = alone(class_results.submission("a", "A")).text
    assert "bubblewrap; each submission in namespaces of its own" in text
    assert "Python 3.11.7, TensorFlow 2.21.0, Keras 3.15.1" in text


def test_points_are_shown_by_group():
    page = words(alone(class_results.valid_padding("a", "A")))
    assert "build 10 of 10 structure 26.91 of 30.75 recipe 8 of 8" in page


# Hostile and unexpected input --------------------------------------------------------------------


def test_names_are_text_on_every_page(written):
    for page in written.values():
        assert page.all("script") == []
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page.text)
    assert "<script>alert(1)</script>" in written["index.html"].text
    assert "<script>alert(1)</script>" in written["submissions/script.html"].text
    assert "../../etc/passwd {{ 7*7 }} WWW" in written["submissions/long.html"].text


def test_poisoned_text_in_every_place_runs_nothing():
    results = poisoned(class_results.classroom())
    for document in (results, results | {"subjects": results["subjects"][3:4]}):
        page = Parsed(render(document))
        assert page.all("script") == page.all("iframe") == []
        assert not [key for _, a in page.elements for key in a if key.startswith("on")]
        links = [a["href"] for a in page.all("a")]
        assert [h for h in links if not re.match(r"#|\.\./|submissions/|[a-z]+\.", h)] == []


def test_a_submission_with_nothing_known_but_its_id_is_shown():
    bare = {"schema": 1, "submissions": True, "subjects": [{"id": "a"}, {"id": "b"}]}
    assert "2 submissions, none graded" in Parsed(render(bare)).text
    assert "It could not be opened" in Parsed(render(bare | {"subjects": [{"id": "a"}]})).text


@pytest.mark.parametrize("key", sorted(class_results.valid_padding("a", "A")))
def test_every_key_of_a_submission_may_be_absent(key):
    if key == "id":
        return
    subject = class_results.valid_padding("a", "A")
    del subject[key]
    render(class_results.of(subject))
    render(class_results.of(subject, class_results.submission("b", "B")))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("findings", [{"cause": 3}], r"findings\[0\].cause is the number 3"),
        ("notes", "text", "notes is text, but should be a list"),
        ("recipe", {"documented": 1}, "recipe.documented is the number 1"),
        ("own_weights", {"interval": [1]}, "own_weights.interval is a list"),
    ],
)
def test_a_part_of_another_shape_is_named(key, value, expected):
    subject = class_results.submission("a", "A") | {key: value}
    with pytest.raises(UserError, match=expected):
        render(class_results.of(subject))


def test_the_results_are_not_changed():
    results = class_results.classroom()
    before = copy.deepcopy(results)
    render(results)
    assert results == before


@pytest.mark.slow
def test_a_headline_counts_thousands():
    many = schema.checked(class_results.of(*[class_results.submission("a", "A")] * 1200))
    assert classroom.page(many, ["x"] * 1200).headline.startswith("1,200 submissions")
