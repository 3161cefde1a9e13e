"""The recipe: what the document says beside what was submitted, and what is free."""

from collections.abc import Mapping

from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.views.classroom import RecipeRow
from harness.report.views.common import Verdict

LABELS = {
    "optimizer": "Optimizer",
    "learning_rate": "Learning rate",
    "loss": "Loss",
    "batch_size": "Batch size",
    "epochs": "Epochs",
    "validation_images": "Validation images",
    "pixel_max": "Pixels divided by",
    "from_logits": "Loss expects logits",
    "labels": "Labels",
    "callbacks": "Callbacks",
}
FIXED = {"stated": "fixed: the document says so", "derived": "fixed: follows from the document"}
FREE = "free: the document is silent"
VERDICTS = {
    "same": Verdict("same", "pass"),
    "differs": Verdict("differs", "fail"),
    "free": Verdict("your choice", "none"),
    "unknown": Verdict("not captured", "none"),
}


def rows(recipe: schema.ComparedRecipe | None) -> tuple[RecipeRow, ...]:
    """A row for each setting that either side has; none without a captured recipe's subject."""
    if recipe is None:
        return ()
    documented, submitted = recipe.documented, recipe.submitted or {}
    keys = [key for key in LABELS if documented.get(key) is not None or _said(submitted.get(key))]
    return tuple(
        _row(key, documented.get(key), submitted.get(key), recipe.basis.get(key)) for key in keys
    )


def note(recipe: schema.ComparedRecipe | None) -> str:
    """By which recipe it was trained, and whether one was found."""
    if recipe is None:
        return ""
    found = (
        "No recipe was found in the submission: it was not compiled or fitted. "
        if recipe.submitted is None
        else ""
    )
    whose = "your own" if recipe.trained_with == "submission" else "the document's"
    return (
        f"{found}For grading, the network is trained anew, from fresh weights, by {whose} recipe."
    )


def _said(value: object) -> bool:
    return value not in (None, [], {}, "", False)


def _row(key: str, documented: object, submitted: object, basis: str | None) -> RecipeRow:
    free = basis == "chosen"
    if submitted is None:
        state = "unknown"
    elif documented is None:
        state = "free"
    elif _same(documented, submitted):
        state = "same"
    else:
        state = "free" if free else "differs"
    return RecipeRow(
        label=LABELS[key],
        document=formatting.NOTHING if documented is None else _words(key, documented),
        basis=FREE if free else FIXED.get(basis or "", ""),
        yours=formatting.NOTHING if submitted is None else _words(key, submitted),
        verdict=VERDICTS[state],
        state=state,
    )


def _same(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return one == other


def _words(key: str, value: object) -> str:
    if key == "labels" and isinstance(value, Mapping):
        shape = value.get("shape")
        several = isinstance(shape, list) and len(shape) > 1 and shape[-1] != 1
        return "one-hot" if several else "integers"
    if isinstance(value, list):
        return ", ".join(map(str, value[:6])) or formatting.NOTHING
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1000:
        return formatting.whole(value)
    return formatting.setting(value)
