"""Jobs on a real Dask cluster: the records of this machine's workers, whatever happens."""

import contextlib
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest
from distributed import Client

from harness.data import publish
from harness.data.shared_arrays import is_intact
from harness.jobs.cluster.pool import ClusterPool
from harness.jobs.kinds.base import Inputs
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.registry import inputs
from harness.jobs.kinds.robustness import ROBUSTNESS, RobustnessJob
from harness.jobs.kinds.robustness import read as read_robustness
from harness.jobs.kinds.verify import Verification, Verifier
from harness.jobs.local.scheduler import Scheduler
from harness.jobs.store import record
from harness.jobs.store.store import Store
from harness.network.cost import TimeLimit
from reference.errors import UserError
from tests.support.cluster import (
    IDLE,
    LIMIT_S,
    Site,
    job_of,
    made_up,
    nodes_of,
    real_cluster,
    wait_for,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with real_cluster(tmp_path_factory.mktemp("cluster"), 2) as found:
        yield found


@pytest.fixture(scope="module")
def site(cluster, tmp_path_factory):
    found = Site(tmp_path_factory.mktemp("site"), made_up())
    found.join(cluster.address)
    found.pool.connection.client.wait_for_workers(2, timeout=LIMIT_S)
    yield found
    found.pool.stop()


@pytest.fixture(scope="module")
def trained(site):
    """Two networks with two seeds each: the jobs, their folders, and what was sent for them."""
    jobs = [
        job_of(name, site.dataset, seed) for name in ("mlp_64_32", "deep_cnn") for seed in (0, 1)
    ]
    events = []
    received = ClusterPool._received

    def note(self, order, found):
        events.append(found.result()["event"])
        received(self, order, found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClusterPool, "_received", note)
        return jobs, site.done(*jobs), events


@pytest.fixture(scope="module")
def local(trained, site, tmp_path_factory):
    """The same jobs done by this machine's own workers."""
    jobs, *_ = trained
    folder = tmp_path_factory.mktemp("local")
    scheduler = Scheduler(2, site.data, folder / "store", folder / "logs", lambda *_: None)
    try:
        for future in [scheduler.submit(job, 1.0) for job in jobs]:
            future.result(LIMIT_S)
        yield Store(folder / "store"), scheduler
    finally:
        scheduler.stop()


def without_times(document):
    left = {"created", "process", "compile_time_s", "train_time_s", "job_time_s"}
    history = {k: v for k, v in document["history"].items() if not k.endswith("_s")}
    return {k: v for k, v in document.items() if k not in left} | {"history": history}


def test_records_are_those_of_this_machines_workers_bit_for_bit(trained, local):
    jobs, folders, *_ = trained
    for job, folder in zip(jobs, folders, strict=True):
        ours, theirs = (
            record.read(local[0].get(job.key), cached=False),
            record.read(folder, cached=False),
        )
        assert without_times(theirs.document) == without_times(ours.document)
        assert np.array_equal(theirs.predictions, ours.predictions)
        assert {p.name for p in folder.iterdir()} == {p.name for p in ours.folder.iterdir()}


def test_images_go_from_worker_to_worker(trained, site, cluster):
    """The controller has sent them once; who lacked them has asked another worker, not it."""
    *_, events = trained
    assert events == ["done"] * 4
    published = list((cluster.folder / "scratch").rglob(f"mnist-grader-data/{site.dataset.digest}"))
    assert len(published) == 1  # both workers are on one machine


def test_images_that_nobody_offers_are_asked_for(cluster, tmp_path):
    """As they are when the worker that had them is gone."""
    other = Site(tmp_path, made_up(1))
    other.join(cluster.address, options=IDLE, offers=False)
    job = job_of("mlp_64_32", other.dataset)
    answers = [other.pool.ask("do", job, inputs(job), 1.0) for _ in range(3)]
    assert {answer.result(LIMIT_S)["event"] for answer in answers} == {"done"}
    assert list(other.pool._images) == [other.dataset.digest]
    other.pool.stop()


def test_what_no_node_can_do_ends_with_its_words(cluster, tmp_path):
    other = Site(tmp_path, made_up())
    other.join(cluster.address, options=IDLE)
    other.pool.connection.client.wait_for_workers(2, timeout=LIMIT_S)
    odd = SimpleNamespace(records=(), to_json=lambda: {"records": 7})
    with pytest.raises(JobFailed, match=r"no worker of the cluster can do it; .*Error: ") as failed:
        other.pool.ask("do", job_of("mlp_64_32", other.dataset), odd, 1.0).result(LIMIT_S)
    assert failed.value.status == "grader_error"
    assert len(other.told) == 2  # a warning of each worker
    other.pool.stop()


@pytest.mark.usefixtures("trained")
def test_images_that_were_damaged_on_a_worker_s_disk_are_fetched_anew(cluster, tmp_path):
    other = Site(tmp_path, made_up(2))
    scratch = next((cluster.folder / "scratch").rglob("mnist-grader-data"))
    damaged = publish(other.dataset, scratch) / "test_labels.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x0b")
    other.join(cluster.address, options=IDLE)
    job = job_of("mlp_64_32", other.dataset)
    answers = [other.pool.ask("do", job, inputs(job), 1.0) for _ in range(3)]
    assert {answer.result(LIMIT_S)["event"] for answer in answers} == {"done"}
    assert is_intact(scratch, other.dataset.digest)
    other.pool.stop()


