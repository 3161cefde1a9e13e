"""The pytest plugin: options in, one `Session` and its `Ledger`, results.json and report out."""

from __future__ import annotations

import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.grading.session import Session
from harness.app.pytest_plugin import baseline as baselines
from harness.app.pytest_plugin import benchmarks as bench
from harness.app.pytest_plugin import finish, selection
from harness.app.pytest_plugin.benchmarks import is_benchmark
from harness.app.pytest_plugin.check_results import Ledger
from harness.app.pytest_plugin.options import read_options
from harness.app.pytest_plugin.stash_keys import (
    DOCUMENT,
    EXPERIMENTS,
    LEDGER,
    OPTIONS,
    SESSION,
    SUBJECTS,
    WRITTEN,
)
from harness.benchmarks.suite import lines
from harness.evaluation import rubric
from harness.evaluation.checking import Failed, Unavailable
from harness.submissions import discovery
from harness.submissions.subject import PROJECT, Subject, project_subject, submitted
from harness.system.directories import MEND_REPORT, check_space, described, prepare
from harness.system.machine import cores, gpu, numeric_platform, require_installed
from reference import facts as all_facts
from reference.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from harness.app.grading.options import Options
    from harness.experiments.context import Experiment

CHECKS = "checks"
TEST_LOG = "pytest.html"

# Fixtures of what only a stranger's script or saved file has.
_OF_SUBMISSIONS = frozenset({"submitted_recipe", "own_weights"})

# Fixtures of what only the project's own networks are asked: whoever submits a network has no part
# in how it is trained here.
_OF_OURS = frozenset({"measured_range"})


# After these, what was found is written.
_COMPLETE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not _runs_checks(config):
        return
    try:
        options = read_options(config)
        require_installed()
        bench.prepare(config, options)
        config.stash[SUBJECTS] = _subjects(options)
        baselines.prepare(config, options, all_facts.names())
        config.stash[EXPERIMENTS] = _experiments(options)
        check_space(options.report, "--report")
        if not config.option.collectonly:
            prepare(options.report, "--report")
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[OPTIONS] = options
    if not config.option.collectonly and config.pluginmanager.hasplugin("html"):
        # Its log lies beside our report, unless the user wants it elsewhere.
        config.option.htmlpath = config.option.htmlpath or str(options.report / TEST_LOG)
        config.option.self_contained_html = True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each subject, and one for each experiment.

    Subjects are the submissions, or else the files of facts, so that one of the project's modules
    that was deleted fails, not vanishes.
    """
    stash = metafunc.config.stash
    subjects = [subject.id for subject in stash.get(SUBJECTS, ())]
    experiments = stash.get(EXPERIMENTS, ())
    selection.parametrize(metafunc, subjects, experiments)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Benchmarks run when they are asked for, alone: anything beside them would disturb them."""
    if OPTIONS not in config.stash:
        return
    timed: list[pytest.Item] = []
    other: list[pytest.Item] = []
    idle: list[pytest.Item] = []
    trust = {subject.id: subject.trust for subject in config.stash[SUBJECTS]}
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        ours = trust.get(selection.subject_of(item)) == PROJECT
        empty = (
            bench.nothing_missing(item)
            or selection.nothing_to_try(item)
            or baselines.nothing_to_compare(item)
        )
        if empty or fixtures & (_OF_SUBMISSIONS if ours else _OF_OURS):
            idle.append(item)
        else:
            (timed if "benchmark" in fixtures else other).append(item)
    kept, left = (timed, other + idle) if is_benchmark(config) else (other, timed + idle)
    # Benchmarks go network by network, each of which has processes of its own.
    by_network = is_benchmark(config)
    kept.sort(key=selection.subject_of if by_network else selection.order)
    items[:] = kept
    if left:
        config.hook.pytest_deselected(items=left)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Schedules all the work before the first check runs."""
    config = session.config
    items = [item for item in session.items if selection.subject_of(item)]
    if OPTIONS not in config.stash or not items or config.option.collectonly:
        return
    wanted = {selection.subject_of(item) for item in items}
    subjects = [subject for subject in config.stash[SUBJECTS] if subject.id in wanted]
    selected = [selection.experiment_of(item) for item in items]
    experiments = [one for one in config.stash[EXPERIMENTS] if one in selected]
    # An experiment may use any of the networks, and one that was renamed may be any of them.
    every = experiments or baselines.compares(config)
    names = all_facts.names() if every else _architectures(subjects)
    try:
        ledger = Ledger(rubric.load(config.stash[OPTIONS].rubric))
        grading = Session(
            config.stash[OPTIONS],
            subjects,
            {name: all_facts.load(name) for name in names},
            lambda line: _tell(config, line),
        )
        config.stash[SESSION] = grading
        config.stash[LEDGER] = ledger
        grading.progress.uncaptured = _uncaptured(config)
        grading.start(train=any(map(selection.trains, items)), experiments=experiments)
    except UserError as error:
        _stop(config)
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """No check that is left can be told, once there is nothing to compute with."""
    grading = item.config.stash.get(SESSION, None)
    if grading is not None and grading.lost is not None:
        pytest.exit(f"ERROR: {grading.lost}", pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Enters each check in the ledger, and shows a difference as a sentence, not a traceback."""
    report = yield
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, (Failed, Unavailable, UserError)):
        report.longrepr = str(error)
    ledger = item.config.stash.get(LEDGER, None)
    if ledger is not None and selection.subject_of(item):
        ledger.enter(item, report, error)
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
    """Ends the session: after the test log is written, before the terminal's summary is.

    Writing the log may fail as ours may; the summary speaks of what is written here.
    """
    config = session.config
    if OPTIONS not in config.stash:
        return (yield)
    try:
        yield
    except OSError as error:
        problem = f"the test log {config.option.htmlpath} cannot be written: {described(error)}"
        _tell(config, f"ERROR: {problem}. {MEND_REPORT}")
        with contextlib.suppress(OSError):  # half of one would pass for a log
            Path(config.option.htmlpath).unlink()
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
    if SESSION not in config.stash:
        return None
    grading, benchmarked = config.stash[SESSION], is_benchmark(config)
    try:
        if session.shouldfail or session.shouldstop:
            # The user wants the end, by -x or --maxfail, and not to wait for hours of training.
            grading.stop_experiments()
        if exitstatus in _COMPLETE:
            if grading.lost is not None:
                raise grading.lost
            document = finish.conclude(
                grading,
                config.stash[LEDGER],
                command=_command(),
                passed=exitstatus == pytest.ExitCode.OK,
                benchmarked=benchmarked,
                baseline=baselines.document(config),
            )
            config.stash[DOCUMENT] = document
            finish.write(document, grading, benchmarked=benchmarked)
            config.stash[WRITTEN] = True
    except UserError as error:
        _tell(config, f"ERROR: {error}")
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
    finally:
        _stop(config)
    grading.progress.flush()
    for loss in grading.losses() if exitstatus in _COMPLETE else ():
        _tell(config, f"ERROR: {loss}")
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
    return None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    if exitstatus == pytest.ExitCode.INTERRUPTED and SESSION in config.stash:
        terminalreporter.write_line(
            "Interrupted. Finished runs are kept: the same command goes on from there."
        )
    elif DOCUMENT in config.stash:
        for line in lines(list(config.stash[LEDGER].benchmarks.values())):
            terminalreporter.write_line(line)
        # Of this run, not what another has left in the folder.
        written = config.stash.get(WRITTEN, False)
        page = config.stash[OPTIONS].report / finish.PAGE if written else None
        document = config.stash[DOCUMENT]
        for line in finish.summary(document, page, benchmarked=is_benchmark(config)):
            terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    _stop(config)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """What pytest-benchmark does not know about the machine, and a comparison must."""
    machine_info["grading"] = {**numeric_platform(), "threads": cores(), "gpu": gpu()}


