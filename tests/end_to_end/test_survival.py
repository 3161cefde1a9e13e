"""A grading that is killed, or has company, ends where one that is left alone does.

A short form of `python -m tests.fault_injection`: real commands, one small network.
"""

import copy
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fault_injection import grading as gradings
from tests.fault_injection import sample as samples
from tests.fault_injection.campaign import draws
from tests.fault_injection.comparable import VARYING, comparable, differences
from tests.fault_injection.grading import Grading, cached, leftovers, records, results
from tests.fault_injection.processes import (
    PYTEST,
    ROLES,
    SANDBOX,
    SERVER,
    SUBMISSION,
    WORKER,
    Process,
    by_role,
    tree,
)
from tests.support.project_copy import FAILED, PASSED

pytestmark = pytest.mark.slow

NETWORK = "ada.py"
HALTED, GONE = {"T"}, {"Z", "X"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    # One worker: of two, nobody could tell which is writing a record.
    made = samples.make(tmp_path_factory.mktemp("survival") / "sample", (NETWORK,))
    return replace(made, options=("--workers=1",))


@pytest.fixture(scope="module")
def pair(sample):
    """Two gradings of the same, at once, on one store."""
    both = [replace(sample, reports=name) for name in ("one", "two")]
    begun = [Grading(each) for each in both]
    codes = [each.wait() for each in begun]
    outputs = [each.output for each in begun]
    # So short a training need not reach what is asked of it.
    assert set(codes) in ({PASSED}, {FAILED}), outputs
    return [results(each) for each in both], outputs, codes[0]


# Two at once -------------------------------------------------------------------------------------


def test_two_at_once_train_each_network_once(pair):
    documents, outputs, _ = pair
    one, two = map(cached, documents)
    assert len(one) == samples.SEEDS
    assert one.keys() == two.keys()
    assert all(one[key] != two[key] for key in one), "trained by both, or by neither"
    trained = [line for text in outputs for line in re.findall(r"trained \S+ seed \d", text)]
    assert len(trained) == samples.SEEDS
    tried = [line for text in outputs for line in re.findall(r"tried \S+ seed \d", text)]
    assert len(tried) == samples.SEEDS


def test_two_at_once_come_to_the_same(pair):
    documents, _, _ = pair
    assert differences(*map(comparable, documents)) == []


def test_two_at_once_leave_nothing(sample, pair):
    assert pair
    for name in ("one", "two"):
        assert leftovers(replace(sample, reports=name)) == []
    assert sorted(path.name for path in (sample.store / "logs").glob("**/workers.log")) == [
        "workers.log", "workers.log",
    ]  # fmt: skip


# A worker that is killed -------------------------------------------------------------------------


def test_a_worker_killed_while_it_writes_costs_its_job_until_the_next_run(sample, pair):
    killed = replace(sample, reports="killed", stores="other")
    store = killed.store
    (store / "incoming" / "left").mkdir(parents=True)  # by a run before
    (store / "data" / ".damaged.x").mkdir(parents=True)
    first = Grading(killed)
    os.kill(_caught_writing(first, store), signal.SIGKILL)
    first.wait()
    statuses = {c["status"] for one in results(killed)["subjects"] for c in one["checks"]}
    assert "resource" in statuses, first.output
    assert "Traceback" not in first.output
    before = records(store)
    again = Grading(killed)
    (expected, _), _, code = pair
    assert again.wait() == code, again.output
    assert differences(comparable(results(killed)), comparable(expected)) == []
    assert records(store).items() >= before.items()
    assert {key for key, was in cached(results(killed)).items() if was} == {
        key for key in before if key in cached(results(killed))
    }
    assert leftovers(killed) == []


def _caught_writing(grading, store):
    """Returns the worker once it is in the midst of writing a record, and stopped there."""
    workers = []
    while not workers:  # the only one of its kind until there is a record to verify
        assert not grading.ended(), grading.output
        workers = by_role(grading.pid, grading.family()).get(WORKER, [])
    (pid,) = (worker.pid for worker in workers)
    while True:
        assert not grading.ended(), grading.output
        if _a_record_is_written(store):
            os.kill(pid, signal.SIGSTOP)
            while (state := _state(pid)) not in HALTED | GONE:
                time.sleep(0.001)
            # Until it was stopped it may have come to the end.
            if state in HALTED and _a_record_is_written(store):
                return pid
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.001)


