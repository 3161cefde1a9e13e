"""Prints the view models through the templates, and puts the pages on disk."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.report import markdown as summary
from harness.report import output_files
from harness.report.schema import loading
from harness.report.schema import results as schema
from harness.report.text import html as text_html
from reference.errors import UserError

FOLDER = Path(__file__).parent / "templates"
NAME = "index.html"
REPORT = "page.html.j2"
SUBMISSIONS = "submissions"
PARTS = ("experiments", "evidence", "progress")  # of the page, with a style sheet each
MARK = f'<meta name="generator" content="{output_files.MAKER}">'.encode()


def render(results: Mapping[str, object] | schema.Results) -> str:
    """Returns the main page for an object of schema 1.

    That is the report; of several submissions their class page, of a single one its own page.
    The same results give the same text, whatever the time, the place and the user's settings.

    Raises:
        UserError: another schema, or a part that has another shape.
    """
    return next(_pages(schema.checked(results), NAME))[1]


def markdown(results: Mapping[str, object] | schema.Results) -> str:
    """Returns what summary.md holds, with the page's first paragraph; the page prints the same.

    Raises:
        UserError: as `render`.
    """
    from harness.report.sections import lead  # noqa: PLC0415 - see _template

    complete = schema.checked(results)
    first = "" if complete.submissions else lead.summary(complete)
    return summary.render(complete, first)


def write(results_path: Path, output_path: Path | None = None) -> Path:
    """Reads results.json, writes the pages beside it (or where told), returns the main one's path.

    Pages of submissions go to the folder submissions/ beside the main page; those of submissions
    that are no longer there are removed. Each page appears whole or not at all: it is written
    aside and renamed into place.

    Raises:
        UserError: the file cannot be used, or a page cannot be written.
    """
    results_path = Path(results_path)
    output = Path(output_path) if output_path is not None else results_path.with_name(NAME)
    results = schema.checked(loading.load(results_path), str(results_path))
    if output.is_dir():
        raise UserError(
            f"{output} is a folder, but should be the file to write, as {output / NAME}."
        )
    pages = {
        output.parent / (place or output.name): html.encode()
        for place, html in _pages(results, output.name)
    }
    output_files.write_all(pages, "--output FILE")
    if results.submissions:
        folder = output.parent / SUBMISSIONS
        output_files.prune(
            folder, ".html", {path.name for path in pages}, lambda raw: MARK in raw[:4096]
        )
    return output


def _pages(results: schema.Results, name: str) -> Iterator[tuple[str, str]]:
    """Yields every page with its place beside the main one, which comes first and is at ""."""
    # matplotlib takes half a second to import: only who renders pays for it
    from harness.report.charts import svg  # noqa: PLC0415
    from harness.report.class_pages import classroom, submission  # noqa: PLC0415
    from harness.report.page import page  # noqa: PLC0415

    subjects = results.subjects
    if not results.submissions or not subjects:
        yield "", _printed(REPORT, page(results))
        return
    places = [f"{SUBMISSIONS}/{stem}.html" for stem in output_files.stems(subjects)]
    drawings = submission.Drawings()
    several = len(subjects) > 1
    with svg.house_style():
        if several:
            yield "", _printed("class.html.j2", classroom.page(results, places))
        else:
            alone = submission.page(subjects[0], results, drawings, submission.Place("", "", ""))
            yield "", _printed("submission.html.j2", alone)
        back = f"../{quote(name)}" if several else ""
        there = submission.Place("../", back, f"All {len(subjects):,} submissions")
        for subject, place in zip(subjects, places, strict=True):
            found = submission.page(subject, results, drawings, there)
            yield place, _printed("submission.html.j2", found)


def _printed(template: str, page: object) -> str:
    from harness.report.text import html as anchors  # noqa: PLC0415 - see _template

    compiled, style, more = _template(template)
    for part, sheet in more.items():
        style += sheet if getattr(page, part, None) else ""
    script, source = _script()
    html = str(compiled.render(page=page, style=style, script=script, script_source=source))
    return anchors.signposted(html) if template == REPORT else html


@cache
def _script() -> tuple[Any, Any]:
    """The page's script and how its security policy names it: nothing else is run."""
    from markupsafe import Markup  # noqa: PLC0415 - see _template

    text = (FOLDER / "script.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(text.encode()).digest()).decode()
    return Markup(text), Markup(f"'sha256-{digest}'")  # noqa: S704 - our own file


@cache
def _template(name: str) -> tuple[Any, Any, Any]:
    # as matplotlib, imported by who renders
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    class Loader(FileSystemLoader):
        """Reads the templates without their indentation, which would be a tenth of a page."""

        def get_source(self, environment: Any, template: str) -> Any:
            source, *rest = super().get_source(environment, template)
            return re.sub(r"^[ \t]+", "", source, flags=re.MULTILINE), *rest

    environment = Environment(
        loader=Loader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = text_html.code
    sheets = ["style.css"] if name == REPORT else ["style.css", "class.css"]
    style = "".join((FOLDER / sheet).read_text(encoding="utf-8") for sheet in sheets)
    more = {
        part: Markup((FOLDER / part / "style.css").read_text(encoding="utf-8"))  # noqa: S704
        for part in PARTS
    }
    return environment.get_template(name), Markup(style), more  # noqa: S704 - our own files
