"""Transfer: the network frozen, a new last layer trained on letters."""

from collections import Counter
from collections.abc import Sequence

from harness.report.charts import interval_rows
from harness.report.charts.interval_rows import LINEAR, Row
from harness.report.schema import experiments as schema
from harness.report.text import formatting, html
from harness.report.text.verdicts import verdict
from harness.report.views.common import Verdict
from harness.report.views.experiments import Figure, Letter, Transfer, TransferRun

HONEST = (
    "In the first row are the letters that the last layer was trained on: the "
    "training accuracy. In the second, each letter was classified by a network that was trained "
    "on the others, which estimates the accuracy on letters that were never seen."
)


def body(ident: str, result: schema.Transfer) -> Transfer:
    """Returns what the section of a transfer shows; inside `svg.house_style`."""
    runs, letters = result.runs, result.letters
    words = "The letters were drawn for this run: no folder with the real ones was given."
    note = letters.note or (words if drawn(result) else "")
    test = result.test
    return Transfer(
        facts=_facts(result),
        note=note,
        figures=tuple(_figures(ident, result)),
        letters=_letters(result),
        letters_note=_letters_note(runs),
        runs=tuple(map(_run, runs)),
        runs_note=_runs_note(runs),
        test=_test_words(test) if test else "",
        test_letters=_tested_letters(test, letters.classes) if test else (),
    )


def drawn(result: schema.Transfer) -> bool:
    """Whether the letters were drawn by this project, since it was given none written by hand."""
    return bool(result.letters.source == "drawn")


def _facts(result: schema.Transfer) -> tuple[tuple[str, str], ...]:
    rate = result.learning_rate
    rows = (
        ("Optimizer", result.optimizer or ""),
        ("Learning rate", "" if rate is None else f"{rate:g}"),
        ("Batch size", "" if result.batch_size is None else str(result.batch_size)),
        ("Epochs", "" if result.epochs is None else str(result.epochs)),
        ("Letters", f"{len(result.letters.pictures)} pictures"),
    )
    return tuple((label, text) for label, text in rows if text)


# Drawings -----------------------------------------------------------------------------------------


def _figures(ident: str, result: schema.Transfer) -> list[Figure]:
    rows = [row for row in (_trained(result), _left_out(result), _tested(result)) if row.values]
    figures = []
    if rows:
        drawing = interval_rows.above(
            f"{ident}-dots", "Letters classified correctly", rows, claim=result.claim, axis=LINEAR
        )
        caption = f"A dot for each seed, a diamond for their mean, {interval_rows.BAR}."
        if result.left_out_mean is not None:
            caption = f"{HONEST} {caption}"
        figures.append(Figure("Seen in training, and left out", drawing, caption))
    lines = [run.history.accuracy for run in result.runs]
    lines = [line for line in lines if any(value is not None for value in line)]
    if lines:
        drawing = interval_rows.over_epochs(
            f"{ident}-curve", "Accuracy on the training letters", lines, claim=result.claim
        )
        caption = "Accuracy on the training letters, epoch by epoch."
        if len(lines) > 1:
            caption += " A thin line for each seed, a thick one for their mean."
        figures.append(Figure("While training", drawing, caption))
    return figures


def _shares(runs: Sequence[schema.TransferRun], key: str) -> tuple[float, ...]:
    known = [(getattr(run, key), run.images) for run in runs]
    return tuple(part / whole for part, whole in known if part is not None and whole)


def _trained(result: schema.Transfer) -> Row:
    dots = _shares(result.runs, "correct")
    return Row("trained on, as the document did", dots, result.mean, result.interval)


def _left_out(result: schema.Transfer) -> Row:
    dots = _shares(result.runs, "left_out_correct")
    ends = result.left_out_interval
    return Row("left out, each in turn", dots, result.left_out_mean, ends, strong=True)


def _tested(result: schema.Transfer) -> Row:
    test = result.test or schema.OtherLetters()
    count = test.images
    dots = tuple(part / count for part in test.correct if part is not None and count)
    return Row("letters from another folder", dots, test.mean, test.interval)


# Letters ------------------------------------------------------------------------------------------


def _class(classes: Sequence[str], label: int | None) -> str:
    if label is None:
        return "not known"
    return formatting.cut(classes[label], 24) if 0 <= label < len(classes) else f"class {label}"


