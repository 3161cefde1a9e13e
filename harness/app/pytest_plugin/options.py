"""The command line: pytest's option group "grading", read into one frozen value."""

from collections.abc import Collection
from pathlib import Path

import pytest

from harness.app.grading.options import DEFAULT_REPORT, DEFAULT_STORE, DOCUMENTED_SEEDS, Options
from harness.data import CHOICES
from harness.jobs.cluster import address
from harness.system.machine import cores
from reference.errors import UserError
from reference.facts import names

OPTIONS = pytest.StashKey[Options]()

# Name, placeholder of the value, default and help of each option with one value.
_VALUES = (
    ("--dataset", "NAME", "auto",
     "mnist, digits (scikit-learn's) or auto (MNIST if it can be found, else digits; default)"),
    ("--mnist-dir", "PATH", None,
     "folder with the four MNIST files, or mnist.npz (default: $MNIST_DIR)"),
    ("--recipe", "NAME", "gate",
     ("gate: stop training once validation clears the gate (default); documented: train all "
      "epochs, and run every experiment of the documents")),
    ("--seeds", "N", None,
     (f"train each network with N seeds (default: 1; {DOCUMENTED_SEEDS} for the project's own "
      "networks with --recipe=documented)")),
    ("--workers", "N", "auto",
     "number of training processes (default: auto, one for each core)"),
    (address.OPTION, "ADDRESS", None,
     ("train on a Dask cluster: a scheduler's address (tls://host:port), its scheduler file, or "
      "local:N for N workers on this machine")),
    ("--cluster-resources", "LIST", None,
     "use only workers of the cluster that offer these resources, such as GRADING=1"),
    ("--report", "DIR", str(DEFAULT_REPORT),
     f"folder for the report (default: {DEFAULT_REPORT})"),
    ("--store", "DIR", str(DEFAULT_STORE),
     f"folder for finished training runs (default: {DEFAULT_STORE})"),
    ("--submissions", "DIR", None,
     "grade a class: a folder with one file or folder for each student"),
    ("--as", "NAME", None,
     ("the architecture of all submissions (default: the one in the file's name, else the closest "
      "one)")),
    ("--train-with", "NAME", "document",
     ("document: train submissions with the document's recipe (default); submission: with the "
      "recipe in their script")),
    ("--baseline", "FILE", None,
     ("an earlier results.json: a check fails if a network has become larger or has significantly "
      "lost 0.2 percentage points of accuracy or more; with --benchmark-only, if its speed-up over "
      "Keras has fallen by more than 10 %%")),
    ("--benchmark-batch", "N", None,
     "time training with batches of N images (default: the documented batch size)"),
    ("--rubric", "FILE", None,
     "points for each check, and accuracy bands (default: reference/rubric.toml)"),
    ("--grid", "FILE", None,
     "also run your own study: a TOML file of variants, as in reference/studies/"),
    ("--greek-test", "DIR", None,
     ("with --recipe=documented: also classify the Greek letters in this folder, which the network "
      "was not trained on")),
)  # fmt: skip


def add_options(parser: pytest.Parser) -> None:
    """Declares the options; `read_options` checks their values."""
    add = parser.getgroup("grading", "grading of MNIST architectures").addoption
    for name, placeholder, default, text in _VALUES:
        add(name, metavar=placeholder, default=default, help=text)
    add("--fresh", action="store_true", help="train again, without the runs in the store")
    add(
        "--submission",
        action="append",
        default=[],
        metavar="PATH",
        help="grade this file or folder instead of models/: a module, a training script, a "
        "notebook, a saved .keras or .h5 file (can be repeated)",
    )


