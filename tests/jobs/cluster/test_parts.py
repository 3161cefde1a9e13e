"""The parts of harness/cluster that need no cluster: addresses, needs, payloads, nodes."""

import errno
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.data import (
    DIGITS_DIGEST,
    MNIST_DIGEST,
    PARTS,
    Arrays,
    Dataset,
    digest,
    load_digits,
    publish,
)
from harness.data.letters import Letters, open_letters, publish_letters
from harness.data.shared_arrays import open_published
from harness.jobs import planning
from harness.jobs.cluster import connection as connections
from harness.jobs.cluster import payloads
from harness.jobs.cluster import pool as pools
from harness.jobs.cluster.address import parse, resources
from harness.jobs.cluster.connection import connect
from harness.jobs.cluster.payloads import own_images
from harness.jobs.cluster.workers import ClusterWorkers
from harness.jobs.kinds.base import Inputs
from harness.jobs.kinds.evaluate import EvaluateJob
from harness.jobs.kinds.registry import inputs
from harness.jobs.kinds.robustness import RobustnessJob
from harness.jobs.kinds.transfer import TransferJob
from harness.jobs.store.store import Store
from harness.network import documented as network_documented
from harness.report.schema import results as schema
from harness.report.sections import environment
from harness.system.directories import PROJECT_ROOT
from harness.system.machine import numeric_platform
from reference import calibration, facts
from reference.errors import UserError
from tests.support.samples.results import sample

FOLDER = Path("/somewhere")


@pytest.mark.parametrize(
    ("text", "url", "encrypted", "here"),
    [
        ("10.0.0.5:8786", "tcp://10.0.0.5:8786", False, False),
        ("tcp://10.0.0.5:8786", "tcp://10.0.0.5:8786", False, False),
        ("tls://grader.example.edu:8786", "tls://grader.example.edu:8786", True, False),
        ("tcp://localhost:8786", "tcp://localhost:8786", False, True),
        ("127.3.2.1:8786", "tcp://127.3.2.1:8786", False, True),
        ("tcp://[::1]:8786", "tcp://[::1]:8786", False, True),
        ("ws://grader.example.edu:8786", "ws://grader.example.edu:8786", False, False),
    ],
)
def test_an_address_is_read(text, url, encrypted, here):
    found = parse(text, FOLDER)
    assert (found.url, found.encrypted, found.on_this_machine) == (url, encrypted, here)
    assert found.local == 0


def test_workers_on_this_machine_are_counted():
    found = parse("local:3", FOLDER)
    assert (found.local, found.url, found.on_this_machine) == (3, "", True)


