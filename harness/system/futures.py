"""Futures that are shared, and futures that follow others."""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from threading import Lock
from typing import Generic, TypeVar

_T = TypeVar("_T")
_U = TypeVar("_U")


class Shared(Generic[_T]):
    """Results by key: the first who asks for one has the work done, the others share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._futures: dict[str, Future[_T]] = {}

    def get(self, key: str, begin: Callable[[Future[_T]], None]) -> Future[_T]:
        """Returns the future of a key.

        Args:
            begin: called with a new future, by the first who asks; sees to it that it gets a
                result some time. What it raises becomes the future's error.
        """
        with self._lock:
            known = self._futures.get(key)
            if known is not None:
                return known
            future = self._futures[key] = Future()
        try:
            begin(future)
        except Exception as error:  # noqa: BLE001  (others may be waiting for it, too)
            fail(error, future)
        return future


def follow(source: Future[_T], target: Future[_T]) -> None:
    """Gives the target whatever becomes of the source."""
    then(source, lambda result: result, target)


def then(source: Future[_T], change: Callable[[_T], _U], target: Future[_U]) -> None:
    """Gives the target what a function makes of the source's result, or the error of either."""

    def settle(finished: Future[_T]) -> None:
        try:
            target.set_result(change(finished.result()))
        except (Exception, CancelledError) as error:  # noqa: BLE001  (passed on)
            fail(error, target)

    source.add_done_callback(settle)


def fail(error: BaseException, *futures: Future[_T]) -> None:
    """Gives an error to each of the futures that has no result yet."""
    for future in futures:
        if not future.done():
            future.set_exception(error)
