"""The networks of a session's subjects: each opened once, when it is first asked for."""

from concurrent.futures import Future, ThreadPoolExecutor

from harness.jobs.kinds.errors import JobFailed
from harness.jobs.progress import Progress
from harness.submissions.opened import OpenedSubmission
from harness.submissions.opener import Opening
from harness.submissions.subject import Subject
from harness.system.failure import BuildFailure
from harness.system.futures import Shared, fail, follow


class Networks:
    """Has subjects opened in the background.

    Args:
        at_once: as many as compute: each waits for a process of the sandbox.
    """

    def __init__(self, opener: Opening, progress: Progress, at_once: int) -> None:
        self._opener = opener
        self._progress = progress
        self._pool = ThreadPoolExecutor(at_once, "opening")
        self._opened: Shared[OpenedSubmission | BuildFailure] = Shared()

    def opened(self, subject: Subject) -> Future[OpenedSubmission | BuildFailure]:
        """Returns the future of a subject's network, which is opened if nobody asked before."""

        def begin(target: Future[OpenedSubmission | BuildFailure]) -> None:
            self._progress.expect_openings(1)
            target.add_done_callback(lambda _: self._progress.opened())
            try:
                follow(self._pool.submit(self._opener.open, subject), target)
            except RuntimeError:  # the pool's word for it
                fail(JobFailed("skipped", "the session has ended"), target)

        return self._opened.get(subject.id, begin)

    def stop(self) -> None:
        """Cancels what is not under way."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Waits for what `stop` has left."""
        self._pool.shutdown(wait=True)