def test_a_scheduler_file_is_read(tmp_path):
    (tmp_path / "scheduler.json").write_text('{"type": "Scheduler", "address": "tls://a:1"}')
    assert parse("scheduler.json", tmp_path).url == "tls://a:1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected the address of a Dask scheduler"),
        ("grader.example.edu", "expected the address of a Dask scheduler"),
        ("http://a b:80", "expected the address of a Dask scheduler"),
        ("tcp://host:8786/path", "expected the address of a Dask scheduler"),
        ("local:", "an integer N from 1 to 256"),
        ("local:0", "an integer N from 1 to 256"),
        ("local:-1", "an integer N from 1 to 256"),
        ("local:257", "an integer N from 1 to 256"),
        ("local:two", "an integer N from 1 to 256"),
        ("missing.json", "it cannot be read (No such file or directory)"),
        ("odd.json", "this is not a scheduler file of Dask"),
        ("list.json", "this is not a scheduler file of Dask"),
        ("deep.json", "this is not a scheduler file of Dask"),
        ("number.json", "this is not a scheduler file of Dask"),
        ("bracket.json", "this is not a scheduler file of Dask"),
        ("tcp://[::1:8786", "expected the address of a Dask scheduler"),
    ],
)
def test_what_is_no_address_is_refused(tmp_path, text, expected):
    (tmp_path / "odd.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "number.json").write_text('{"address": 7}')
    (tmp_path / "bracket.json").write_text('{"address": "tcp://[::1:8786"}')
    with pytest.raises(UserError) as refused:
        parse(text, tmp_path)
    assert expected in str(refused.value)
    assert "--cluster" in str(refused.value)


def test_resources_are_read():
    assert resources("GPU=1, MEMORY=8e9") == {"GPU": 1.0, "MEMORY": 8e9}


@pytest.mark.parametrize("text", ["", "GPU", "GPU=", "=1", "GPU=0", "GPU=-1", "GPU=x", "A=inf"])
def test_what_is_no_list_of_resources_is_refused(text):
    with pytest.raises(UserError, match="expected the names and amounts"):
        resources(text)


# Inputs -------------------------------------------------------------------------------------------


def test_what_jobs_read_is_what_their_fields_name():
    spec = network_documented.documented_spec(facts.load("mlp_64_32"))
    assert inputs(EvaluateJob(spec, "w", "digits", "d", (1.0,), {})) == Inputs(("w",), ("d",))
    assert inputs(RobustnessJob("b", "d", 5, 0, {})) == Inputs(("b",), ("d",))
    transfer = TransferJob("b", "l", None, "adam", 0.1, 8, 2, 0, {})
    assert inputs(transfer) == Inputs(("b",), (), ("l",))
    assert inputs(replace(transfer, test_letters="t")) == Inputs(("b",), (), ("l", "t"))
    assert Inputs.from_json(json.loads(json.dumps(inputs(transfer).to_json()))) == inputs(transfer)


# Payloads ----------------------------------------------------------------------------------------


def test_the_code_that_is_sent_is_the_projects_and_the_same_always():
    packed = payloads.code()
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert {"harness/jobs/local/worker.py", "reference/facts/deep_cnn.toml"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("models")]
    payloads.code.cache_clear()
    assert payloads.code() == packed


def test_images_travel(tmp_path):
    digits = load_digits()
    publish(digits, tmp_path / "here")
    payload = payloads.pack_images(tmp_path / "here", digits.digest)
    payloads.keep_images(tmp_path / "there", digits.digest, payload)
    payloads.keep_images(tmp_path / "there", digits.digest, payload)  # another node's, too
    assert digest(open_published(tmp_path / "there", digits.digest)) == digits.digest
    assert [path.name for path in (tmp_path / "there").iterdir()] == [digits.digest]


def test_other_images_are_not_taken_for_them(tmp_path):
    digits = load_digits()
    publish(digits, tmp_path / "here")
    payload = payloads.pack_images(tmp_path / "here", digits.digest)
    with pytest.raises(ValueError, match="expected 000"):
        payloads.keep_images(tmp_path / "there", "000", payload)
    assert not (tmp_path / "there").exists()


def test_letters_travel(tmp_path):
    letters = Letters(np.zeros((2, 28, 28), np.uint8), np.array([0, 1], np.uint8), "drawn")
    publish_letters(letters, tmp_path / "here")
    payload = payloads.pack_letters(tmp_path / "here", letters.digest)
    payloads.keep_letters(tmp_path / "there", letters.digest, payload)
    assert open_letters(tmp_path / "there", letters.digest).digest == letters.digest
    with pytest.raises(ValueError, match="but should be 111"):
        payloads.keep_letters(tmp_path / "there", "111", payload)
    assert [path.name for path in (tmp_path / "there").iterdir()] == [f"{letters.digest}.npz"]


def test_a_record_travels_whole(tmp_path):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    folder = here.put("k" * 64, lambda folder: (folder / "a.bin").write_bytes(b"\0\1"))
    payloads.keep_record(there, "k" * 64, payloads.pack_record(folder))
    found = there.get("k" * 64)
    assert found is not None
    assert (found / "a.bin").read_bytes() == b"\0\1"


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/b", "..", "."])
def test_files_outside_a_record_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="a record contains files named"):
        payloads.keep_record(Store(tmp_path / "s"), "k" * 64, {name: b""})
    assert not (tmp_path / "a").exists()


# What a worker's machine has ----------------------------------------------------------------------


def test_a_machine_that_has_the_images_is_not_sent_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert own_images(DIGITS_DIGEST).digest == DIGITS_DIGEST
    assert own_images("0" * 64) is None
    assert own_images(MNIST_DIGEST) is None  # neither named nor cached
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "mistyped"))
    assert own_images(MNIST_DIGEST) is None  # of no use here, and no reason to fail


# A node -------------------------------------------------------------------------------------------