def break_worker(cluster, site, address):
    """Takes a session's files from a worker, as whoever tidies up a disk may."""
    worker = site.pool.connection.client.scheduler_info(n_workers=-1)["workers"][address]
    place = Path(worker["local_directory"]) / site.pool.connection.session
    for process in nodes_of(cluster.folder):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process}/cwd").readlink().is_relative_to(place):
                os.kill(process, signal.SIGKILL)
    shutil.rmtree(place)


def test_what_a_worker_in_trouble_cannot_do_goes_to_another(cluster, tmp_path):
    other = Site(tmp_path, made_up())
    other.join(cluster.address, options=IDLE)
    other.pool.connection.client.wait_for_workers(2, timeout=LIMIT_S)
    sick, well = other.pool.connection.client.nthreads()
    break_worker(cluster, other, sick)
    job = job_of("mlp_64_32", other.dataset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClusterPool, "_near", lambda *_: sick)
        asked = [other.pool.ask("do", replace(job, seed=n), Inputs(), 1.0) for n in range(3)]
        answers = [one.result(LIMIT_S) for one in asked]
    assert {(one["event"], one["worker"]) for one in answers} == {("done", well)}
    (told,) = other.told
    assert f"{sick} cannot do its work, which goes to others: [Errno 2]" in told
    break_worker(cluster, other, well)
    with pytest.raises(
        JobFailed, match=r"no worker of the cluster can do it; .*\[Errno 2\]"
    ) as failed:
        other.pool.ask("do", job, Inputs(), 1.0).result(LIMIT_S)
    assert failed.value.status == "grader_error"
    other.pool.stop()


def test_epochs_are_told_on_their_way(trained, site):
    jobs, *_ = trained
    for job in jobs:
        assert [epoch for key, epoch in site.epochs if key == job.key] == [1, 2]


def test_a_run_is_verified_as_it_is_on_this_machine(trained, local, site):
    job = trained[0][2]
    theirs = site.pool.verify(job, Path("unused"), Path("unused"))
    verifier = Verifier(local[1].fork, site.folder / "verifying.log")
    ours = verifier.verify(job, local[0].get(job.key), site.data)
    assert isinstance(theirs, Verification)
    assert isinstance(ours, Verification)
    assert np.array_equal(theirs.keras_file, ours.keras_file)
    assert theirs.early_weights == ours.early_weights
    assert (
        theirs.early_weights
        == record.read(local[0].get(job.key), cached=False).document["early_weights_sha256"]
    )


