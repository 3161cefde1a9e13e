"""MNIST from a folder that the user names: four IDX files or one mnist.npz."""

from pathlib import Path

from harness.data.dataset import PARTS, Arrays, Bytes, Identity, verified
from harness.data.idx import read_idx
from harness.data.npz import read_npz
from reference.errors import UserError

NPZ_NAME = "mnist.npz"
_STEMS = {
    "train_images": ("train-images", "idx3-ubyte"),
    "train_labels": ("train-labels", "idx1-ubyte"),
    "test_images": ("t10k-images", "idx3-ubyte"),
    "test_labels": ("t10k-labels", "idx1-ubyte"),
}


def idx_names(part: str) -> tuple[str, ...]:
    """Returns the names a part's IDX file may have, the canonical one first.

    Some mirrors distribute the files with a dot in place of the second hyphen.
    """
    stem, kind = _STEMS[part]
    return tuple(f"{stem}{mark}{kind}{end}" for mark in "-." for end in (".gz", ""))


def read_folder(folder: Path, origin: str, identity: Identity) -> tuple[Arrays, str]:
    """Returns MNIST and a few words on its source.

    The IDX files are taken where all four are there, otherwise mnist.npz. `origin` is where
    the user named the folder: an option or a variable.

    Raises:
        UserError: the folder or a file in it is missing, unreadable, damaged or not MNIST.
    """
    names = _listing(folder, origin)
    files = {part: _first(folder, idx_names(part), names) for part in PARTS}
    found = {part: file for part, file in files.items() if file is not None}
    advice = (
        f"Put an unaltered copy there, name another folder with {origin}, "
        f"or {without(origin)} to have MNIST looked for elsewhere."
    )
    if len(found) == len(PARTS):
        parts = {part: read_idx(file, _dimensions(part)) for part, file in found.items()}
        return verified(identity, parts, lambda part: str(found[part]), advice), "IDX files"
    archive = folder / NPZ_NAME
    if NPZ_NAME in names:
        return read_archive(archive, str(archive), identity, advice), NPZ_NAME
    missing = [idx_names(part)[0] for part in PARTS if part not in found]
    state = f"lacks {', '.join(missing)}" if names else "is empty"
    raise UserError(
        f"{origin}: the folder {folder} {state}. It should hold the four files "
        f"{', '.join(idx_names(part)[0] for part in PARTS)} (with or without .gz), or "
        f"{NPZ_NAME}. {advice}"
    )


def read_archive(content: Path | bytes, where: str, identity: Identity, advice: str) -> Arrays:
    """Returns MNIST from an .npz archive (a path, or the bytes of one).

    Raises:
        UserError: unreadable, damaged or not MNIST; the message names `where`.
    """
    parts: dict[str, Bytes] = read_npz(content, where, identity)
    return verified(identity, parts, lambda _: where, advice)


def without(origin: str) -> str:
    """Returns how to take back the option or variable `origin`."""
    return f"leave {origin} out" if origin.startswith("-") else f"unset {origin}"


def _listing(folder: Path, origin: str) -> set[str]:
    try:
        return {entry.name for entry in folder.iterdir()}
    except FileNotFoundError as error:
        state = "does not exist"
        cause: OSError = error
    except NotADirectoryError as error:
        state = "is a file, but should be a folder"
        cause = error
    except OSError as error:
        state = f"cannot be read ({error.strerror or error})"
        cause = error
    raise UserError(
        f"{origin}: {folder} {state}. Name a folder that holds MNIST's four IDX files or "
        f"{NPZ_NAME}, or {without(origin)} to have MNIST looked for elsewhere."
    ) from cause


def _first(folder: Path, candidates: tuple[str, ...], names: set[str]) -> Path | None:
    return next((folder / name for name in candidates if name in names), None)


def _dimensions(part: str) -> int:
    return 3 if part.endswith("images") else 1
