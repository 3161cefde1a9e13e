"""Values of options: read, or refused with what was expected. All raise `UserError`."""

from pathlib import Path

from reference.errors import UserError


def refuse_beside(graded: bool, recipe: str, grid: str | None, greek_test: str | None) -> None:
    """Experiments are made with the project's own networks, and most with the documents' recipe."""
    for option, given in (("--grid", grid), ("--greek-test", greek_test)):
        if given is not None and graded:
            raise UserError(
                f"{option} is about the project's own networks: leave out --submission and "
                "--submissions"
            )
    if greek_test is not None and recipe != "documented":
        raise UserError(
            "--greek-test is about the transfer that the document describes: expected "
            "--recipe=documented beside it"
        )


def refuse_without_cluster(cluster: str | None, resources: str | None, workers: str) -> None:
    """A cluster has workers of its own; what is asked of them is asked of a cluster."""
    if cluster is not None and workers != "auto":
        raise UserError(
            "--workers is about this machine, and with --cluster its workers train: leave out one"
        )
    if resources is not None and cluster is None:
        raise UserError(
            "--cluster-resources is about the workers of a cluster: expected --cluster=ADDRESS "
            "beside it"
        )


def study(path: Path) -> Path:
    """Returns the path of a study's declaration, which is there."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(
            f"--grid {path} {found}: expected a TOML file that declares a study; those in "
            "reference/studies/ are examples to copy"
        )
    return path


def letters(path: Path) -> Path:
    """Returns the path of a folder of letters, which is there."""
    if not path.is_dir():
        found = "is no folder" if path.exists() else "does not exist"
        raise UserError(
            f"--greek-test {path} {found}: expected a folder with a folder of pictures for each "
            "letter: alpha, beta and gamma"
        )
    return path


def whole(option: str, text: str, least: int, most: int) -> int:
    """Returns an option's whole number."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise UserError(f"{option} {text}: expected a whole number from {least} to {most}")
    return value
