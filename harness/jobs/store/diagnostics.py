"""Why a job failed that was not to blame: what it needs was taken away, or cannot be written."""

from pathlib import Path

from harness.data.shared_arrays import open_published
from harness.jobs.store.store import Store
from harness.system.directories import prepare
from reference.errors import UserError


def trouble(store: Store, data: Path, digest: str | None) -> str | None:
    """Looks at the store, after something went wrong.

    Args:
        data: folder of the published arrays.
        digest: which of them the job used; None for none.

    Returns:
        What is wrong, as a sentence that says what to do; None where nothing is.
    """
    if not all(folder.is_dir() for folder in (store.root, data, store.root / "logs")):
        return removed(store.root)
    try:
        prepare(store.root, "--store")
    except UserError as error:
        return str(error)
    if digest is None:
        return None
    try:
        open_published(data, digest)
    except (OSError, ValueError):
        return (
            f"the stored images in {data / digest} were removed or damaged while the run was under "
            "way. Run the same command again: it stores them anew."
        )
    return None


def removed(root: Path) -> str:
    """Says that the store is gone, as a whole or in part."""
    return (
        f"the store {root}, or a part of it, was removed while the run was under way. Run the same "
        "command again: it makes anew what is missing. Delete nothing there while a run goes on."
    )
