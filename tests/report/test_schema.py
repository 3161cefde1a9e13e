"""The model of results.json: its JSON Schema is the committed one, and it keeps what it reads."""

import json

import pytest

from harness.report.schema import results as schema
from harness.report.schema.values import plain
from harness.system.directories import PROJECT_ROOT
from tests.support.samples.evidence_results import complete
from tests.support.samples.results import failing

SCHEMA = PROJECT_ROOT / "docs" / "results.schema.json"


def test_the_committed_json_schema_is_the_models():
    command = f"python -m {schema.__name__} > docs/{SCHEMA.name}"
    assert SCHEMA.read_text(encoding="utf-8") == schema.json_schema(), f"run `{command}`"


def _missing(given: object, read: object, path: str = "") -> list[str]:
    """Returns the places where a document has a key or a value that was not read."""
    if isinstance(given, dict) and isinstance(read, dict):
        return [
            problem
            for key, value in given.items()
            for problem in (
                _missing(value, read[key], f"{path}.{key}")
                if key in read
                else [f"{path}.{key}"] * (value is not None)
            )
        ]
    if isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        return [
            problem
            for place, pair in enumerate(zip(given, read, strict=True))
            for problem in _missing(*pair, f"{path}[{place}]")
        ]
    if isinstance(given, str) and isinstance(read, str):
        given, read = given.split(), read.split()  # spaces at the end of a line are cleaned away
    return [] if given == read or (given is None and not read) else [path]


@pytest.mark.parametrize("document", [complete(), failing()], ids=["complete", "failing"])
def test_what_is_read_and_written_again_is_the_same(document):
    read = schema.checked(document)
    assert _missing(document, json.loads(json.dumps(read, default=plain))) == []


def test_the_committed_example_is_read_whole():
    path = PROJECT_ROOT / "reports" / "example" / "results.json"
    document = json.loads(path.read_bytes())
    again = json.loads(json.dumps(schema.checked(document), default=plain))
    assert _missing(document, again) == []
