"""The pytest plugin: reads the options, runs one `Session`, writes results.json and the report."""

import contextlib
import shlex
import sys
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from harness.app.grading.baseline_comparison import why_incomparable
from harness.app.grading.options import Options
from harness.app.grading.session import Session
from harness.app.pytest_plugin import baseline_hooks, benchmark_hooks, finish, lookup
from harness.app.pytest_plugin.baseline_hooks import COMPARISON
from harness.app.pytest_plugin.benchmark_hooks import is_benchmark
from harness.app.pytest_plugin.check_results import CHECK_RESULTS, CheckResults
from harness.app.pytest_plugin.lookup import SESSION
from harness.app.pytest_plugin.options import OPTIONS, read_options
from harness.benchmarks.suite import lines
from harness.evaluation import rubric
from harness.evaluation.checking import Failed, Unavailable
from harness.experiments.context import Experiment
from harness.report.schema.results import Baseline, Results
from harness.submissions import discovery
from harness.submissions.subject import PROJECT, Subject, project_subject, submitted
from harness.system.directories import MEND_REPORT, check_space, described, prepare
from harness.system.machine import cores, gpu, numeric_platform, require_installed
from reference import facts as all_facts
from reference.errors import UserError

CHECKS = "checks"
TEST_LOG = "pytest.html"

SUBJECTS = pytest.StashKey[tuple[Subject, ...]]()
EXPERIMENTS = pytest.StashKey[tuple[Experiment, ...]]()
# The content of results.json, and whether it and the report were written.
DOCUMENT = pytest.StashKey[Results]()
WRITTEN = pytest.StashKey[bool]()

# Fixtures of checks that only submissions have, and of those that only the project's own networks
# have: a submission does not decide how it is trained here.
_OF_SUBMISSIONS = frozenset({"submitted_recipe", "own_weights"})
_OF_OURS = frozenset({"measured_range"})