def _letters(result: schema.Transfer) -> tuple[tuple[str, tuple[Letter, ...]], ...]:
    """Every letter with what it was taken for where it was left out, by class."""
    classes = result.letters.classes
    groups: dict[str, list[Letter]] = {}
    for place, picture in enumerate(result.letters.pictures):
        answers = _answers([run.left_out for run in result.runs], place)
        letter = _letter(picture, classes, answers)
        groups.setdefault(_class(classes, picture.label), []).append(letter)
    return tuple((name, tuple(items)) for name, items in groups.items())


def _answers(runs: Sequence[Sequence[int | None]], place: int) -> list[int]:
    """What each seed read a letter as."""
    found = (run[place] for run in runs if place < len(run))
    return [answer for answer in found if answer is not None]


def _letter(picture: schema.Picture, classes: Sequence[str], answers: Sequence[int]) -> Letter:
    label = _class(classes, picture.label)
    wrong = [answer for answer in answers if answer != picture.label]
    misread = ""
    if wrong:
        common = Counter(_class(classes, answer) for answer in wrong).most_common(2)
        count = f", {len(wrong)} of {len(answers)}" if len(answers) > 1 else ""
        misread = f"classified as {formatting.listed([name for name, _ in common])}{count}"
    return Letter(
        picture=html.data_uri(picture.pixels),
        label=label,
        alternative=f"The letter {label}{_said(misread, answers)}",
        misread=misread,
        framed=bool(wrong) and 2 * len(wrong) >= len(answers),
    )


def _said(misread: str, answers: Sequence[int]) -> str:
    return f", {misread or 'classified correctly'}" if answers else ""


def _tested_letters(test: schema.OtherLetters, classes: Sequence[str]) -> tuple[Letter, ...]:
    return tuple(
        _letter(picture, classes, _answers(test.predicted, place))
        for place, picture in enumerate(test.pictures)
    )


def _letters_note(runs: Sequence[schema.TransferRun]) -> str:
    if not any(run.left_out for run in runs):
        return "The letters as the network sees them, 28 × 28 pixels."
    seeds = ", and in how many of the seeds; framed where in half of them or more"
    return (
        "The letters as the network sees them, 28 × 28 pixels. Below a letter: the wrong "
        "prediction when it was left out of training"
        f"{seeds if len(runs) > 1 else '; those are framed'}."
    )


# Runs ---------------------------------------------------------------------------------------------


def _run(run: schema.TransferRun) -> TransferRun:
    return TransferRun(
        seed=formatting.NOTHING if run.seed is None else str(run.seed),
        training=_of(run.correct, run.images),
        left_out=_of(run.left_out_correct, run.images),
        reached=formatting.NOTHING if run.epochs_to_claim is None else str(run.epochs_to_claim),
        time=formatting.duration(run.train_time_s),
        frozen_before=run.frozen_before or "",
        frozen_after=run.frozen_after or "",
        frozen=_moved(run.frozen_before, run.frozen_after, wanted=False),
        head_before=run.head_before or "",
        head_after=run.head_after or "",
        head=_moved(run.head_before, run.head_after, wanted=True),
    )


def _of(part: int | None, whole: int | None) -> str:
    if part is None:
        return formatting.NOTHING
    return f"{part} of {whole}" if whole else str(part)


def _moved(before: str | None, after: str | None, *, wanted: bool) -> Verdict:
    """Equal digests are equal weights, bit for bit; `wanted` says which of the two is right."""
    if not before or not after:
        return verdict("not known")
    moved = before != after
    return Verdict("trained" if moved else "unmoved", "pass" if moved == wanted else "fail")


def _runs_note(runs: Sequence[schema.TransferRun]) -> str:
    if not any(run.frozen_before for run in runs):
        return ""
    return (
        "The proof that the frozen layers did not move: the SHA-256 of their weights before and "
        "after training is the same, while that of the new last layer is another."
    )


def _test_words(test: schema.OtherLetters) -> str:
    count = test.images or 0
    counts = sorted({part for part in test.correct if part is not None}) or [0]
    correct = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    share = f"{formatting.percent(test.mean, 1)} {formatting.interval(test.interval, 1)}".strip()
    return (
        f"Of {formatting.counted(count, 'letter')} from another folder,{_seen(test)} "
        f"{correct} were "
        f"classified correctly: {share}."
    )


def _seen(test: schema.OtherLetters) -> str:
    """Whether the last layer was trained on the letters it was tested on; "" if not known."""
    seen = test.trained_on
    if seen is None:
        return ""
    if seen == 0:
        return " which no training saw,"
    which = "all" if seen == test.images else formatting.spelled(seen)
    return f" {which} of which {'was' if seen == 1 else 'were'} also trained on,"
