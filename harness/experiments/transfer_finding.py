"""What transfers to Greek letters showed: the finding in words, and what its check fails for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from harness.statistics import Interval, repeats_interval, wilson

_SHOWN = 12  # characters of a SHA-256


@dataclass(frozen=True)
class Read:
    """How many of so many letters each run read right."""

    letters: int
    correct: tuple[int, ...]

    @property
    def mean(self) -> float:
        """The accuracy, a fraction: the mean over the runs."""
        return sum(self.correct) / len(self.correct) / self.letters

    @property
    def over_runs(self) -> Interval:
        """What the same letters would give with other seeds, 95 %: Student's t over the runs.

        Of runs that all read as many, as `over_letters`: Student's would have no width.
        """
        counts = [(correct, self.letters) for correct in self.correct]
        return repeats_interval(counts, same_images=True)

    @property
    def over_letters(self) -> Interval:
        """What other letters would give, 95 %: Wilson's, over the letters.

        Several runs read the same letters and agree on most of them, so they count as one.
        """
        return wilson(sum(self.correct) / len(self.correct), self.letters)


Run = Mapping[str, Any]  # an element of the result's "runs"


def problems(runs: Sequence[Run]) -> tuple[str, ...]:
    """Returns what was not as a transfer has to be, each as a sentence.

    How many letters are read right is none of these: whatever it is, it is a finding.
    """
    found = []
    for run in runs:
        seed = f"seed {run['seed']}"
        if run["frozen_before"] != run["frozen_after"]:
            found.append(
                f"{seed}: frozen weights moved: their SHA-256 was "
                f"{run['frozen_before'][:_SHOWN]}… before training and should be the same "
                f"afterwards, but is {run['frozen_after'][:_SHOWN]}…"
            )
        if run["head_before"] == run["head_after"]:
            found.append(
                f"{seed}: the new last layer did not move: its SHA-256 is "
                f"{run['head_after'][:_SHOWN]}… before and after training"
            )
    return tuple(found)


def finding(
    runs: Sequence[Run],
    trained: Read,
    left_out: Read,
    tested: Mapping[str, Any] | None,
    *,
    claim: float,
    unjudged: str | None,
) -> str:
    """Returns what the numbers say, in sentences.

    Args:
        trained: on the letters that the last layer was trained on.
        left_out: on each letter by a last layer that was trained on the others.
        tested: the result's "test".
        unjudged: why the document's figure is not judged by these numbers; None where it is.
    """
    count, epochs = trained.letters, len(runs[0]["history"]["accuracy"])
    needed = ceil(claim * count - 1e-9)
    sentences = [_trained(trained, epochs)]
    if unjudged is None:
        sentences += _claim(runs, trained, needed, claim)
    else:
        sentences.append(f"The document's {claim:.0%} is not judged by this: {unjudged}.")
    sentences.append(_left_out(left_out))
    if tested is not None:
        read = Read(tested["images"], tuple(tested["correct"]))
        sentences.append(
            f"Of the {read.letters} letters that were named for testing it reads {_of(read)} "
            f"right ({read.mean:.1%}, 95 % interval {_interval(tested['interval'])})."
        )
        if tested["trained_on"]:
            sentences.append(
                f"But {tested['trained_on']} of them are among those that it was trained on, and "
                "show nothing about others."
            )
    return " ".join(sentences)


def copies(repeated: int) -> str:
    """Returns what to say where so many letters are the same picture as another one."""
    if not repeated:
        return ""
    return (
        f" But {repeated} of the letters are, pixel for pixel, the same as another one: each of "
        "these was left out while its copy was trained on, so the accuracy on letters that were "
        "left out may be too high."
    )


def _trained(read: Read, epochs: int) -> str:
    return (
        f"After {epochs} epochs the new last layer reads {_of(read)} letters right that it was "
        f"trained on ({read.mean:.1%}){_each(read)}."
    )


def _left_out(read: Read) -> str:
    return (
        "That is not how well it reads letters: these are the ones that it was trained on. "
        f"Of letters that were left out of training, one at a time, it reads {_of(read)} right "
        f"({read.mean:.1%}, 95 % interval {_interval(read.over_letters)}), which the document does "
        "not report and which is the honest figure. The interval is Wilson's over the "
        f"{read.letters} letters{_same(read)}; it speaks of further letters of the same kind."
    )


def _claim(runs: Sequence[Run], trained: Read, needed: int, claim: float) -> list[str]:
    """What became of the document's figure, and of its difficulty beyond it."""
    count = trained.letters
    reached = [run["epochs_to_claim"] for run in runs if run["epochs_to_claim"] is not None]
    sentences = [f"The document's {claim:.0%} is {needed} of {count}."]
    if len(reached) == len(runs):
        sentences.append(f"That many are first read after {_range(reached)}.")
    else:
        sentences.append(
            f"That many are read by {len(reached)} of {len(runs)} networks"
            + (f", first after {_range(reached)}." if reached else ".")
        )
    whole = [epoch for run in runs if (epoch := _first_whole(run)) is not None]
    between = [last - first for first, last in zip(reached, whole, strict=False)]
    if needed < count and len(whole) == len(runs):
        sentences.append(
            "The document's difficulty in training beyond this point does not reproduce: all "
            f"{count} are first read after {_range(whole)}, {_range(between)} later, and a "
            "training that is stopped in between shows the document's figure."
        )
    elif needed < count and not whole:
        sentences.append(
            "The document's difficulty in training beyond this point reproduces: no network ever "
            f"reads all {count}."
        )
    elif needed < count:
        sentences.append(
            "The document's difficulty in training beyond this point reproduces in part: "
            f"{len(whole)} of {len(runs)} networks ever read all {count}, first after "
            f"{_range(whole)}."
        )
    return sentences


def _first_whole(run: Run) -> int | None:
    accuracies = run["history"]["accuracy"]
    return accuracies.index(1.0) + 1 if 1.0 in accuracies else None


def _of(read: Read) -> str:
    mean = read.mean * read.letters
    return f"{mean:.0f} of {read.letters}" if mean.is_integer() else f"{mean:.1f} of {read.letters}"


def _each(read: Read) -> str:
    if len(read.correct) == 1:
        return ""
    if len(set(read.correct)) == 1:
        return f", with each of {len(read.correct)} seeds"
    return f", the mean over {len(read.correct)} seeds"


def _same(read: Read) -> str:
    if len(read.correct) == 1:
        return ""
    return (
        f", at the mean over the seeds: {len(read.correct)} networks that read the same letters do "
        "not make more letters of them"
    )


def _range(epochs: Sequence[int]) -> str:
    least, most = min(epochs), max(epochs)
    if least == most:
        return f"{least} epoch" if most == 1 else f"{most} epochs"
    return f"{least} to {most} epochs"


def _interval(interval: Sequence[float]) -> str:
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]"