def _a_record_is_written(store):
    # Others write to the store, too; weights in NumPy's form only a worker.
    return any((store / "incoming").glob("*/weights.npz"))


def _state(pid):
    """The letter that stands for a process's state, see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


# What the campaign is made of --------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(pair):
    return pair[0][0]


def _leaves(value, place=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, (*place, number))
    else:
        yield place


def test_two_gradings_may_differ_in_times_and_in_nothing_else(document):
    seen = set()
    for place in list(_leaves(document)):
        changed = copy.deepcopy(document) if place[-1] not in seen else None
        if changed is None:
            continue
        seen.add(place[-1])
        inner = changed
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = "something else"
        equal = comparable(changed) == comparable(document)
        assert equal == bool(VARYING.intersection(map(str, place))), place
        found = differences(comparable(changed), comparable(document))
        assert found == ([] if equal else ["/" + "/".join(map(str, place))])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ["/b"]),
        ({"a": [1, 2]}, {"a": [1]}, ["/a"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["/a/0/b"]),
        ({"a": 1}, {"a": "1"}, ["/a"]),
        ({"a": None}, {"a": None}, []),
    ],
)
def test_a_difference_is_found_where_it_is(one, other, expected):
    assert differences(one, other) == expected


def test_draws_take_turns_and_are_those_of_their_seed():
    drawn = draws(10, 1)
    assert [draw.role for draw in drawn] == [*ROLES, *ROLES]
    assert drawn == draws(10, 1) != draws(10, 2)
    assert len({draw.moment for draw in drawn}) == 10
    assert all(0 <= value < 1 for draw in drawn for value in (draw.moment, draw.choose))


def _process(pid, parent, module="", numbers=(), program="/usr/bin/python3"):
    command = (program, "-m", module)
    return Process(pid, parent, 0, command, (pid, *numbers), f"pid:[{len(numbers)}]")


def test_it_is_known_who_is_who():
    opener = "harness.submissions.sandbox.inside.server"
    family = [
        _process(10, 1, "pytest"),
        _process(11, 10, "harness.jobs.local.worker"),
        _process(12, 11, "harness.jobs.local.worker"),
        _process(19, 10, opener, program="bwrap"), _process(20, 19, opener, (1,), program="bwrap"),
        _process(21, 20, opener, (2,)), _process(23, 21, opener, (3,)),  # server, supervisor
        _process(24, 23, opener, (4, 1)), _process(25, 24, opener, (5, 2)),
    ]  # fmt: skip
    stranger = _process(30, 1, "harness.jobs.local.worker")
    assert set(tree(10, [*family, stranger])) == set(family)
    roles = by_role(10, family)
    assert {role: [p.pid for p in who] for role, who in roles.items()} == {
        PYTEST: [10], SERVER: [11], WORKER: [12], SANDBOX: [21], SUBMISSION: [25],
    }  # fmt: skip
    assert by_role(10, family[:1]) == {PYTEST: family[:1]}


def test_whatever_is_left_is_seen(tmp_path):
    sample = samples.Sample(tmp_path)
    for path in ("store/data/.x", "store/incoming/x", "report/.index.html.x.part", "../tmp/x"):
        (sample.project / path).mkdir(parents=True)
    (sample.store / "leases").touch()
    assert len(leftovers(sample)) == 4
    assert gradings.processes.left([], tmp_path / "nobody names this") == []
