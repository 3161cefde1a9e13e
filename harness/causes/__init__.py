"""Why a network or its recipe is not the documented one, in a learner's words.

Each cause says what was written, what comes of it, and what to write.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A likely cause.

    Attributes:
        kind: a slug, for counting over a class, e.g. "padding".
        text: one or two sentences.
    """

    kind: str
    text: str
