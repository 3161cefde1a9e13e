"""What is read of a run: the arrays when they are asked for, and not kept for ever."""

import gc
import weakref

import numpy as np
import pytest

from harness.jobs.store import record
from harness.jobs.store.record import Record

NODES = {"job": {"spec": {"nodes": [{}, {}]}}}


def _run(folder, value=0.0):
    folder.mkdir()
    arrays = {"test": (30, 10), "trained_probe": (8, 10), "random_probe": (8, 10)}
    filled = {name: np.full(shape, value, np.float32) for name, shape in arrays.items()}
    np.savez(folder / "predictions.npz", **filled)
    np.savez(folder / "weights.npz", **{"001/kernel": np.full((4, 3), value, np.float32)})
    return Record(folder, NODES, cached=False)


def _weights(run):
    return run.weights[1]["kernel"]


READ = {
    "predictions": lambda run: run.predictions,
    "trained_outputs": lambda run: run.trained_outputs,
    "random_outputs": lambda run: run.random_outputs,
    "weights": _weights,
}


@pytest.fixture(params=READ)
def read(request):
    return READ[request.param]


def test_arrays_are_those_of_the_run(tmp_path, read):
    runs = [_run(tmp_path / str(value), value) for value in range(3)]
    assert [float(read(run).mean()) for run in runs] == [0, 1, 2]


def test_what_is_asked_for_again_is_not_read_again(tmp_path, read):
    run = _run(tmp_path / "run")
    assert read(run) is read(run)


def test_nobody_changes_what_others_are_given(tmp_path, read):
    with pytest.raises(ValueError, match="read-only"):
        read(_run(tmp_path / "run"))[0, 0] = 1


def test_a_run_that_was_written_anew_is_read_anew(tmp_path, read):
    run = _run(tmp_path / "run")
    assert read(run).mean() == 0
    other = _run(tmp_path / "other", 5)
    for name in ("predictions.npz", "weights.npz"):
        (other.folder / name).replace(run.folder / name)
    assert read(run).mean() == 5


def test_of_many_runs_only_the_last_arrays_are_kept(tmp_path, read):
    runs = [_run(tmp_path / str(number)) for number in range(record._ARRAYS + 10)]
    given = [weakref.ref(read(run)) for run in runs]
    gc.collect()
    kept = [one() is not None for one in given]
    assert 0 < sum(kept) <= record._ARRAYS
    assert kept == sorted(kept)  # the last of them


def test_of_weights_fewer_are_kept_since_they_are_large(tmp_path):
    runs = [_run(tmp_path / str(number)) for number in range(10)]
    given = [weakref.ref(_weights(run)) for run in runs]
    assert sum(one() is not None for one in given) == record._WEIGHTS == 2