# With these exit codes the results are written.
_COMPLETE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not _runs_checks(config):
        return
    try:
        options = read_options(config)
        require_installed()
        benchmark_hooks.prepare(config, options)
        config.stash[SUBJECTS] = _subjects(options)
        baseline_hooks.prepare(config, options, all_facts.names())
        config.stash[EXPERIMENTS] = _experiments(options)
        check_space(options.report, "--report")
        if not config.option.collectonly:
            prepare(options.report, "--report")
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[OPTIONS] = options
    if not config.option.collectonly and config.pluginmanager.hasplugin("html"):
        # The test log is written beside the report, unless the user names another file.
        config.option.htmlpath = config.option.htmlpath or str(options.report / TEST_LOG)
        config.option.self_contained_html = True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes one test for each subject, and one for each experiment.

    The project's own subjects are named by their files of facts: a deleted module fails its checks.
    """
    stash = metafunc.config.stash
    subjects = [subject.id for subject in stash.get(SUBJECTS, ())]
    experiments = stash.get(EXPERIMENTS, ())
    lookup.parametrize(metafunc, subjects, experiments)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Selects the checks, or with --benchmark-only the benchmarks, which must run alone."""
    if OPTIONS not in config.stash:
        return
    benchmarks = is_benchmark(config)
    trust = {subject.id: subject.trust for subject in config.stash[SUBJECTS]}

    def is_selected(item: pytest.Item) -> bool:
        fixtures = lookup.fixtures(item)
        ours = trust.get(lookup.subject_of(item)) == PROJECT
        return not (
            lookup.is_empty(item, lookup.EXPERIMENT)
            or lookup.is_empty(item, benchmark_hooks.MISSING)
            or baseline_hooks.nothing_to_compare(item)
            or fixtures & (_OF_SUBMISSIONS if ours else _OF_OURS)
        ) and benchmarks == ("benchmark" in fixtures)

    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        (kept if is_selected(item) else left).append(item)
    # Benchmarks run network by network, each of which has its own processes.
    items[:] = sorted(kept, key=lookup.subject_of if benchmarks else lookup.order)
    if left:
        config.hook.pytest_deselected(items=left)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Starts the session: schedules all its work before the first check runs."""
    config = session.config
    items = [item for item in session.items if lookup.subject_of(item)]
    if OPTIONS not in config.stash or not items or config.option.collectonly:
        return
    wanted = {lookup.subject_of(item) for item in items}
    subjects = [subject for subject in config.stash[SUBJECTS] if subject.id in wanted]
    selected = [lookup.experiment_of(item) for item in items]
    experiments = [one for one in config.stash[EXPERIMENTS] if one in selected]
    # An experiment may use any network, and a renamed network of the baseline may be any of them.
    every = experiments or COMPARISON in config.stash
    names = all_facts.names() if every else _architectures(subjects)
    try:
        found = CheckResults(rubric.load(config.stash[OPTIONS].rubric))
        grading = Session(
            config.stash[OPTIONS],
            subjects,
            {name: all_facts.load(name) for name in names},
            lambda line: _tell(config, line),
        )
        config.stash[SESSION] = grading
        config.stash[CHECK_RESULTS] = found
        grading.progress.uncaptured = _uncaptured(config)
        grading.start(train=any(map(lookup.trains, items)), experiments=experiments)
    except UserError as error:
        _stop(config)
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends the run if no worker is left to compute for the remaining checks."""
    grading = item.config.stash.get(SESSION, None)
    if grading is not None and grading.lost is not None:
        pytest.exit(f"ERROR: {grading.lost}", pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds each check to the results, and shows a difference as a sentence, not a traceback."""
    report = yield
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, (Failed, Unavailable, UserError)):
        report.longrepr = str(error)
    found = item.config.stash.get(CHECK_RESULTS, None)
    if found is not None and lookup.subject_of(item):
        found.add(item, report, error)
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
    """Writes results.json and the report: after the test log, before the terminal's summary."""
    config = session.config
    if OPTIONS not in config.stash:
        return (yield)
    try:
        yield
    except OSError as error:
        problem = f"the test log {config.option.htmlpath} cannot be written: {described(error)}"
        _tell(config, f"ERROR: {problem}. {MEND_REPORT}")
        with contextlib.suppress(OSError):  # a half-written log looks like a whole one
            Path(config.option.htmlpath).unlink()
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
    if SESSION not in config.stash:
        return None
    grading, benchmarked = config.stash[SESSION], is_benchmark(config)
    try:
        if session.shouldfail or session.shouldstop:
            # After -x or --maxfail the user should not wait for hours of training.
            grading.stop_experiments()
        if exitstatus in _COMPLETE:
            if grading.lost is not None:
                raise grading.lost
            document = finish.conclude(
                grading,
                config.stash[CHECK_RESULTS],
                command=_command(),
                passed=exitstatus == pytest.ExitCode.OK,
                benchmarked=benchmarked,
                baseline=_baseline(config, grading),
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
            "Interrupted. Finished training runs are kept: run the same command to continue."
        )
    elif DOCUMENT in config.stash:
        for line in lines(list(config.stash[CHECK_RESULTS].benchmarks.values())):
            terminalreporter.write_line(line)
        # Name the report only if this run wrote it.
        written = config.stash.get(WRITTEN, False)
        page = config.stash[OPTIONS].report / finish.PAGE if written else None
        document = config.stash[DOCUMENT]
        for line in finish.summary(document, page, benchmarked=is_benchmark(config)):
            terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    _stop(config)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Adds what a comparison of benchmarks must know about the machine."""
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
    """Returns the submissions if any are given, else the project's own modules.

    Raises:
        UserError: a submission does not exist.
    """
    known = all_facts.names()
    if not options.grades_submissions:
        return tuple(project_subject(name) for name in known)
    entries = discovery.find(options.submissions, options.class_folder)
    return tuple(submitted(entries, options.architecture, known))


def _experiments(options: Options) -> tuple[Experiment, ...]:
    """Returns the experiments that the options ask for.

    Raises:
        UserError: the study in --grid cannot be used.
    """
    if not options.experiments:
        return ()
    # Imported only if it is needed: it takes time, and most collections have no experiments.
    from harness.experiments import catalogue  # noqa: PLC0415

    documented = options.recipe == "documented"
    return catalogue.experiments(all_facts.names(), documented=documented, grid=options.grid)


def _architectures(subjects: Iterable[Subject]) -> list[str]:
    """Returns the architectures that may be graded: all, if one has to be found out."""
    named = {subject.architecture for subject in subjects}
    return [name for name in all_facts.names() if None in named or name in named]


def _tell(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.ensure_newline()
        writer = config.get_terminal_writer()
        if writer.width_of_current_line:  # with -q, ensure_newline does nothing
            writer.line()
        reporter.write_line(line)
        reporter.flush()  # so that a log can be followed


def _uncaptured(config: pytest.Config) -> Any:
    capture = config.pluginmanager.getplugin("capturemanager")
    return capture.global_and_fixture_disabled


def _command() -> str:
    """Returns the command as typed, without the path of the program."""
    return shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "pytest"), *sys.argv[1:]])


def _baseline(config: pytest.Config, grading: Session) -> Baseline | None:
    """Returns `baseline` of results.json, once the checks have run; None without --baseline."""
    found = config.stash.get(COMPARISON, None)
    return None if found is None else found.to_json(why_incomparable(found, grading))


def _stop(config: pytest.Config) -> None:
    grading = config.stash.get(SESSION, None)
    if grading is not None:
        grading.stop()
