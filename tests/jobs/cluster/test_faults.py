"""Clusters that cannot be reached, do not answer, or go while they are used."""

import signal
from concurrent.futures import Future
from dataclasses import replace
from threading import Thread

import dask
import distributed
import pytest
from distributed import LocalCluster, Security

from harness.jobs.cluster import connection as connections
from harness.jobs.cluster import pool as pools
from harness.jobs.kinds.base import Inputs
from harness.jobs.kinds.errors import WorkersLost
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


def test_a_cluster_without_workers_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "_FIRST_WORKER_S", 1)
    with (
        real_cluster(tmp_path / "cluster", 0) as empty,
        pytest.raises(UserError, match=r"no worker joined it within 1 s\. Start some with `dask"),
    ):
        Site(tmp_path, made_up()).join(str(empty.file))


def test_jobs_wait_for_workers_to_come_back_and_the_user_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "_WATCH_S", 0.2)
    with real_cluster(tmp_path / "cluster", 1) as few:
        found = Site(tmp_path, made_up())
        found.join(few.address, options=IDLE)
        few.kill("w0")
        wait_for(lambda: not found.pool.connection.client.nthreads())
        answered = found.pool.ask("do", job_of("mlp_64_32", found.dataset), Inputs(), 1.0)
        wait_for(lambda: any("waiting for one to join" in line for line in found.told))
        few.start_worker("w1")
        assert answered.result(LIMIT_S)["event"] == "done"
        found.pool.stop()


def test_a_job_that_only_a_lost_worker_could_do_goes_to_who_joins(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "_WATCH_S", 0.2)
    with real_cluster(tmp_path / "cluster", 2) as few:
        found = Site(tmp_path, made_up())
        found.join(few.address, options=IDLE)
        client = found.pool.connection.client
        client.wait_for_workers(2, timeout=LIMIT_S)
        address = {
            worker["name"]: name
            for name, worker in client.scheduler_info(n_workers=-1)["workers"].items()
        }
        found.pool._refused.add(address["w0"])
        few.workers["w1"].send_signal(signal.SIGSTOP)
        answered = found.pool.ask("do", job_of("mlp_64_32", found.dataset), Inputs(), 1.0)
        wait_for(lambda: client.processing()[address["w1"]])
        few.kill("w1")
        wait_for(lambda: any("waiting for one to join" in line for line in found.told))
        few.start_worker("w2")
        answer = answered.result(LIMIT_S)
        assert answer["event"] == "done"
        assert answer["worker"] not in address.values()
        found.pool.stop()


def test_a_scheduler_that_stops_to_answer_does_not_keep_us(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "_CLOSING_S", 0.5)
    with real_cluster(tmp_path / "cluster", 1) as silent:
        found = Site(tmp_path, made_up())
        found.join(silent.address, options=IDLE)
        silent.scheduler.send_signal(signal.SIGSTOP)
        stopping = Thread(target=found.pool.stop)
        stopping.start()
        stopping.join(60)
        ended = not stopping.is_alive()
        silent.scheduler.send_signal(signal.SIGCONT)
        stopping.join(LIMIT_S)
        assert ended


def test_a_scheduler_that_is_lost_while_it_is_joined(tmp_path, monkeypatch):
    with real_cluster(tmp_path / "cluster", 1) as doomed:
        monkeypatch.setattr(connections, "_check_versions", lambda *_: doomed.kill_scheduler())
        with pytest.raises(UserError, match="the cluster could not be joined"):
            Site(tmp_path, made_up()).join(doomed.address)


def test_workers_of_our_own_end_where_they_cannot_be_reached(tmp_path, monkeypatch):
    started = []

    class Cluster(LocalCluster):
        def __init__(self, **options):
            super().__init__(**options)
            started.append(self)

    def unreachable(*_arguments, **_options):
        raise OSError("nobody there")

    monkeypatch.setattr(distributed, "LocalCluster", Cluster)
    monkeypatch.setattr(distributed, "Client", unreachable)
    with pytest.raises(UserError, match=r"could not be started \(nobody there\)"):
        Site(tmp_path, made_up()).join("local:1")
    assert [one.status for one in started] == [distributed.Status.closed]


def test_a_scheduler_that_is_lost_ends_every_job_and_keeps_what_is_home(tmp_path):
    with real_cluster(tmp_path / "cluster", 1) as doomed:
        found = Site(tmp_path, made_up())
        found.join(doomed.address)
        (home,) = found.done(job_of("mlp_64_32", found.dataset))
        epoch = Future()
        found.on_epoch = lambda *_: epoch.done() or epoch.set_result(None)
        long = job_of("mlp_64_32", found.dataset, seed=1, epochs=2000)
        waiting = [found.pool.submit(job, 1.0) for job in (long, replace(long, seed=2))]
        epoch.result(LIMIT_S)
        doomed.kill_scheduler()
        for future in waiting:
            with pytest.raises(WorkersLost, match=r"is gone.*the same command goes on from there"):
                future.result(LIMIT_S)
        assert found.pool.lost is not None
        with pytest.raises(WorkersLost):
            found.pool.submit(replace(long, seed=3), 1.0).result(LIMIT_S)
        assert found.store.get(home.name) == home
        found.pool.stop()
        wait_for(lambda: not nodes_of(doomed.folder))


def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "_ANSWER_S", 1)
    with pytest.raises(UserError, match=r"--cluster 127.0.0.1:1: no Dask scheduler answers there"):
        Site(tmp_path, made_up()).join("127.0.0.1:1")


def test_a_cluster_with_certificates_is_joined_and_one_without_is_kept_out(tmp_path):
    made = Security.temporary()
    paths = {}
    for name in ("tls_ca_file", "tls_scheduler_cert", "tls_scheduler_key"):
        paths[name] = tmp_path / f"{name}.pem"
        paths[name].write_text(getattr(made, name), encoding="utf-8")
    ca, cert, key = map(str, paths.values())
    arguments = ("--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key)
    ours = {
        "distributed.comm.tls.ca-file": ca,
        "distributed.comm.tls.client.cert": cert,
        "distributed.comm.tls.client.key": key,
    }
    with real_cluster(tmp_path / "cluster", 1, arguments, protocol="tls") as safe:
        assert safe.address.startswith("tls://")
        with dask.config.set(ours):
            found = Site(tmp_path / "site", made_up())
            found.join(safe.address, options=IDLE)
            assert found.pool.connection.describe()["encrypted"] is True
            assert found.told == []
            found.pool.stop()
        with pytest.raises(UserError, match=r"tls://.*no connection .*comm\.tls\.ca-file"):
            Site(tmp_path / "without", made_up()).join(safe.address, options=IDLE)


def test_what_can_be_read_on_the_way_is_warned_of(tmp_path, monkeypatch):
    def unreachable(*_):
        raise UserError("not tried")

    monkeypatch.setattr(connections, "_reach", unreachable)
    told = {}
    for address in ("tcp://192.0.2.7:8786", "tls://192.0.2.7:8786", "127.0.0.1:8786", "local:2"):
        site = Site(tmp_path, made_up())
        with pytest.raises(UserError, match="not tried"):
            site.join(address)
        told[address] = site.told
    assert [bool(lines) for lines in told.values()] == [True, False, False, False]
    (warning,) = told["tcp://192.0.2.7:8786"]
    assert "tcp://192.0.2.7:8786 is not encrypted" in warning
    assert "Use tls://" in warning