@pytest.fixture
def node(tmp_path):
    """Starts a node whose worker trains nothing, as a Dask worker does."""
    code = (
        "import sys; sys.argv[1:] = ["
        f"{str(tmp_path / 'node')!r}, '--shared', {str(tmp_path / 'shared')!r}, "
        f"'--hint', {str(tmp_path / 'hint')!r}, "
        "'--idle', sys.argv[1], '--module', sys.argv[2]]; "
        "from harness.jobs.cluster.node import main; sys.exit(main())"
    )
    started = []

    def start(idle="60", module="harness.benchmarks.scale.idle_worker"):
        process = subprocess.Popen(
            [sys.executable, "-c", code, idle, module],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        if not process.stdin.closed:
            process.communicate()


def ask(process, **request):
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def test_a_node_says_what_machine_it_is_on(node):
    answer = ask(node(), action="hello")
    assert answer["event"] == "hello"
    assert answer["platform"] == json.loads(json.dumps(numeric_platform()))


def work(platform, **needed):
    documented = facts.load("mlp_64_32")
    recipe = network_documented.recipe_for(documented, "gate", calibration.load("digits"))
    job = replace(
        planning.job_for(network_documented.documented_spec(documented), recipe, load_digits(), 3),
        platform=platform,
    )
    wanted = {"records": [], "images": [], "letters": [], **needed}
    return {"action": "do", "job": job.to_json(), "limit": None, "inputs": wanted, "payloads": []}


def flip_last_byte(file):
    with file.open("r+b") as opened:
        opened.seek(-1, 2)
        opened.write(b"\x07")


def test_a_node_refuses_a_job_of_another_platform(node):
    answer = ask(node(), **work({**numeric_platform(), "keras": "3.9.9"}))
    assert answer["event"] == "refused"
    assert answer["expected"]["keras"] == "3.9.9"
    assert answer["actual"]["keras"] == numeric_platform()["keras"]


def test_a_node_says_what_it_lacks_and_takes_it(node, tmp_path):
    process = node()
    platform = numeric_platform()
    answer = ask(process, **work(platform, images=["0" * 64], records=["k" * 64]))
    assert answer == {
        "event": "missing",
        "inputs": {"records": ["k" * 64], "images": ["0" * 64], "letters": []},
    }
    (tmp_path / "payload").mkdir()
    (tmp_path / "payload" / "a.bin").write_bytes(b"a")
    request = work(platform, records=["k" * 64], images=[DIGITS_DIGEST])
    request["payloads"] = [
        {"kind": "record", "name": "k" * 64, "path": str(tmp_path / "payload")}
    ]  # fmt: skip
    answer = ask(process, **request)
    assert (answer["event"], answer["key"]) == ("done", "3")  # as an idle worker answers


def test_a_node_uses_the_controllers_data_where_it_sees_them(node, tmp_path):
    digits = load_digits()
    publish(digits, tmp_path / "hint")
    answer = ask(node(), **work(numeric_platform(), images=[digits.digest]))
    assert answer["event"] == "done"
    assert not (tmp_path / "shared").exists()
    assert (
        tmp_path / "node" / "data" / digits.digest
    ).readlink() == tmp_path / "hint" / digits.digest


def test_damaged_data_of_the_controllers_are_not_used(node, tmp_path):
    digits = load_digits()
    flip_last_byte(publish(digits, tmp_path / "hint") / "train_labels.npy")
    answer = ask(node(), **work(numeric_platform(), images=[digits.digest]))
    assert answer["event"] == "done"
    assert (tmp_path / "shared" / digits.digest).is_dir()  # the machine's own digits


def test_images_that_were_damaged_on_a_worker_s_disk_are_replaced(node, tmp_path):
    digits = load_digits()
    here, shared = tmp_path / "here", tmp_path / "shared"
    some = Dataset.of(
        Arrays(**{part: digits.part(part)[:50] for part in PARTS}),
        name="some", digest="", source="drawn",
    )  # fmt: skip
    some = replace(some, digest=digest(some))
    publish(some, here)
    payload = tmp_path / "payload"
    payload.write_bytes(payloads.pack_images(here, some.digest))
    flip_last_byte(publish(some, shared) / "train_labels.npy")
    process = node()
    request = work(numeric_platform(), images=[some.digest])
    assert ask(process, **request)["inputs"]["images"] == [some.digest]
    images = [{"kind": "images", "name": some.digest, "path": str(payload)}]
    kept = ask(process, **{**request, "action": "keep", "payloads": images})
    assert kept == {"event": "missing", "inputs": {"records": [], "images": [], "letters": []}}
    assert ask(process, **request)["event"] == "done"
    assert digest(open_published(shared, some.digest)) == some.digest


def test_a_node_in_trouble_says_so_and_answers_on(node, tmp_path):
    process = node()
    (tmp_path / "payload").write_bytes(b"no payload")
    request = work(numeric_platform())
    request["payloads"] = [
        {"kind": "images", "name": "0" * 64, "path": str(tmp_path / "payload")}
    ]  # fmt: skip
    answer = ask(process, **request)
    assert answer == {"event": "broken", "message": "BadZipFile: File is not a zip file"}
    assert ask(process, action="hello")["event"] == "hello"


def test_a_full_disk_is_the_machine_s_trouble_and_not_the_job_s(node):
    answer = ask(
        node(module="tests.support.processes.full_disk_worker"), **work(numeric_platform())
    )
    assert answer["event"] == "broken"
    assert "no space left on it" in answer["message"]


def test_a_node_that_nobody_asks_ends_and_takes_its_files_along(node, tmp_path):
    process = node(idle="0.2")
    assert process.wait(60) == 0
    assert not (tmp_path / "node").exists()


def test_a_node_ends_with_the_worker_that_asked_it(node, tmp_path):
    process = node()
    ask(process, action="hello")
    process.communicate(timeout=60)  # closes its input
    assert process.returncode == 0
    assert not (tmp_path / "node").exists()


# Without Dask -------------------------------------------------------------------------------------


def test_without_dask_it_is_said_what_to_install(tmp_path, monkeypatch):
    def missing(name):
        raise connections.PackageNotFoundError(name)

    monkeypatch.setattr(connections, "version", missing)
    with pytest.raises(UserError, match=r"pip install -r requirements-cluster\.txt"):
        connect(parse("local:2", FOLDER), tmp_path, tmp_path, print, resources={})


class Pool:
    """A cluster's, as far as a session sees it while it begins."""

    def __init__(self, _connection, _data, _store, _on_event, tell, _resources):
        self.tell, self.connection = tell, _connection

    def offer(self, _images):
        raise OSError("the scheduler went away")


def test_what_a_cluster_s_threads_say_does_not_go_to_the_terminal_at_once(tmp_path, monkeypatch):
    described = {"workers": 1, "threads": 2, "cpus": ["a CPU"]}
    connection = SimpleNamespace(describe=lambda: described)
    monkeypatch.setattr(connections, "connect", lambda *_, **__: connection)
    monkeypatch.setattr(pools, "ClusterPool", Pool)
    told, noted = [], []
    workers = ClusterWorkers(
        parse("127.0.0.1:1", FOLDER), {}, tmp_path, tmp_path, lambda *_: None,
        tell=told.append, note=noted.append,
    )  # fmt: skip
    with pytest.raises(UserError, match=r"could not be joined \(the scheduler went away\)"):
        workers.begin("0" * 64)
    workers.get().tell("later")
    assert told == ["Training on a Dask cluster: 1 worker, 2 at once, a CPU"]
    assert noted == ["later"]


def test_a_worker_that_cannot_start_a_node_says_why():
    nodes = connections.remote().Nodes(SimpleNamespace(name="a session"))

    def ask(_request):
        raise OSError(errno.ENOSPC, "No space left on device")

    nodes.ask = ask
    assert nodes.hello() == {"event": "died", "message": "[Errno 28] No space left on device"}


def test_workers_that_are_not_alike_are_refused():
    platform = numeric_platform()
    other = {**platform, "flags": ["avx2"]}
    machines = tuple(
        connections.Machine(f"w{number}", 1, "a CPU", each)
        for number, each in enumerate((platform, platform, other))
    )
    assert connections._common_platform(machines[:2]) == platform
    with pytest.raises(UserError, match=r"flags is .* on w0 .* and \['avx2'\] on w2"):
        connections._common_platform(machines)


def test_the_module_that_is_sent_cannot_be_imported_by_its_name():
    """Else Dask would send its name, and no worker has it."""
    module = connections.remote()
    assert module.perform.__module__ == "mnist_grader_remote"
    assert "mnist_grader_remote" not in sys.modules


@pytest.mark.parametrize(
    ("encrypted", "note"), [(True, ""), (False, ", what was sent was not encrypted")]
)
def test_the_report_says_what_cluster_trained(encrypted, note):
    results = sample()
    results["environment"] |= {
        "workers": 6,
        "cluster": {
            "dask": "2026.8.0", "workers": 3, "threads": 6, "cpus": ["A", "B"],
            "encrypted": encrypted,
        },
    }  # fmt: skip
    card = dict(environment.environment(schema.checked(results)))
    assert card["Training"] == f"on a Dask cluster (2026.8.0): 3 workers, 6 at once, A, B{note}"
