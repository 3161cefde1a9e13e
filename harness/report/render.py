"""Prints the view model through the template, and puts the page on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.report import files
from reference.errors import UserError

FOLDER = Path(__file__).parent
NAME = "index.html"


def render(results: Mapping[str, Any]) -> str:
    """Returns the whole page for an object of schema 1.

    The same results give the same text, whatever the time, the place and the user's settings.

    Raises:
        UserError: another schema, or a part that has another shape.
    """
    from harness.report import schema  # noqa: PLC0415 - see _page

    return _page(schema.checked(results))


def write(results_path: Path, output_path: Path | None = None) -> Path:
    """Reads results.json, writes the page beside it (or where told) and returns its path.

    The page appears whole or not at all: it is written aside and renamed into place.

    Raises:
        UserError: the file cannot be used, or the page cannot be written.
    """
    from harness.report import schema  # noqa: PLC0415 - see _page

    results_path = Path(results_path)
    output = Path(output_path) if output_path is not None else results_path.with_name(NAME)
    html = _page(schema.checked(schema.load(results_path), str(results_path)))
    if output.is_dir():
        raise UserError(
            f"{output} is a folder, but should be the file to write, as {output / NAME}."
        )
    files.write_all({output: html.encode()}, "--output FILE")
    return output


def _page(results: Mapping[str, Any]) -> str:
    # jinja2 and matplotlib take half a second to import: only who renders pays for it
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    from harness.report.page import page  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup((FOLDER / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return environment.get_template("page.html.j2").render(page=page(results), style=style)
