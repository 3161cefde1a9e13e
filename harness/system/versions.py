"""Which versions of other people's packages a run uses, and whether they are the locked ones.

`requirements.txt` says which packages there are and which versions will do; `requirements.lock`,
which version of each of them, and of all that they need, gradings are repeated with.
"""

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

REQUIREMENTS = PROJECT_ROOT / "requirements.txt"
LOCK = PROJECT_ROOT / "requirements.lock"

_EXPECTED = "such as `numpy==2.4.6`. The file belongs to the project: put it back as it was."


def parsed(text: str, where: str) -> tuple["Requirement", ...]:
    """Returns what a requirements file asks for, without its options, hashes and comments.

    Args:
        where: the file's name, for messages.

    Raises:
        UserError: a line is not a requirement.
    """
    # Imported where it is needed: processes that only compute should not pay for it.
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415

    joined = text.replace("\\\n", " ").splitlines()
    bare = (line.partition("#")[0].partition(" --")[0].strip() for line in joined)
    found = []
    for line in bare:
        if line and not line.startswith("-"):
            try:
                found.append(Requirement(line))
            except InvalidRequirement:
                raise UserError(f"{where}: `{line}` is not a requirement, {_EXPECTED}") from None
    return tuple(found)


@cache
def required() -> tuple[str, ...]:
    """The names of the packages of requirements.txt, in its order.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        text = REQUIREMENTS.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{REQUIREMENTS} cannot be read: {error.strerror}. It says which packages the grader "
            "needs and belongs to the project: put it back as it was."
        ) from None
    return tuple(requirement.name for requirement in parsed(text, REQUIREMENTS.name))


def describe() -> dict[str, Any]:
    """Returns `packages` and `lock` of the `environment` of results.json.

    Raises:
        UserError: requirements.txt cannot be read, or one of the two files has another form.
    """
    found = {name: installed(name) for name in required()}
    return {"packages": {n: v for n, v in found.items() if v is not None}, "lock": _lock()}


def installed(package: str) -> str | None:
    """The version of a package that this Python would import; None without one."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _lock() -> dict[str, Any] | None:
    try:
        content = LOCK.read_bytes()
    except OSError:  # grading does not need it; only this cannot be said then
        return None
    applicable = [
        entry
        for entry in parsed(content.decode("utf-8", "replace"), LOCK.name)
        if entry.marker is None or entry.marker.evaluate()
    ]
    return {
        "file": LOCK.name,
        "sha256": sha256(content).hexdigest(),
        "packages": len(applicable),
        "differences": differences(applicable),
    }


def differences(locked: Iterable["Requirement"]) -> list[dict[str, str | None]]:
    """Returns the packages whose installed version is not the locked one.

    Each has `package`, `locked` and `installed`, the latter None where it is not installed. What is
    installed besides the locked packages is not looked at.

    Raises:
        UserError: an entry does not say one version exactly.
    """
    from packaging.version import Version  # noqa: PLC0415

    found = []
    for entry in locked:
        pins = list(entry.specifier)
        if [pin.operator for pin in pins] != ["=="]:
            raise UserError(f"{LOCK.name}: `{entry}` is not an exact version, {_EXPECTED}")
        locked_version, there = pins[0].version, installed(entry.name)
        if there is None or Version(there) != Version(locked_version):
            found.append({"package": entry.name, "locked": locked_version, "installed": there})
    return found