def read_options(config: pytest.Config) -> Options:
    """Returns the values of all options.

    Raises:
        UserError: a value is invalid, or options exclude each other.
    """
    get = config.getoption
    here = config.invocation_params.dir
    recipe = _choice("--recipe", get("--recipe"), ("gate", "documented"))
    workers, cluster, resources = get("--workers"), get(address.OPTION), get("--cluster-resources")
    _check_cluster(cluster, resources, workers)
    train_with = _choice("--train-with", get("--train-with"), ("document", "submission"))
    architecture, class_folder = get("--as"), get("--submissions")
    submissions = tuple(here / path for path in get("--submission"))
    graded = bool(submissions) or class_folder is not None
    if not graded:
        for option, given in (("--as", architecture), ("--train-with", train_with != "document")):
            if given:
                raise UserError(
                    f"{option} applies to submissions: add --submission=PATH or --submissions=DIR"
                )
    grid, greek_test, rubric = get("--grid"), get("--greek-test"), get("--rubric")
    _check_experiments(graded, recipe, grid, greek_test)
    baseline, batch, mnist_dir = get("--baseline"), get("--benchmark-batch"), get("--mnist-dir")
    seeds = get("--seeds")
    if seeds is None:
        seeds = str(DOCUMENTED_SEEDS if recipe == "documented" and not graded else 1)
    return Options(
        dataset=_choice("--dataset", get("--dataset"), CHOICES),
        mnist_dir=Path(mnist_dir) if mnist_dir else None,
        recipe=recipe,  # type: ignore[arg-type]
        seeds=_integer("--seeds", seeds, 1000),
        workers=cores() if workers == "auto" else _integer("--workers", workers, 256),
        report=config.rootpath / get("--report"),
        store=config.rootpath / get("--store"),
        fresh=get("--fresh"),
        baseline=here / baseline if baseline else None,
        benchmark_batch=None if batch is None else _integer("--benchmark-batch", batch, 60_000),
        submissions=submissions,
        class_folder=None if class_folder is None else here / class_folder,
        architecture=None if architecture is None else _choice("--as", architecture, names()),
        train_with=train_with,  # type: ignore[arg-type]
        rubric=here / rubric if rubric else None,
        grid=None if grid is None else _study(here / grid),
        greek_test=None if greek_test is None else _letters(here / greek_test),
        cluster=None if cluster is None else address.parse(cluster, here),
        cluster_resources={} if resources is None else address.resources(resources),
    )


def _choice(option: str, value: str, choices: Collection[str]) -> str:
    if value not in choices:
        expected = " or ".join(choices) if len(choices) == 2 else f"one of {', '.join(choices)}"
        raise UserError(f"{option} {value}: expected {expected}")
    return value


def _integer(option: str, text: str, largest: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= largest:
        raise UserError(f"{option} {text}: expected an integer from 1 to {largest}")
    return value


def _check_cluster(cluster: str | None, resources: str | None, workers: str) -> None:
    """Raises `UserError` if options of a cluster and of this machine's workers are combined."""
    if cluster is not None and workers != "auto":
        raise UserError(
            "--workers applies to this machine, but with --cluster the cluster's workers train: "
            "leave out one of them"
        )
    if resources is not None and cluster is None:
        raise UserError(
            "--cluster-resources applies to the workers of a cluster: add --cluster=ADDRESS"
        )


def _check_experiments(graded: bool, recipe: str, grid: str | None, greek_test: str | None) -> None:
    """Raises `UserError` if experiments are combined with submissions or with another recipe."""
    for option, given in (("--grid", grid), ("--greek-test", greek_test)):
        if given is not None and graded:
            raise UserError(
                f"{option} applies to the project's own networks: leave out --submission and "
                "--submissions"
            )
    if greek_test is not None and recipe != "documented":
        raise UserError(
            "--greek-test applies to the document's transfer experiment: add --recipe=documented"
        )


def _study(path: Path) -> Path:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(
            f"--grid {path} {found}: expected a TOML file that declares a study, like those in "
            "reference/studies/"
        )
    return path


def _letters(path: Path) -> Path:
    if not path.is_dir():
        found = "is not a folder" if path.exists() else "does not exist"
        raise UserError(
            f"--greek-test {path} {found}: expected a folder with one folder of pictures for each "
            "letter: alpha, beta and gamma"
        )
    return path
