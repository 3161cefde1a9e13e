"""Work that several ask for is done once, and whatever becomes of it reaches them all."""

from concurrent.futures import CancelledError, Future

import pytest

from harness.system.futures import Shared, fail, follow


def test_the_first_who_asks_has_the_work_done():
    begun = []
    shared = Shared()
    first, second = (shared.get("key", begun.append) for _ in range(2))
    other = shared.get("another", begun.append)
    assert first is second is begun[0]
    assert [other] == begun[1:]


def test_work_that_cannot_begin_is_everybody_s_error():
    def begin(_):
        raise OSError("full")

    shared = Shared()
    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            shared.get("key", begin).result()


@pytest.mark.parametrize("late", [False, True])
def test_a_follower_gets_the_result(late):
    source, target = Future(), Future()
    if late:
        source.set_result(3)
    follow(source, target)
    if not late:
        source.set_result(3)
    assert target.result(timeout=1) == 3


def test_a_follower_gets_the_error_and_the_cancellation():
    failed, cancelled = Future(), Future()
    targets = [Future(), Future()]
    follow(failed, targets[0])
    follow(cancelled, targets[1])
    failed.set_exception(KeyError("x"))
    cancelled.cancel()
    with pytest.raises(KeyError):
        targets[0].result(timeout=1)
    with pytest.raises(CancelledError):
        targets[1].result(timeout=1)


def test_an_error_spares_what_is_there_already():
    done, open_ = Future(), Future()
    done.set_result(1)
    fail(OSError("x"), done, open_)
    assert done.result() == 1
    assert isinstance(open_.exception(), OSError)
