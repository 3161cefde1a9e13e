"""The commands that predict: which network they take, what they print, how they end."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from harness.app import kaggle, trained_network
from harness.app.predict import __main__ as command
from harness.data import MNIST_DIGEST, DataRequest
from harness.data.digits import load_digits
from harness.jobs import planning
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.train import TrainJob
from harness.jobs.local import workers
from harness.jobs.store.store import Store
from harness.network import documented
from harness.system.directories import PROJECT_ROOT
from reference import calibration, facts
from reference.errors import UserError
from reference.facts import expected_network
from reference.forward import forward, probe_weights
from tests.support.samples.photographed_digits import dark_on_light, digits, encoded

NAME = "mlp_64_32"
FACTS = facts.load(NAME)
DOCUMENTED = documented.recipe_for(FACTS, "documented", None)
GATE = documented.recipe_for(FACTS, "gate", None)


def put(root, *, recipe=DOCUMENTED, seed=0, data=MNIST_DIGEST, name=NAME, dataset="mnist"):
    """Stores a record with random weights, which `seed` decides; returns its key."""
    network = expected_network(facts.load(name))
    job = TrainJob(documented.documented_spec(facts.load(name)), recipe, dataset, data, seed, {})
    weights = {
        f"{index:03d}/{weight}": array
        for index, layer in enumerate(probe_weights(network, seed))
        for weight, array in layer.items()
    }

    def write(folder):
        np.savez(folder / "weights.npz", **weights)
        document = {"key": job.key, "job": job.to_json(), "history": {"loss": [0.1, 0.05]}}
        (folder / "record.json").write_text(json.dumps(document))

    Store(root).put(job.key, write)
    return job.key


def found(root, dataset="auto"):
    request = DataRequest(dataset, None, root / "data")
    return trained_network.trained_network(FACTS, request, Store(root), lambda _: None)


@pytest.fixture
def no_training(monkeypatch):
    def asked(*_arguments):
        raise UserError("asked for data")

    monkeypatch.setattr(trained_network, "load", asked)


@pytest.mark.usefixtures("no_training")
def test_a_whole_run_is_preferred_then_a_low_seed(tmp_path):
    put(tmp_path, recipe=GATE, seed=0)
    put(tmp_path, seed=2)
    key = put(tmp_path, seed=1)
    network = found(tmp_path)
    assert network.record.key == key
    assert network.origin == "mlp_64_32, 2 epochs on mnist, seed 1"


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": replace(DOCUMENTED, pixel_max=1.0)},
        {"recipe": replace(DOCUMENTED, epochs=3)},
        {"data": "0" * 64},
        {"name": "mlp_256_128"},
    ],
    ids=["unscaled", "short", "other_data", "other_network"],
)
@pytest.mark.usefixtures("no_training")
def test_runs_of_studies_and_of_other_networks_are_not_taken(tmp_path, other):
    put(tmp_path, **other)
    with pytest.raises(UserError, match="asked for data"):
        found(tmp_path)
    key = put(tmp_path, recipe=GATE)
    assert found(tmp_path).record.key == key


def _with_seed(key, root, seed):
    text = (Store(root).folder(key) / "record.json").read_text()
    assert '"seed": 1' in text
    return text.replace('"seed": 1', f'"seed": {seed}')


@pytest.mark.usefixtures("no_training")
def test_a_damaged_record_is_passed_over(tmp_path):
    damaged, whole = put(tmp_path, seed=0), put(tmp_path, seed=1)
    (Store(tmp_path).folder(damaged) / "weights.npz").write_bytes(b"")
    broken = Store(tmp_path).folder("ab" * 32)
    broken.mkdir(parents=True)
    (broken / "record.json").write_text("{")
    for number, text in enumerate(("[" * 100_000, _with_seed(whole, tmp_path, "1e999"))):
        broken = Store(tmp_path).folder(f"{number}" * 64)
        broken.mkdir(parents=True)
        (broken / "record.json").write_text(text)
    assert found(tmp_path).record.key == whole


@pytest.mark.usefixtures("no_training")
def test_a_record_that_another_run_takes_away_just_now_is_passed_over(tmp_path, monkeypatch):
    """A grading with --fresh does, before it trains the same anew."""
    taken, left = put(tmp_path, seed=0), put(tmp_path, seed=1)
    get = Store.get

    def overtaken(store, key, read):
        folder = get(store, key, read)
        if key == taken:
            store.discard(key)
        return folder

    monkeypatch.setattr(Store, "get", overtaken)
    network = found(tmp_path)
    assert network.record.key == left
    shutil.rmtree(tmp_path)  # nor is a file of it needed any more
    assert network.predict(digits()[:2]).shape == (2, 10)


@pytest.mark.usefixtures("no_training")
def test_digits_are_only_taken_where_they_are_asked_for(tmp_path):
    digits_recipe = documented.recipe_for(FACTS, "documented", calibration.load("digits"))
    data = load_digits()
    key = put(tmp_path, recipe=digits_recipe, data=data.digest, dataset="digits")
    assert found(tmp_path, "digits").record.key == key
    with pytest.raises(UserError, match="asked for data"):
        found(tmp_path)


def test_without_mnist_the_network_of_the_digits_is_taken_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(trained_network, "load", lambda *_: load_digits(note="no MNIST here"))
    digits_recipe = documented.recipe_for(FACTS, "documented", calibration.load("digits"))
    put(tmp_path, recipe=digits_recipe, data=load_digits().digest, dataset="digits")
    told = []
    request = DataRequest("auto", None, tmp_path / "data")
    network = trained_network.trained_network(FACTS, request, Store(tmp_path), told.append)
    assert network.origin.endswith("on digits, seed 0")
    assert told == ["no MNIST here"]


class Worker:
    """Stands where the scheduler stands; does one job, or fails."""

    def __init__(self, root, outcome):
        self.root, self.outcome, self.jobs, self.stopped = root, outcome, [], False

    def __call__(self, *_arguments, **_options):
        (self.root / "logs").mkdir(exist_ok=True)  # as starting processes does
        return self

    def submit(self, job, _cost, _limit):
        self.jobs.append(job)
        future = Future()
        if isinstance(self.outcome, Exception):
            future.set_exception(self.outcome)
        else:
            future.set_result(
                put(self.root, recipe=job.recipe, data=job.data_digest, dataset=job.dataset)
                if self.outcome == "done"
                else "0" * 64
            )
        return future

    def fork(self, _log):
        raise AssertionError("nothing is verified")

    def stop(self):
        self.stopped = True


def _trains(tmp_path, monkeypatch, outcome):
    worker = Worker(tmp_path, outcome)
    monkeypatch.setattr(workers, "Scheduler", worker)
    # The key that the stored record has: no platform is part of it here.
    monkeypatch.setattr(planning, "numeric_platform", dict)
    return worker


def test_what_was_never_trained_is_trained_once_by_the_gate_recipe(tmp_path, monkeypatch):
    worker = _trains(tmp_path, monkeypatch, "done")
    told = []
    request = DataRequest("digits", None, tmp_path / "data")
    for _ in range(2):
        network = trained_network.trained_network(FACTS, request, Store(tmp_path), told.append)
    assert network.origin.endswith("on digits, seed 0")
    assert len(worker.jobs) == 1
    assert worker.stopped
    assert worker.jobs[0].recipe == documented.recipe_for(FACTS, "gate", calibration.load("digits"))
    assert told[0].startswith("mlp_64_32 has not been trained on digits yet: training it on ")


@pytest.mark.parametrize(
    ("outcome", "complaint"),
    [
        (JobFailed("resource", "out of memory"), "mlp_64_32 could not be trained: out of memory"),
        ("vanished", "the record was removed from the store"),
    ],
)
def test_a_training_that_fails_is_told(tmp_path, monkeypatch, outcome, complaint):
    worker = _trains(tmp_path, monkeypatch, outcome)
    with pytest.raises(UserError, match=complaint):
        found(tmp_path, "digits")
    assert worker.stopped


# The command --------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    put(tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "digit.png"
    file.write_bytes(dark_on_light(digits()[6]))
    return file


def predict(store, *arguments):
    return command.main([*map(str, arguments), f"--store={store}", f"--model={NAME}"])


def expected_scores(image):
    network = expected_network(FACTS)
    return forward(network, probe_weights(network, 0), image.reshape(1, 784) / 255)[0]


def test_a_line_has_the_digit_and_all_ten_probabilities(store, picture, capsys):
    assert predict(store, picture) == 0
    scores = expected_scores(command.normalize(picture))
    out, err = capsys.readouterr()
    all_ten = "  ".join(f"{i}: {100 * score:.1f} %" for i, score in enumerate(scores))
    assert out == f"{picture}: {scores.argmax()}   [{all_ten}]\n"
    assert err == "classified by mlp_64_32, 2 epochs on mnist, seed 0\n"


def test_json_is_one_document(store, picture, tmp_path, capsys):
    (tmp_path / "blank.png").write_bytes(encoded(np.full((9, 9), 255)))
    assert predict(store, picture, tmp_path / "blank.png", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    first, second = document["predictions"]
    scores = expected_scores(command.normalize(picture))
    assert first["file"] == str(picture)
    assert first["digit"] == scores.argmax()
    assert first["probabilities"] == pytest.approx(scores, abs=1e-6)
    assert "blank" in second["error"]
    assert document["model"] == NAME


def test_one_bad_file_does_not_keep_the_others_from_being_read(store, picture, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no picture")
    code = predict(store, tmp_path / "text.png", picture, tmp_path / "missing.png")
    out, err = capsys.readouterr()
    assert code == 1
    assert out.startswith(f"{picture}: ")
    assert "text.png: this is not a picture" in err
    assert "missing.png: the file does not exist" in err


@pytest.mark.parametrize("error", [ValueError("cannot convert\nNaN"), MemoryError()])
def test_a_picture_that_breaks_the_program_does_not_break_the_others(
    store, picture, tmp_path, monkeypatch, capsys, error
):
    def breaks(file):
        if file != picture:
            raise error
        return normalize(file)

    normalize = command.normalize
    monkeypatch.setattr(command, "normalize", breaks)
    assert predict(store, tmp_path / "odd.png", picture) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{picture}: ")
    reason = str(error).replace("\n", " ") or "MemoryError"
    assert f"odd.png: the picture could not be normalized: {reason}\n" in err


def test_a_folder_stands_for_its_pictures(store, picture, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("b.png", "a.PNG", ".hidden.png"):
        (folder / name).write_bytes(picture.read_bytes())
    (folder / "notes.txt").write_text("not a picture")
    (folder / "deeper.png").mkdir()
    assert predict(store, folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [str(folder / "a.PNG"), str(folder / "b.png")]


def test_a_folder_without_pictures_is_told(store, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert predict(store, tmp_path / "empty") == 1
    assert "empty: this is a folder without pictures" in capsys.readouterr().err


def test_names_cannot_command_the_terminal(store, tmp_path, capsys):
    assert predict(store, tmp_path / "a\x1b[2J\n.png") == 1
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert r"a\x1b[2J\n.png: the file does not exist" in err


def test_ctrl_c_ends_without_a_traceback(store, picture, monkeypatch, capsys):
    def interrupted(_file):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_normalized", interrupted)
    assert predict(store, picture) == 130
    assert capsys.readouterr().err.endswith("interrupted\n")


def test_an_unknown_network_is_told(capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["x.png", "--model=resnet"])
    assert "deep_cnn" in capsys.readouterr().err


def test_the_shell_command_never_imports_tensorflow(store, picture):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "harness.predict", str(picture),
         f"--store={store}", f"--model={NAME}"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "numpy" in imported
    assert not imported & {"tensorflow", "keras", "sklearn", "matplotlib"}


# Kaggle -------------------------------------------------------------------------------------------

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 784), dtype=np.uint8)


def table(rows=IMAGES, header=kaggle.HEADER):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture
def six_rows(monkeypatch):
    monkeypatch.setattr(kaggle, "ROWS", 6)
    monkeypatch.setattr(kaggle.read_test, "__defaults__", (6,))


def submit(store, tmp_path, content, output="out.csv"):
    file = tmp_path / "test.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return kaggle.main([f"--test={file}", f"--output={tmp_path / output}", f"--store={store}"])


@pytest.mark.parametrize(
    "change", [str, lambda t: "\ufeff" + t.replace("\n", "\r\n")], ids=["plain", "windows"]
)
@pytest.mark.usefixtures("six_rows")
def test_a_submission_counts_images_from_one(store, tmp_path, change, capsys):
    assert submit(store, tmp_path, change(table())) == 0
    expected = [expected_scores(row).argmax() for row in IMAGES]
    lines = (tmp_path / "out.csv").read_bytes().split(b"\n")
    assert lines[0] == b"ImageId,Label"
    assert lines[1:] == [*(f"{i},{d}".encode() for i, d in enumerate(expected, 1)), b""]
    assert "6 images classified by mlp_64_32" in capsys.readouterr().out


def _edited(row, column, value):
    rows = [list(map(str, row)) for row in IMAGES]
    rows[row][column] = value
    return table(rows)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (table(header=f"label,{kaggle.HEADER}"), "this is train.csv"),
        ("ImageId,Label\n1,0\n", "this is already a submission"),
        (table(header="a,b,c"), "column 1 is called 'a', but should be called 'pixel0'"),
        (table(header=kaggle.HEADER.removesuffix(",pixel783")), "names 783 columns"),
        (table(IMAGES[:5]), "5 rows, but should be 6"),
        (kaggle.HEADER, "0 rows, but should be 6"),
        ("", "column 1 is called ''"),
        (_edited(2, 5, "256"), "line 4, pixel5: '256', but should be an integer from 0 to 255"),
        (_edited(2, 5, "-1"), "line 4, pixel5: '-1'"),
        (_edited(0, 7, "0.5"), "line 2, pixel7: '0.5'"),
        (_edited(5, 783, ""), "line 7, pixel783: ''"),
        (_edited(5, 783, "1,2"), "line 7: 785 values, but should be 784"),
        (table().rpartition(",")[0], "line 7: 783 values, but should be 784"),
        (b"PK\x03\x04", "this is a zip archive"),
        (b"\xff\xfe\x00", "this is not text"),
        (b"11\n" * 1_000, "1,000 lines, but should be 7"),  # each costs fifty bytes of memory
    ],
    ids=[
        "train", "submission", "other_header", "column_missing", "row_missing", "no_rows", "empty",
        "too_dark", "negative", "fraction", "nothing", "too_long", "cut_off", "zip", "bytes",
        "lines",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("six_rows")
def test_another_table_is_refused(store, tmp_path, content, complaint, capsys):
    assert submit(store, tmp_path, content) == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("six_rows")
def test_an_earlier_submission_is_replaced_and_another_file_is_not(store, tmp_path, capsys):
    (tmp_path / "out.csv").write_text("ImageId,Label\n1,3\n")
    assert submit(store, tmp_path, table()) == 0
    assert (tmp_path / "out.csv").read_text().count("\n") == 7
    assert submit(store, tmp_path, table(), output="test.csv") == 2
    assert "this file exists and is not a submission" in capsys.readouterr().err
    assert (tmp_path / "test.csv").read_text() == table()
    assert submit(store, tmp_path, table(), output="no/out.csv") == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.usefixtures("six_rows")
def test_a_write_that_fails_leaves_the_earlier_submission(store, tmp_path, monkeypatch):
    (tmp_path / "out.csv").write_text("ImageId,Label\n1,3\n")

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    assert submit(store, tmp_path, table()) == 2
    assert (tmp_path / "out.csv").read_text() == "ImageId,Label\n1,3\n"
    assert sorted(file.name for file in tmp_path.glob("*out.csv*")) == ["out.csv"]


def test_mnists_own_test_images_are_taken_by_default(store, tmp_path, monkeypatch, capsys):
    data = SimpleNamespace(
        test_images=IMAGES.reshape(-1, 28, 28),
        test_labels=np.array([expected_scores(row).argmax() for row in IMAGES]),
    )
    monkeypatch.setattr(kaggle, "load", lambda request, _tell: asked.append(request) or data)
    asked = []
    assert kaggle.main([f"--output={tmp_path / 'out.csv'}", f"--store={store}"]) == 0
    assert asked[0].dataset == "mnist"
    assert "6 of them correct (100.00 %)" in capsys.readouterr().out