def test_a_record_goes_along_with_the_job_that_reads_it(trained, local, site):
    """Also where the worker that made it is not the one that is asked."""
    jobs, *_ = trained
    base = jobs[0]
    job = RobustnessJob(base.key, base.data_digest, 20, 0, base.platform)
    site.pool._made_by[base.key] = next(
        worker for worker in site.pool.connection.client.scheduler_info(n_workers=-1)["workers"]
        if worker != site.pool._made_by[base.key]
    )  # fmt: skip
    (folder,) = site.done(job)
    store, scheduler = local
    scheduler.submit(job, 1.0).result(LIMIT_S)
    assert job.kind == ROBUSTNESS
    assert read_robustness(folder) == read_robustness(store.get(job.key))


def test_what_a_job_fails_of_is_told_in_the_same_words(site):
    future = site.pool.submit(
        job_of("mlp_64_32", site.dataset, seed=9, epochs=400), 1.0, TimeLimit(0.5, "half a second")
    )
    with pytest.raises(JobFailed, match="half a second") as failed:
        future.result(LIMIT_S)
    assert failed.value.status == "timeout"


def test_a_worker_of_another_kind_that_joins_is_given_nothing(site, cluster):
    """It has the same versions, and oneDNN is off: its bits would be others."""
    cluster.start_worker("odd", variables={"TF_ENABLE_ONEDNN_OPTS": "0"})
    client = site.pool.connection.client
    client.wait_for_workers(3, timeout=LIMIT_S)
    odd = next(
        address
        for address, worker in client.scheduler_info(n_workers=-1)["workers"].items()
        if worker["name"] == "odd"
    )
    job = job_of("mlp_64_32", site.dataset, seed=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClusterPool, "_near", lambda *_: odd)
        (folder,) = site.done(job)
    assert folder is not None
    assert site.pool._made_by[job.key] != odd
    (told,) = [line for line in site.told if "given nothing" in line]
    assert f"on {odd} onednn is 0, but should be default" in told
    cluster.kill("odd")


def test_a_job_whose_worker_is_killed_is_done_by_another(site, cluster):
    """In the middle of training: with it go its node and what that had started."""
    job = job_of("mlp_64_32", site.dataset, seed=7, epochs=60)
    client = site.pool.connection.client
    names = {
        address: worker["name"]
        for address, worker in client.scheduler_info(n_workers=-1)["workers"].items()
    }
    killed = []

    def kill(_job, epoch):
        if not killed and epoch == 3:
            busy = [address for address, tasks in client.processing().items() if tasks]
            killed.append(names[busy[0]])
            cluster.kill(killed[0])

    # Called in Dask's own thread, where nothing may wait: another one kills.
    site.on_epoch = lambda *event: Thread(target=kill, args=event).start()
    (folder,) = site.done(job)
    site.on_epoch = None
    told = [epoch for key, epoch in site.epochs if key == job.key]
    assert len(killed) == 1
    assert told.count(1) == 2
    assert told[-1] == 60
    assert len(record.read(folder, cached=False).history["loss"]) == 60
    assert len(list((site.folder / "store" / "records").rglob(job.key))) == 1
    cluster.start_worker(killed[0])
    client.wait_for_workers(2, timeout=LIMIT_S)


def test_a_session_that_ends_leaves_nothing_on_the_workers(cluster, tmp_path):
    other = Site(tmp_path, made_up())
    other.join(cluster.address, options=IDLE)
    before = set(nodes_of(cluster.folder))
    folders = list((cluster.folder / "scratch").rglob(other.pool.connection.session))
    assert folders
    other.pool.stop()
    wait_for(lambda: len(nodes_of(cluster.folder)) < len(before))
    assert not any(folder.exists() for folder in folders)
    with pytest.raises(JobFailed, match="the session has ended"):
        other.pool.submit(job_of("mlp_64_32", other.dataset), 1.0).result(LIMIT_S)


