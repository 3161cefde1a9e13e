"""One grading session: computes everything that the checks need, once, in the background.

The checks run in pytest's process and wait here for specs, records and verifications. The sandbox
and the worker processes compute them; all work is scheduled before the first check.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from harness.app.grading import robustness
from harness.app.grading.options import Options
from harness.app.grading.training import Training, Trainings, recipe_of
from harness.data import DataRequest, Dataset, load, publish
from harness.evaluation import gates
from harness.evaluation.evidence.alarms import calibrated_range
from harness.evaluation.evidence.pairwise import MAX_ANALYSED
from harness.evaluation.results import CheckResult, SubjectOutcome
from harness.experiments.context import Experiment, ExperimentContext, Setting
from harness.experiments.runner import ExperimentRunner, Finished
from harness.jobs.cluster.workers import ClusterWorkers
from harness.jobs.kinds.base import Job
from harness.jobs.kinds.errors import JobFailed, WorkersLost
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.jobs.kinds.verify import Verification
from harness.jobs.local.workers import Computing, Workers
from harness.jobs.progress import Progress
from harness.jobs.run_once import RunOnce
from harness.jobs.runner import Runs
from harness.jobs.store import maintenance
from harness.jobs.store.locks import Locks
from harness.jobs.store.record import Record
from harness.jobs.store.store import INCOMING, Store
from harness.network.recipe import Recipe
from harness.submissions.opened import OpenedSubmission
from harness.submissions.opener import Opener, OpeningPool
from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.isolation import strongest
from harness.submissions.subject import Subject, project_subject
from harness.system.directories import prepare
from harness.system.failure import BuildFailure
from harness.system.machine import describe
from reference import calibration
from reference.facts import Facts

T = TypeVar("T")

# On a cluster a verification is a job like others, so that its thread only waits.
_VERIFIED_AT_ONCE = 32


class Session:
    """Opens, trains and verifies the subjects.

    Args:
        facts: by architecture.
        tell: shows a line to the user.

    Raises:
        UserError: a folder cannot be used.
    """

    def __init__(
        self,
        options: Options,
        subjects: Iterable[Subject],
        facts: Mapping[str, Facts],
        tell: Callable[[str], None],
    ) -> None:
        self.options = options
        self.subjects = {subject.id: subject for subject in subjects}
        self.facts = facts
        self.progress = Progress(tell)
        self.tell = tell
        prepare(options.report, "--report")
        prepare(options.store, "--store")
        self._locks = Locks(options.store, self.progress.note)
        self._sweep()
        for name in ("records", INCOMING, "logs", "data"):
            prepare(options.store / name, "--store")
        store = Store(options.store, self.progress.note)
        self.logs = maintenance.logs(options.store, self._locks.place())
        self._data_folder = options.store / "data"
        isolation = strongest()
        self.environment = describe(options.workers, isolation.sentence)
        self._workers = self._computing()
        self._extractor = Sandbox(isolation, self.logs / "sandbox.log")
        self._will_train = False
        opener = Opener(self._extractor, store, facts, fresh=options.fresh, before=self._warm_up)
        self._networks = OpeningPool(opener, self.progress, options.workers)
        self._work = Runs(
            RunOnce(store, self._locks, self.progress.note),
            self._data_folder,
            self._workers,
            self.progress,
            fresh=options.fresh,
            verifying=1 if options.cluster is None else _VERIFIED_AT_ONCE,
        )
        self._trainings: Trainings | None = None
        self._running: ExperimentRunner | None = None
        self.data: Dataset | None = None
        self.calibration = calibration.DOCUMENTED  # until the data are known
        self.trains = False

    # Results for the checks -----------------------------------------------------------------

    def threshold(self, facts: Facts) -> float:
        """Returns the accuracy that one run of a network must reach on this session's data."""
        return gates.threshold(facts, self.calibration)

    @property
    def lost(self) -> WorkersLost | None:
        """Returns why no worker can compute any more; None while they can."""
        return self._workers.lost

    @property
    def dataset(self) -> Dataset:
        """Returns the data set, once `start` has loaded it."""
        if self.data is None:
            raise RuntimeError("the session has not been started with training")
        return self.data

    def opened(self, subject: str) -> OpenedSubmission | BuildFailure:
        """Waits for a subject's network and returns it."""
        return self.progress.wait(self._networks.opened(self.subjects[subject]))

    def recipe_of(self, opened: OpenedSubmission) -> Recipe:
        """Returns the recipe that a network is trained with."""
        return recipe_of(opened, self.options, self.calibration)[0]

    def facts_of(self, subject: str) -> Facts | None:
        """Waits for a subject to be opened; returns its facts, or None if they are unknown."""
        found = self.opened(subject)
        if isinstance(found, OpenedSubmission):
            return found.facts
        architecture = self.subjects[subject].architecture
        return None if architecture is None else self.facts[architecture]

    def runs(self, subject: str) -> list[Record]:
        """Waits for a subject's records and returns them, one for each seed.

        Raises:
            JobFailed: a run failed.
        """
        return [self.progress.wait(future) for future in self._training(subject).runs]

    def verification(self, subject: str) -> Verification | BuildFailure:
        """Waits for the verification of the subject's first run and returns it.

        Raises:
            JobFailed: the run failed.
        """
        return self.progress.wait(self._training(subject).verification)

    def own_weights(self, subject: str) -> OwnAccuracy | None:
        """Waits for the accuracy of the weights that a subject came with; None if it has none.

        Raises:
            JobFailed: the evaluation failed.
        """
        return self.progress.wait(self._training(subject).own)

    def outcome(self, subject: str, checks: Sequence[CheckResult]) -> SubjectOutcome:
        """Waits for everything that is computed for a subject, and returns it.

        A run or an evaluation that failed is left out: its check reports the reason.

        Args:
            checks: the results of the subject's checks.

        Raises:
            UserError: the data set's calibration has no floor for this network.
        """
        found, facts = self.opened(subject), self.facts_of(subject)
        outcome = SubjectOutcome(
            self.subjects[subject],
            facts,
            opened=None,
            checks=checks,
            trained_with=self.options.train_with,
        )
        if isinstance(found, BuildFailure):
            return replace(outcome, error=found.message)
        outcome = replace(outcome, opened=found)
        runs = _or_none(self.runs, subject) if self.trains else None
        if not runs:
            return outcome
        judged = gates.judge(runs, found.facts, self.calibration)
        return replace(
            outcome,
            runs=runs,
            gate=judged.gate,
            gate_basis=judged.basis,
            training_notes=recipe_of(found, self.options, self.calibration)[1],
            own_weights=_or_none(self.own_weights, subject),
            range=calibrated_range(runs, found.facts, found.spec.digest, self.calibration),
            robustness=robustness.collect(self._training(subject).robustness, self.progress.wait),
        )

    def finished(self, experiment: Experiment) -> Finished:
        """Waits for the result of an experiment and returns it."""
        assert self._running is not None  # noqa: S101  (it was given to `start`)
        return self.progress.wait(self._running.future(experiment))

    def experiments(self) -> list[Finished]:
        """Waits for the results of all experiments and returns them, in the catalogue's order."""
        running = self._running
        return [self.progress.wait(one) for one in running.all()] if running else []

    def losses(self) -> list[str]:
        """Returns the records that the store could not keep, each as a sentence."""
        return self._work.losses()

    # Results for the experiments ------------------------------------------------------------

    def opened_project(self, architecture: str) -> Future[OpenedSubmission | BuildFailure]:
        """Returns the network of the project's own module, even if it is not graded."""
        return self._networks.opened(project_subject(architecture))

    def project_runs(self, architecture: str) -> list[Future[Record]]:
        """Returns its runs, one for each seed, even if its checks do not need them."""
        assert self._trainings is not None  # noqa: S101  (experiments begin after the data)
        subject = project_subject(architecture)
        opened = self._networks.opened(subject)
        return self._trainings.of(subject, opened, examine=False).runs

    # The work -------------------------------------------------------------------------------

    def start(self, *, train: bool, experiments: Sequence[Experiment] = ()) -> None:
        """Starts all the work that is needed, and returns without waiting for it.

        Args:
            train: whether the subjects are trained; without training, no data is loaded.
            experiments: the experiments of the documents; they may train networks themselves.

        Raises:
            UserError: the data cannot be loaded, or the letters of an experiment cannot be used.
        """
        if any(one.kind == "transfer" for one in experiments):
            self._check_letters()
        self.trains = train
        self._will_train = train or bool(experiments)
        for subject in self.subjects.values():
            self._networks.opened(subject)
        if not self._will_train:
            return
        request = DataRequest(self.options.dataset, self.options.mnist_dir, self._data_folder)
        self.data = load(request, self.tell)
        if self.data.note:
            self.tell(self.data.note)
        publish(self.data, self._data_folder, self.tell)
        self._workers.begin(self.data.digest)
        self.environment |= self._workers.describe()
        self.calibration = calibration.load(self.data.name)
        self._trainings = Trainings(
            self.options,
            self._work,
            self.data,
            self.calibration,
            robustness=len(self.subjects) <= MAX_ANALYSED,
            platform=self._workers.platform,
        )
        if train:
            for name in self.subjects:
                self._training(name)
        if experiments:
            self._running = ExperimentRunner(experiments, self._experiment_context(self.data))

    def stop_experiments(self) -> None:
        """Cancels the pending experiments and runs on corrupted images, which no check needs."""
        if self._trainings is not None:
            self._trainings.cancel_robustness()
        if self._running is not None:
            self._running.stop()

    def stop(self) -> None:
        """Stops every process; finished records stay in the store."""
        self.stop_experiments()
        self._networks.stop()
        self._work.stop()
        self._extractor.stop()
        self._workers.stop()
        self._networks.wait()
        self._work.wait()
        if self._running is not None:
            self._running.wait()
        self._sweep()
        self._locks.close()

    def _training(self, subject: str) -> Training:
        """Returns the training of a graded subject."""
        if self._trainings is None or not self.trains:
            raise RuntimeError("the session has not been started with training")
        known = self.subjects[subject]
        return self._trainings.of(known, self._networks.opened(known), examine=True)

    def _experiment_context(self, data: Dataset) -> ExperimentContext:
        setting = Setting(
            data,
            self.facts,
            self.options.seeds,
            self.calibration,
            self.options.greek_test,
            self._workers.at_once,
            self._workers.platform,
        )
        return ExperimentContext(setting, self, self._work)

    def _computing(self) -> Computing:
        """Returns this machine's workers, or a cluster's."""
        options = self.options
        if options.cluster is None:
            return Workers(
                options.workers, self._data_folder, options.store, self.logs, self._on_event
            )
        return ClusterWorkers(
            options.cluster,
            options.cluster_resources,
            self._data_folder,
            options.store,
            self._on_event,
            tell=self.tell,
            note=self.progress.note,
        )

    def _on_event(self, job: Job, event: Mapping[str, Any]) -> None:
        if event["event"] == "epoch":
            self.progress.update(job.key, event["epoch"], event.get("val_accuracy"))

    def _sweep(self) -> None:
        """Removes the files of runs that were killed, unless another run uses the store."""
        self._locks.when_alone(lambda: maintenance.sweep(self.options.store))
        maintenance.sweep_report(self.options.report)

    def _check_letters(self) -> None:
        """Reads the user's letters now: the experiment needs them only after hours."""
        # Imported only if it is needed: it imports Pillow.
        from harness.data import greek  # noqa: PLC0415

        greek.from_environment()
        if self.options.greek_test is not None:
            greek.read_letters(self.options.greek_test, greek.TEST_OPTION)

    def _warm_up(self) -> None:
        """Starts the workers, which import TensorFlow while the sandbox imports Keras.

        A network that was not opened before will have to be trained.
        """
        if self._will_train and self.options.cluster is None:
            self._workers.get()


def _or_none(wait: Callable[[str], T], subject: str) -> T | None:
    """Returns what a subject's job computed; None if it failed."""
    try:
        return wait(subject)
    except JobFailed:
        return None
