"""Does the network learn as well as it should, with the documented recipe, and reproducibly?"""

from harness.app.grading.session import Session
from harness.evaluation import gates
from harness.evaluation.checking import require_none
from harness.jobs.kinds.verify import Verification
from harness.jobs.store.record import Record
from harness.network.difference import Difference
from harness.network.recipe import Recipe
from reference.facts import Facts

# Guessing classifies one image in ten correctly. Half of the images is far above that, and far
# below every documented network on both data sets.
FAR_ABOVE_CHANCE = 0.5

# -log(1 / 10): the loss of guessing.
GUESSING_LOSS = 2.302585
# Rounding alone can lower the loss a little without any learning.
FALLS_TO = 0.99


def test_recipe(runs: list[Record], facts: Facts, recipe: Recipe) -> None:
    """training used the recipe's optimizer, learning rate, batch size, epochs and scaling"""
    require_none(
        Difference(f"recipe.{key}", run.recipe.get(key), value, _where(facts, key))
        for run in runs
        for key, value in recipe.to_json().items()
        if run.recipe.get(key) != value
    )


def test_loss_falls(runs: list[Record]) -> None:
    """the training loss falls from the first epoch to the last"""
    require_none(
        Difference(f"loss of the last epoch, seed {run.seed}", losses[-1], f"below {limit:.6g}")
        for run in runs
        for losses in [run.history["loss"]]
        # A run of one epoch must end below the loss of guessing.
        for limit in [FALLS_TO * (losses[0] if len(losses) > 1 else GUESSING_LOSS)]
        if not losses[-1] < limit
    )


def test_learns(runs: list[Record]) -> None:
    """after training the network classifies validation images far better than by chance"""
    require_none(
        Difference(
            f"best val_accuracy, seed {run.seed}", best, f"at least {FAR_ABOVE_CHANCE}",
            hint="labels that do not belong to their images, or a frozen network, can cause this",
        )
        for run in runs
        for best in [max(run.history["val_accuracy"])]
        if not best >= FAR_ABOVE_CHANCE
    )  # fmt: skip


def test_accuracy_gate(runs: list[Record], facts: Facts, grading: Session) -> None:
    """the test accuracy reaches the gate"""
    judged = gates.judge(runs, facts, grading.calibration)
    gate = judged.gate
    hint = gate.explanation
    if gate.verdict == "inconclusive":
        hint += "; more seeds narrow the interval"
    if gate.fails_check:
        expected = f"at least {100 * gate.threshold:.2f} % ({judged.basis})"
        what, actual = "test accuracy", gate.accuracy
        if actual >= gate.threshold:  # the mean reaches the gate, but one run diverged
            lowest = min(runs, key=lambda run: run.document["test_correct"])
            what = f"{what}, seed {lowest.seed}"
            actual = lowest.document["test_correct"] / lowest.document["test_images"]
        found = Difference(what, f"{100 * actual:.2f} %", expected, hint=hint)
        require_none([found], from_gate=gates.from_gate(gate))


def test_same_seed_same_weights(record: Record, verification: Verification) -> None:
    """the same seed gives the same weights, bit for bit, in another process"""
    expected = record.document["early_weights_sha256"]
    if verification.early_weights != expected:
        hint = "some part of the training does not depend on the seed alone"
        require_none(
            [Difference("SHA-256 of the early weights", verification.early_weights, expected,
                        hint=hint)]
        )  # fmt: skip


def _where(facts: Facts, key: str) -> str:
    evidence = facts.recipe.evidence.get(key)
    return evidence.where if evidence else ""