@pytest.hookimpl(optionalhook=True)
def pytest_html_report_title(report: Any) -> None:
    report.title = "Test log"


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix: list[str]) -> None:
    prefix.append('<p><a href="index.html">The grading report</a></p>')


def _runs_checks(config: pytest.Config) -> bool:
    checks = config.rootpath / CHECKS
    paths = [Path(str(arg).split("::")[0]) for arg in config.args]
    resolved = [(config.invocation_params.dir / path).resolve() for path in paths]
    return any(path == checks or checks in path.parents or path in checks.parents
               for path in resolved)  # fmt: skip


def _subjects(options: Options) -> tuple[Subject, ...]:
    """What is graded: submissions, where there are any, else the project's own modules.

    Raises:
        UserError: a submission that is not there.
    """
    known = all_facts.names()
    if not options.grades_submissions:
        return tuple(project_subject(name) for name in known)
    entries = discovery.find(options.submissions, options.class_folder)
    return tuple(submitted(entries, options.architecture, known))


def _experiments(options: Options) -> tuple[Experiment, ...]:
    """What is done besides.

    Raises:
        UserError: a study that cannot be used.
    """
    if not options.experiments:
        return ()
    # Not before it is needed: most collections do without.
    from harness.experiments import catalogue  # noqa: PLC0415

    documented = options.recipe == "documented"
    return catalogue.experiments(all_facts.names(), documented=documented, grid=options.grid)


def _architectures(subjects: Iterable[Subject]) -> list[str]:
    """Returns whose facts are needed: all, when a network is to be recognised by them."""
    named = {subject.architecture for subject in subjects}
    return [name for name in all_facts.names() if None in named or name in named]


def _tell(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.ensure_newline()
        writer = config.get_terminal_writer()
        if writer.width_of_current_line:  # with -q, the line above sees to nothing
            writer.line()
        reporter.write_line(line)
        reporter.flush()  # a log is read while it grows


def _uncaptured(config: pytest.Config) -> Any:
    capture = config.pluginmanager.getplugin("capturemanager")
    return capture.global_and_fixture_disabled


def _command() -> str:
    """The command as typed, without the machine's paths."""
    return shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "pytest"), *sys.argv[1:]])


def _stop(config: pytest.Config) -> None:
    grading = config.stash.get(SESSION, None)
    if grading is not None:
        grading.stop()
