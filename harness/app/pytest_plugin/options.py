"""The command line: pytest's option group "grading", read into one frozen value."""

from pathlib import Path

import pytest

from harness.app.grading.options import DEFAULT_REPORT, DEFAULT_STORE, DOCUMENTED_SEEDS, Options
from harness.app.pytest_plugin import option_values as values
from harness.data import CHOICES
from harness.jobs.cluster.address import OPTION, parse
from harness.jobs.cluster.address import resources as parse_resources
from harness.system.machine import cores
from reference.errors import UserError
from reference.facts import names


def add_options(parser: pytest.Parser) -> None:
    """Declares the options; their values are checked in `read_options`."""
    group = parser.getgroup("grading", "grading of MNIST architectures")
    add = group.addoption
    add(
        "--dataset",
        default="auto",
        metavar="NAME",
        help="auto (MNIST where it can be had, else digits), mnist or digits",
    )
    add(
        "--mnist-dir",
        metavar="PATH",
        help="folder with the four MNIST files, or mnist.npz (default: $MNIST_DIR)",
    )
    add(
        "--recipe",
        default="gate",
        metavar="NAME",
        help="gate: stop once validation clears the gate (default); documented: all epochs, and "
        "every experiment of the documents",
    )
    add(
        "--seeds",
        metavar="N",
        help=f"train each network with N seeds (default 1; {DOCUMENTED_SEEDS} for the project's "
        "own with --recipe=documented)",
    )
    add(
        "--workers",
        default="auto",
        metavar="N",
        help="training processes (default auto: one a core)",
    )
    add(
        OPTION,
        metavar="ADDRESS",
        help="train on a Dask cluster: a scheduler's address (tls://host:port), its scheduler "
        "file, or local:N for N workers on this machine",
    )
    add(
        "--cluster-resources",
        metavar="LIST",
        help="only on workers of the cluster that offer these, such as GRADING=1",
    )
    add(
        "--report",
        default=str(DEFAULT_REPORT),
        metavar="DIR",
        help=f"where the report goes (default {DEFAULT_REPORT})",
    )
    add(
        "--store",
        default=str(DEFAULT_STORE),
        metavar="DIR",
        help=f"where finished runs are kept (default {DEFAULT_STORE})",
    )
    add("--fresh", action="store_true", help="train anew what has been trained before")
    add(
        "--submission",
        action="append",
        default=[],
        metavar="PATH",
        help="grade this file or folder instead of models/: a module, a training script, a "
        "notebook, a saved .keras or .h5 file (may be repeated)",
    )
    add(
        "--submissions",
        metavar="DIR",
        help="grade a class: a folder with one file or folder for each student",
    )
    add(
        "--as",
        metavar="NAME",
        help="the architecture that the submissions are (default: as their file's name says, else "
        "the closest one)",
    )
    add(
        "--train-with",
        default="document",
        metavar="NAME",
        help="document: train submissions by the document's recipe (default); submission: by the "
        "one that their script shows",
    )
    add(
        "--baseline",
        metavar="FILE",
        help="an earlier results.json: a check fails where a network has lost 0.2 percentage "
        "points of accuracy or more since then, not by chance, or has grown; with "
        "--benchmark-only, where its speed-up over Keras has fallen by more than 10 %%",
    )
    add(
        "--benchmark-batch",
        metavar="N",
        help="time training with batches of N images (default: the documented batch size)",
    )
    add(
        "--rubric",
        metavar="FILE",
        help="points for each check, and accuracy bands (default: reference/rubric.toml)",
    )
    add(
        "--grid",
        metavar="FILE",
        help="also run a study of your own: a TOML of variants, as in reference/studies/",
    )
    add(
        "--greek-test",
        metavar="DIR",
        help="with --recipe=documented: also read the Greek letters in this folder, which the "
        "network has not been trained on",
    )


def read_options(config: pytest.Config) -> Options:
    """Returns the options' values.

    Raises:
        UserError: a value that is none of its kind.
    """
    get = config.getoption
    recipe = get("--recipe")
    if recipe not in ("gate", "documented"):
        raise UserError(f"--recipe {recipe}: expected gate or documented")
    dataset = get("--dataset")
    if dataset not in CHOICES:
        raise UserError(f"--dataset {dataset}: expected one of {', '.join(CHOICES)}")
    workers = get("--workers")
    cluster, resources = get(OPTION), get("--cluster-resources")
    values.refuse_without_cluster(cluster, resources, workers)
    mnist_dir = get("--mnist-dir")
    baseline, batch = get("--baseline"), get("--benchmark-batch")
    here = config.invocation_params.dir
    train_with, architecture = get("--train-with"), get("--as")
    if train_with not in ("document", "submission"):
        raise UserError(f"--train-with {train_with}: expected document or submission")
    if architecture is not None and architecture not in names():
        raise UserError(f"--as {architecture}: expected one of {', '.join(names())}")
    submissions = tuple(here / path for path in get("--submission"))
    class_folder = get("--submissions")
    if not submissions and class_folder is None:
        for option, given in (("--as", architecture), ("--train-with", train_with != "document")):
            if given:
                raise UserError(
                    f"{option} is about submissions: expected --submission=PATH or "
                    "--submissions=DIR beside it"
                )
    rubric = get("--rubric")
    graded = bool(submissions) or class_folder is not None
    seeds = get("--seeds")
    if seeds is None:
        seeds = str(DOCUMENTED_SEEDS if recipe == "documented" and not graded else 1)
    grid, greek_test = get("--grid"), get("--greek-test")
    values.refuse_beside(graded, recipe, grid, greek_test)
    return Options(
        dataset=dataset,
        mnist_dir=Path(mnist_dir) if mnist_dir else None,
        recipe=recipe,
        seeds=values.whole("--seeds", seeds, 1, 1000),
        workers=cores() if workers == "auto" else values.whole("--workers", workers, 1, 256),
        report=config.rootpath / get("--report"),
        store=config.rootpath / get("--store"),
        fresh=get("--fresh"),
        baseline=here / baseline if baseline else None,
        benchmark_batch=None
        if batch is None
        else values.whole("--benchmark-batch", batch, 1, 60_000),
        submissions=submissions,
        class_folder=None if class_folder is None else here / class_folder,
        architecture=architecture,
        train_with=train_with,
        rubric=here / rubric if rubric else None,
        grid=None if grid is None else values.study(here / grid),
        greek_test=None if greek_test is None else values.letters(here / greek_test),
        cluster=None if cluster is None else parse(cluster, here),
        cluster_resources={} if resources is None else parse_resources(resources),
    )
