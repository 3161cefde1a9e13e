"""Downloads: whole or not at all, patient with a slow server, brief with a dead one."""

import hashlib
import threading
import time
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import pytest

from harness.data import DataRequest, load
from harness.data import download as network
from harness.data.download import Network, Unavailable, connect, describe, download, in_time
from harness.data.npz import write_npz
from reference.errors import UserError
from tests.support.data_files import NO_NETWORK, identity_of, isolate, synthetic_parts
from tests.support.http_server import serving

PARTS = synthetic_parts()
ARCHIVE = write_npz(PARTS)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path / "home")


def _headers_only(handler, length):
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def answer(handler):
    """The honest server: the archive, with its length."""
    _headers_only(handler, len(ARCHIVE))
    handler.wfile.write(ARCHIVE)


def local(url, **changes):
    sha256 = hashlib.sha256(ARCHIVE).hexdigest()
    return Network(
        **({"mnist_url": url, "openml_url": f"{url}-none", "mnist_sha256": sha256} | changes)
    )


def load_mnist(tmp_path, own_network, told=None, dataset="mnist"):
    request = DataRequest(dataset, None, tmp_path / "cache")
    report = (lambda _: None) if told is None else told.append
    return load(request, report, identity=identity_of(PARTS), network=own_network)


def test_download_is_verified_kept_and_not_repeated(tmp_path):
    told = []
    with serving(answer) as (url, asked):
        first = load_mnist(tmp_path, local(url), told)
        second = load_mnist(tmp_path, local(url), told)
        assert asked == ["/mnist.npz"]
    assert (first.source, second.source) == (
        "mnist.npz (downloaded)",
        "mnist.npz (downloaded earlier)",
    )
    assert first.digest == second.digest == identity_of(PARTS).digest
    assert told == [f"downloading {url} (0.0 MB)"]
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["mnist.npz"]
    assert (tmp_path / "cache" / "mnist.npz").read_bytes() == ARCHIVE


def test_proxies_of_the_environment_are_honoured(tmp_path, monkeypatch):
    with serving(answer) as (url, asked):
        monkeypatch.setenv("http_proxy", url.removesuffix("/mnist.npz"))
        load_mnist(tmp_path, local("http://mnist.invalid/mnist.npz"))
        assert asked == ["http://mnist.invalid/mnist.npz"]


def test_a_slow_server_is_waited_for_and_progress_is_told(tmp_path):
    def slowly(handler):
        _headers_only(handler, len(ARCHIVE))
        for start in range(0, len(ARCHIVE), 4_000):
            handler.wfile.write(ARCHIVE[start : start + 4_000])
            handler.wfile.flush()
            time.sleep(0.05)

    told = []
    with serving(slowly) as (url, _):
        # In all it takes longer than connecting may, and no single pause is a stall.
        load_mnist(tmp_path, local(url, connect_s=0.2, progress_s=0.0), told)
    assert len(told) > 3
    assert told[-1] == f"downloaded {len(ARCHIVE) / 1e6:.1f} of {len(ARCHIVE) / 1e6:.1f} MB"


def test_a_server_that_stalls_is_given_up(tmp_path):
    release = threading.Event()

    def stall(handler):
        _headers_only(handler, len(ARCHIVE))
        handler.wfile.write(ARCHIVE[:100])
        handler.wfile.flush()
        release.wait(20)

    with serving(stall) as (url, _):
        try:
            with pytest.raises(UserError, match="download: the download broke off: timed out"):
                load_mnist(tmp_path, local(url, stall_s=0.2, openml_connect_s=0.2))
        finally:
            release.set()


def _half(handler):
    _headers_only(handler, len(ARCHIVE))
    handler.wfile.write(ARCHIVE[:1_000])


def _login_page(handler):
    page = b"<html>please log in</html>"
    _headers_only(handler, len(page))
    handler.wfile.write(page)


