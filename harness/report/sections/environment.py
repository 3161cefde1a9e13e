"""The machine, the versions and the isolation of a run."""

from collections.abc import Sequence
from hashlib import sha256

from harness.report.schema import results as schema
from harness.report.text import formatting


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _weights(subjects: Sequence[schema.Subject]) -> str:
    """One digest of all trained weights, whatever the order: two runs that agree are the same."""
    runs = [run for subject in subjects for run in subject.runs]
    digests = sorted(run.weights_sha256 for run in runs if run.weights_sha256)
    return sha256("".join(digests).encode()).hexdigest() if digests else ""


def environment(results: schema.Results) -> tuple[tuple[str, str], ...]:
    given = results.environment
    cpu = given.cpu or ""
    if given.cores:
        cpu += f"{', ' if cpu else ''}{_number(given.cores, 'core')}"
    memory = "" if given.memory_bytes is None else f"{given.memory_bytes / 1e9:.1f} GB"
    rows = (
        ("Processor", cpu),
        ("Instruction sets", ", ".join(given.flags[:24])),
        ("Training", _training(given)),
        ("Memory", memory),
        ("GPU", given.gpu or "none"),
        ("System", given.os),
        ("Python", given.python),
        *_packages(given),
        ("Isolation", given.isolation),
        ("Commit", given.commit),
        ("Data from", results.dataset.source),
        ("Data digest", results.dataset.digest),
        ("Weights digest", _weights(results.subjects)),
    )
    return tuple((label, text) for label, text in rows if text)


def _training(given: schema.Environment) -> str:
    """Who trained, and how many at once."""
    cluster = given.cluster
    if cluster is not None:
        plain = "" if cluster.encrypted else ", what was sent was not encrypted"
        return (
            f"on a Dask cluster ({cluster.dask}): {_number(cluster.workers or 0, 'worker')}, "
            f"{cluster.threads} at once, {', '.join(cluster.cpus)}{plain}"
        )
    workers = _number(given.workers, "worker") if given.workers else ""
    threads = _number(given.threads, "thread") if given.threads else ""
    return f"{workers}{' of ' if workers and threads else ''}{threads}"


# As many as a reader may care for; requirements.txt and the lock file have more room.
_LISTED = 24


def _packages(given: schema.Environment) -> tuple[tuple[str, str | None], ...]:
    """Which versions the run used; of older files, only those three are known."""
    if not given.packages:
        return (
            ("TensorFlow", given.tensorflow), ("Keras", given.keras), ("NumPy", given.numpy),
        )  # fmt: skip
    packages = sorted(given.packages.items())
    known = [f"{name}{formatting.WIDE}{version}" for name, version in packages]
    return ("Packages", _listed(known)), ("Lock file", _as_locked(given.lock))


def _as_locked(lock: schema.Lock | None) -> str:
    if lock is None:
        return "none: other versions may be installed next time"
    file = lock.file or "the lock file"
    mark = f" (SHA-256 {lock.sha256[:12]}…)" if lock.sha256 else ""
    if not lock.differences:
        return f"as locked: the packages are those of {file}{mark}"
    differ = [
        f"{found.package} {found.installed or 'is not installed'}"
        f" (locked: {found.locked or 'unknown'})"
        for found in lock.differences
    ]
    return f"not as locked in {file}{mark}: {_listed(differ)}"


def _listed(items: Sequence[str]) -> str:
    more = len(items) - _LISTED
    return ", ".join(items[:_LISTED]) + (f" and {more} more" if more > 0 else "")
