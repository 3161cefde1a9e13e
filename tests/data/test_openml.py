"""fetch_openml itself, fed with what OpenML answers, gives the digest that the IDX files give.

A server on this machine has the answers for a small table in the layout of mnist_784: metadata as
JSON, the table as ARFF, each packed with gzip.
"""

import gzip
import re
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest

from harness.data import DataRequest, digest, load
from harness.data.download import Network
from harness.data.folder import read_folder
from reference.errors import UserError
from tests.support.data_files import (
    NO_NETWORK,
    identity_of,
    isolate,
    write_idx_folder,
)
from tests.support.http_server import serving
from tests.support.openml_answers import DATA, DOWNLOAD, FEATURES, PARTS, QUALITIES, answers, arff

IDENTITY = identity_of(PARTS)


@contextmanager
def openml(monkeypatch, table, *, replies=None):
    """OpenML on this machine: whatever asks for it asks here, by either of its names."""
    replies = answers(table) if replies is None else replies

    def respond(handler):
        packed = gzip.compress(replies[handler.path])
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(packed)))
        handler.end_headers()
        handler.wfile.write(packed)

    with serving(respond) as (url, asked):
        here = url.removesuffix("/mnist.npz")

        def opened(request, *_args, **_kwargs):
            host, path = re.fullmatch(r"https://([^/]*)(/.*)", request.full_url).groups()
            assert host in {"www.openml.org", "api.openml.org"}  # the latter: scikit-learn 1.8
            headers = dict(request.header_items())
            return urllib.request.urlopen(  # noqa: S310  (on this machine)
                urllib.request.Request(here + path, headers=headers)  # noqa: S310
            )

        monkeypatch.setattr("sklearn.datasets._openml.urlopen", opened)
        yield Network(mnist_url="http://127.0.0.1:1/mnist.npz", openml_url=here + DATA), asked


def _table():
    images = np.concatenate([PARTS["train_images"], PARTS["test_images"]])
    labels = np.concatenate([PARTS["train_labels"], PARTS["test_labels"]])
    return images, labels


def _load(tmp_path, network):
    request = DataRequest("mnist", None, tmp_path / "cache")
    return load(request, lambda _: None, identity=IDENTITY, network=network)


def test_the_table_that_fetch_openml_reads_is_the_idx_files(tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path / "home")
    files, _ = read_folder(write_idx_folder(tmp_path / "idx", PARTS), "x", IDENTITY)
    with openml(monkeypatch, arff(*_table())) as (network, asked):
        dataset = _load(tmp_path, network)
    assert dataset.source == "OpenML mnist_784"
    assert digest(dataset) == digest(files) == IDENTITY.digest
    assert set(asked) == {DATA, FEATURES, QUALITIES, DOWNLOAD}

    # What scikit-learn keeps of it is found again, without a network and without our own copy.
    (tmp_path / "cache" / "mnist.npz").unlink()
    again = _load(tmp_path, NO_NETWORK)
    assert (again.source, again.digest) == ("OpenML mnist_784", IDENTITY.digest)


def _one_pixel(images, labels):
    images[0, 0, 0] ^= 1
    return arff(images, labels)


def _too_dark(images, labels):
    return arff(images.astype(int) + 1, labels)


def _mixed(images, labels):
    return arff(images[::-1], labels[::-1])


def _long_label(images, labels):
    return arff(images, labels).replace(b",0\n", b",%s\n" % MANY).replace(b"{0,", b"{%s," % MANY)


MANY = b"9" * 30


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (_long_label, "too large"),
        (_one_pixel, "these are not MNIST's training images"),
        (_too_dark, "values must be integers from 0 to 255"),
        (_mixed, "these are not MNIST's training images"),
    ],
)
def test_another_table_is_refused(tmp_path, monkeypatch, make, complaint):
    isolate(monkeypatch, tmp_path / "home")
    with (
        openml(monkeypatch, make(*_table())) as (network, _),
        pytest.raises(UserError, match=f"OpenML: .*{complaint}"),
    ):
        _load(tmp_path, network)


@pytest.mark.filterwarnings("ignore:Invalid cache, redownloading:RuntimeWarning")
def test_a_table_that_was_altered_on_its_way_is_refused(tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path / "home")
    table = arff(*_table())
    replies = answers(table) | {DOWNLOAD: table.replace(b",9\n", b",8\n")}
    with (
        openml(monkeypatch, table, replies=replies) as (network, _),
        pytest.raises(UserError, match=r"OpenML: .*md5 checksum"),
    ):
        _load(tmp_path, network)
