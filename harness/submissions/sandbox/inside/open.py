"""Opens one submission, in a process of its own inside the sandbox.

The process reads its request, runs the submission in a folder that holds its files and nothing
else, writes the answer (the networks as data, never a verdict) and ends. From the first line of
the submission on, nothing in this process can be trusted: all that it holds is one pipe for its
answer and another for what it prints, and the trusted side checks all that comes out of them.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn, TypedDict

from harness.submissions.sandbox.inside import (
    capture,
    fake_loaders,
    fake_modules,
    find_network,
    keras2_calls,
    keras2_names,
    run_script,
    saved_model,
    seccomp,
)
from harness.submissions.sandbox.inside.describe import NetworkRow
from harness.submissions.sandbox.inside.fake_loaders import pictures
from harness.submissions.sandbox.inside.limits import PROJECT_ROOT, Limits, apply
from harness.submissions.sandbox.inside.notes import MAX_MESSAGE, Note, Notes, Source

# What each descriptor is in this process; it has no others.
LOG, ANSWER, REQUEST = 1, 3, 4
_ENVIRONMENT_OF_FOLDER = ("HOME", "TMPDIR", "TMP", "TEMP")


class Document(TypedDict):
    """The answer to the trusted side."""

    networks: list[NetworkRow]
    notes: list[Note]
    error: run_script.Problem | None


# What scripts import, brought in once for all of them. None of it runs an operation.
_PRELOADED = (
    "tensorflow.keras",
    "keras.src.legacy.preprocessing.image",
    "keras.src.legacy.backend",
    "sklearn.datasets",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.preprocessing",
    "sklearn.utils",
    "matplotlib.pyplot",
)
_TREE = "keras._tf_keras.keras"
_OWN_LOOP = b"GradientTape"


# The process ------------------------------------------------------------------------------------


def arrange(log: int, answer: int, request: int, *others: int) -> None:
    """Makes these descriptors 1 and 2, 3, 4, 5, … and closes all else that this process has."""
    wanted = [os.open(os.devnull, os.O_RDWR), log, log, answer, request, *others]
    # First out of each other's way.
    aside = [_copy_above(descriptor, 64) for descriptor in wanted]
    for number, descriptor in enumerate(aside):
        os.dup2(descriptor, number)
    os.closerange(len(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _copy_above(descriptor: int, least: int) -> int:
    import fcntl  # noqa: PLC0415  (nothing else here needs it)

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD, least)


def live(limits: Limits, folder: str) -> NoReturn:
    """Runs the submission and ends the process; called after `arrange`.

    Args:
        folder: its home and its place for temporary files: its own, and empty.
    """
    try:
        for number in (signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.environ.update(dict.fromkeys(_ENVIRONMENT_OF_FOLDER, folder))
        tempfile.tempdir = None
        work = Path(folder, "work")
        work.mkdir()
        os.chdir(work)
        main = _unpack(REQUEST)
        os.close(REQUEST)
        apply(limits)
        seccomp.refuse()
        _answer(main)
    except BaseException:  # noqa: BLE001  (its last words, for the log)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        # No handler, no `atexit` hook, no flush of a script's buffers: the process ends here.
        os._exit(0)


def _answer(main: str) -> None:
    try:
        document, payload = open_submission(main)
    except MemoryError:
        error = {"stage": "run", "message": "MemoryError"}
        document, payload = Document(networks=[], notes=[], error=error), b""
    data = json.dumps(document).encode() + b"\n" + payload
    while data:
        data = data[os.write(ANSWER, data[: 1 << 20]) :]


def _unpack(descriptor: int) -> str:
    """Writes the request's files into the current folder; returns the main one's name.

    The trusted side has checked the names; here they are checked again.
    """
    with os.fdopen(os.dup(descriptor), "rb") as request:
        request.seek(0)
        header = json.loads(request.readline())
        for name, size in header["files"]:
            path = Path(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"not a name of a file: {name!r}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                left = size
                while left:
                    left -= file.write(request.read(min(left, 1 << 20)))
    return str(header["main"])


# The submission ---------------------------------------------------------------------------------


def preload() -> None:
    """Imports what submissions use and makes the images, for every fork to share."""
    os.environ["MPLBACKEND"] = "Agg"
    for name in _PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for info in pkgutil.walk_packages(sys.modules[_TREE].__path__, _TREE + "."):
        importlib.import_module(info.name)
    # `tf.keras` and `tensorflow.keras` would be two copies of the same modules.
    for name, module in list(sys.modules.items()):
        if name == _TREE or name.startswith(_TREE + "."):
            sys.modules["tensorflow.keras" + name.removeprefix(_TREE)] = module
    if "tensorflow" in sys.modules:
        vars(sys.modules["tensorflow"])["keras"] = sys.modules[_TREE]
    pictures()


def open_submission(main: str) -> tuple[Document, bytes]:
    """Opens the submission in the current folder.

    Args:
        main: the file to open or to run: .py, .ipynb, .keras, .h5 or .hdf5.

    Returns:
        {"networks": [...], "notes": [...], "error": None | {"stage", "message"}} as data for JSON,
        and the weights of a saved network.
    """
    preload()
    notes = Notes(Source(main, Path.cwd()))
    networks: list[NetworkRow] = []
    payload = b""
    error: run_script.Problem | None = None
    if main.lower().endswith((".keras", ".h5", ".hdf5")):
        try:
            network, payload = saved_model.open_file(main)
            networks = [network]
        except saved_model.Unopenable as problem:
            error = {"stage": "open", "message": str(problem)}
    else:
        captures = capture.Captures(notes)
        clock = run_script.Clock()
        captures.on_first = clock.first_fit
        _prepare(captures)
        names, stopped = run_script.run(main, notes, clock)
        error = _conclude(main, names, captures, stopped)
        networks = captures.rows
    if error is not None:
        error = {"stage": error["stage"], "message": error["message"][:MAX_MESSAGE]}
    return {"networks": networks, "notes": notes.rows, "error": error}, payload


def _prepare(captures: capture.Captures) -> None:
    """Installs the replacements that a script needs."""
    root = str(PROJECT_ROOT)
    here = str(Path.cwd())
    # The submission's files come first; the grader's are hidden.
    sys.path[:] = [here, *(path for path in sys.path if path not in {"", root, here})]
    fake_loaders.install()
    fake_modules.install(captures.notes)
    keras2_calls.install(captures.notes)
    capture.install(captures)
    keras2_names.install(captures.notes)


def _conclude(
    main: str,
    names: dict[str, object],
    captures: capture.Captures,
    problem: run_script.Problem | None,
) -> run_script.Problem | None:
    """Finds the networks of a script that fitted none; returns the problem to report, if any."""
    ended = problem is not None and problem["stage"] == "end"
    if captures.rows:
        return None if ended else problem  # `sys.exit()` after a fit is as good an end as any
    if captures.problem is not None:
        return {"stage": "build", "message": captures.problem}
    if problem is not None and not ended:
        with contextlib.suppress(find_network.NoNetwork):
            find_network.object_of(names, captures)
        return problem
    try:
        find_network.network_of(names, main, captures)
    except find_network.NoNetwork as error:
        if problem is not None and error.stage == "interface":
            return {"stage": "run", "message": problem["message"]}
        return {"stage": error.stage, "message": str(error)}
    source = captures.notes.source
    with contextlib.suppress(OSError):  # it may have moved to another folder, or removed itself
        if _OWN_LOOP in Path(source.folder, source.main).read_bytes():
            captures.notes.add(
                "never_fitted",
                "model.fit() was never called: a training loop of your own is not followed, so the "
                "recipe is not known. The network was taken as the script left it.",
            )
    return None