def test_what_a_killed_session_left_is_removed_by_the_next(cluster, tmp_path):
    first = Site(tmp_path / "first", made_up())
    first.join(cluster.address, options=IDLE)
    gone = first.pool.connection
    folders = list((cluster.folder / "scratch").rglob(gone.session))
    first.pool._stopping.set()
    gone.client.close()  # as the scheduler sees a controller that was killed
    assert all(folder.exists() for folder in folders)
    second = Site(tmp_path / "second", made_up())
    second.join(cluster.address, options=IDLE)
    second.pool.stop()
    assert not any(folder.exists() for folder in folders)


def test_only_workers_with_the_resources_are_given_jobs(cluster, site, tmp_path):
    cluster.start_worker("graded", "--resources", "GRADING=1")
    site.pool.connection.client.wait_for_workers(3, timeout=LIMIT_S)
    other = Site(tmp_path, made_up())
    other.join(cluster.address, options=IDLE, resources={"GRADING": 1.0})
    (machine,) = other.pool.connection.machines
    job = job_of("mlp_64_32", other.dataset)
    asked = [other.pool.ask("do", replace(job, seed=n), Inputs(), 1.0) for n in range(12)]
    answers = [one.result(LIMIT_S) for one in asked]
    assert {(one["event"], one["worker"]) for one in answers} == {("done", machine.worker)}
    other.pool.stop()
    with pytest.raises(UserError, match=r"none of the 3 workers offers GPU=2; start them with"):
        Site(tmp_path / "x", made_up()).join(cluster.address, resources={"GPU": 2.0})
    assert machine.threads == 1
    cluster.kill("graded")


def test_a_worker_that_has_gone_is_no_reason_to_forget_the_resources(cluster, tmp_path):
    cluster.start_worker("graded", "--resources", "GRADING=1")
    other = Site(tmp_path, made_up())
    wait_for(lambda: "GRADING" in str(_workers(cluster)))
    other.join(cluster.address, options=IDLE, resources={"GRADING": 1.0})
    (machine,) = other.pool.connection.machines
    job = job_of("mlp_64_32", other.dataset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClusterPool, "_near", lambda *_: "tcp://127.0.0.1:1")
        asked = [other.pool.ask("do", replace(job, seed=n), Inputs(), 1.0) for n in range(6)]
        answers = [one.result(LIMIT_S) for one in asked]
    assert {(one["event"], one["worker"]) for one in answers} == {("done", machine.worker)}
    break_worker(cluster, other, machine.worker)  # and the others do not count
    with pytest.raises(JobFailed, match="no worker of the cluster can do it"):
        other.pool.ask("do", job, Inputs(), 1.0).result(LIMIT_S)
    other.pool.stop()
    cluster.kill("graded")


def _workers(cluster):
    with Client(cluster.address, set_as_default=False) as client:
        return client.scheduler_info(n_workers=-1)["workers"]


def test_what_comes_for_another_key_is_not_kept(cluster, tmp_path):
    other = Site(tmp_path, made_up())
    other.join(cluster.address, options=IDLE)
    job = job_of("mlp_64_32", other.dataset)
    with pytest.raises(JobFailed, match="the key 0 came for"):  # as an idle worker answers
        other.pool.submit(job, 1.0).result(LIMIT_S)
    assert other.store.get(job.key) is None
    other.pool.stop()


def test_a_worker_with_another_version_is_refused_with_both_named(cluster, site, tmp_path):
    old = tmp_path / "old" / "keras-3.9.9.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 3.9.9\n")
    cluster.start_worker("old", variables={"PYTHONPATH": str(old.parent)})
    site.pool.connection.client.wait_for_workers(3, timeout=LIMIT_S)
    with pytest.raises(UserError) as refused:
        Site(tmp_path, made_up()).join(cluster.address)
    ours = site.pool.connection.platform["keras"]
    assert f"has keras 3.9.9, and here it is {ours}" in str(refused.value)
    assert "pip install -r requirements-cluster.txt" in str(refused.value)
    cluster.kill("old")
