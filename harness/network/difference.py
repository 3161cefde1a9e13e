"""One difference between what a document says and what a network has."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One thing that is not as documented.

    Attributes:
        what: e.g. "dropout.rate".
        source: where the document, or the suite, says what is expected.
        hint: the likely cause or the next step, as a sentence.
        text: says it where "what = actual, but should be expected" does not, e.g. "extra layer:
            dropout (Dropout)".
    """

    what: str
    actual: Any
    expected: Any
    source: str = ""
    hint: str = ""
    text: str = ""

    def __str__(self) -> str:
        where = f" [{self.source}]" if self.source else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        actual, expected = describe(self.actual), describe(self.expected)
        text = self.text or f"{self.what} = {actual}, but should be {expected}"
        return f"{text}{where}{hint}"


def describe(value: Any) -> str:
    """Returns a value as a reader wants it: 692,352 and [26, 26, 32]."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(describe(item) for item in value)}]"
    return str(value)
