"""Why a network or its recipe is not the documented one, in a learner's words.

Each cause says what was written, what comes of it, and what to write.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cause:
    """A likely cause.

    Attributes:
        kind: a slug, for counting over a class, e.g. "padding".
        text: one or two sentences.
        mistake: causes of a kind with the same mistake are one, even where the sizes in their
            texts differ; the text is what tells them apart where it is empty.
    """

    kind: str
    text: str
    mistake: str = ""


@dataclass(frozen=True)
class Found:
    """A cause in its place.

    Attributes:
        where: e.g. "layer 1 (Conv2D 'conv')", "compile", "fit" or "data".
        fixed: whether the document fixes it, or it cannot work together with the rest.
        setting: of a recipe: which one, as in the facts where it is one of them.
        given, wanted: its value, and what it should be.
    """

    where: str
    cause: Cause
    fixed: bool = True
    setting: str = ""
    given: Any = None
    wanted: Any = None
