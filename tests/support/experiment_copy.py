"""A copy of the project whose catalogue holds experiments of seconds."""

from pathlib import Path

from tests.support.project_copy import project

EXPERIMENTS = '''
"""Experiments for tests: each does as little as shows what it is there to show."""

from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from harness.experiments.context import Outcome
from harness.network.recipe import in_fold


@dataclass(frozen=True)
class _Fake:
    id: str
    architecture: str = "mlp_64_32"
    kind: str = "study"
    title: str = "A study"
    question: str = "What is it?"
    source: str = "Section 1"


@dataclass(frozen=True)
class Folds(_Fake):
    """Two folds of one epoch; then it waits for ever, where a test has asked for that."""

    def run(self, context):
        spec, images = context.spec(self.architecture), len(context.dataset.train_labels)
        documented = replace(context.recipe(self.architecture), epochs=1)
        jobs = [
            context.train(
                spec, in_fold(documented, 2, fold, images, 1), fold,
                f"{self.architecture} fold {fold}",
            )
            for fold in range(2)
        ]
        records = [context.wait(job) for job in jobs]
        if Path("wait").exists():
            context.wait(Future())
        rows = [
            {
                "key": record.key, "cached": record.cached, "seed": record.seed,
                "train_images": record.document["train_images"],
                "validation_images": record.recipe["validation_images"],
                "val_accuracy": record.history["val_accuracy"],
            }
            for record in records
        ]
        return Outcome({"runs": rows})


@dataclass(frozen=True)
class OfRuns(_Fake):
    """Looks at the subject's own runs, and finds something wrong."""

    def run(self, context):
        found = [record.seed for record in context.runs(self.architecture)]
        return Outcome({"seeds": found}, ("one thing moved", "another did, too"))


@dataclass(frozen=True)
class Broken(_Fake):
    def run(self, context):
        return Outcome({"x": {}["nothing"]})


def fakes():
    return [
        Folds("folds"),
        Broken("broken"),
        OfRuns("of_runs", title="What its runs say"),
        Folds("folds", architecture="sequential_cnn"),
    ]
'''


def with_experiments(folder: Path) -> Path:
    """Returns a copy of the project with these experiments and no others."""
    project(folder)
    package = folder / "harness" / "experiments"
    (package / "fakes.py").write_text(EXPERIMENTS, encoding="utf-8")
    catalogue = package / "catalogue.py"
    text = catalogue.read_text(encoding="utf-8")
    changed = text.replace("found += _documented(names, studies)", "found += fakes()")
    assert changed != text
    import_ = "from harness.experiments.fakes import fakes\n"
    catalogue.write_text(changed.replace("\nSTUDIES", f"\n{import_}\nSTUDIES"), encoding="utf-8")
    return folder