@pytest.mark.parametrize(
    ("respond", "complaint"),
    [
        (lambda handler: handler.send_error(404), "127.0.0.1:[0-9]+: the server answers 404"),
        (_half, f"broke off after 1,000 of {len(ARCHIVE):,} bytes"),
        (_login_page, "sent 26 bytes with the SHA-256 [0-9a-f]{64}, but it should be"),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), "nonsense"),
    ],
)
def test_a_failed_download_is_told_and_leaves_nothing(tmp_path, respond, complaint):
    with serving(respond) as (url, _), pytest.raises(UserError, match=f"download: .*{complaint}"):
        load_mnist(tmp_path, local(url, openml_url="http://127.0.0.1:1/"))
    assert not (tmp_path / "cache").exists()


def test_an_endless_download_is_cut_off(monkeypatch):
    monkeypatch.setattr(network, "MAX_DOWNLOAD_BYTES", 1_000)
    with serving(answer) as (url, _), pytest.raises(Unavailable, match="sends more than"):
        download(local(url), url, lambda _: None)


def test_the_right_file_with_wrong_contents_is_not_used(tmp_path):
    other = identity_of(synthetic_parts(seed=1))
    with serving(answer) as (url, _):
        request = DataRequest("mnist", None, tmp_path / "cache")
        own_network = local(url, openml_url="http://127.0.0.1:1/")
        with pytest.raises(UserError, match=r"  download: .*these are not MNIST's training"):
            load(request, lambda _: None, identity=other, network=own_network)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_costs_only_a_line(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    told = []
    with serving(answer) as (url, _):
        assert load_mnist(tmp_path, local(url), told).name == "mnist"
    assert "could not be kept" in told[-1]


def test_a_write_that_fails_midway_leaves_nothing(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    told = []
    with serving(answer) as (url, _):
        assert load_mnist(tmp_path, local(url), told).name == "mnist"
    assert "No space left on device" in told[-1]
    assert list((tmp_path / "cache").iterdir()) == []


class Hanging:
    """An opener that hangs as a look-up of a name can, until the test lets it go."""

    def __init__(self):
        self.release, self.closed, self.calls = threading.Event(), threading.Event(), []

    def __call__(self, url, _stall_s):
        self.calls.append(url)
        self.release.wait(60)
        return SimpleNamespace(close=self.closed.set)


def test_a_hanging_look_up_ends_at_the_deadline(tmp_path):
    hanging = Hanging()
    own_network = Network(open=hanging, connect_s=0.2, openml_connect_s=0.1)
    started = time.monotonic()
    dataset = load_mnist(tmp_path, own_network, dataset="auto")
    assert time.monotonic() - started < 30  # it hangs for 60 s
    assert dataset.name == "digits"
    assert "download: storage.googleapis.com: no answer within 0.2 s" in dataset.note
    assert "OpenML: www.openml.org: no answer within 0.1 s" in dataset.note
    assert len(hanging.calls) == 2
    hanging.release.set()
    assert hanging.closed.wait(10)  # a late answer is not leaked


def test_deciding_that_there_is_no_network_takes_less_than_ten_seconds():
    assert Network().connect_s + Network().openml_connect_s < 10


def test_a_late_failure_is_dropped_silently():
    release, failed = threading.Event(), threading.Event()

    def fail():
        release.wait(60)
        failed.set()
        raise OSError("too late")

    with pytest.raises(Unavailable, match=r"no answer within 0\.05 s"):
        in_time(fail, 0.05, discard=lambda _: None)
    release.set()
    assert failed.wait(10)
    for thread in threading.enumerate():
        if thread.name == "harness-network":
            thread.join(10)


def test_a_refused_connection_names_host_and_reason():
    with pytest.raises(Unavailable, match=r"^www\.openml\.org: Connection refused$"):
        connect(NO_NETWORK, NO_NETWORK.openml_url, 5)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (URLError(OSError(-2, "Name or service not known")), "Name or service not known"),
        (URLError("unknown url type: x"), "unknown url type: x"),
        (HTTPError("u", 503, "Unavailable", None, None), "the server answers 503 Unavailable"),
        (TimeoutError("timed out"), "timed out"),
        (ValueError("first\nsecond"), "first"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_errors_are_described_in_one_line(error, line):
    assert describe(error) == line
