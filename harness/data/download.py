"""Downloading within limits: a dead network is noticed in seconds, a slow one is waited for."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")

MAX_DOWNLOAD_BYTES = 64 * 2**20  # mnist.npz has 11 MB
_CHUNK_BYTES = 64 * 2**10
_MB = 1e6


class Unavailable(Exception):
    """A source cannot be had here and now; the message says why, without a full stop."""


class Response(Protocol):
    """The part of http.client.HTTPResponse that is used."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    def read1(self, n: int, /) -> bytes: ...
    def close(self) -> None: ...


def open_url(url: str, stall_s: float) -> Response:
    """Opens a URL through urllib, which honours the proxy variables of the environment."""
    import urllib.request  # noqa: PLC0415 - 50 ms, and most runs need no network

    # An opener of our own: urlopen's shared one keeps the proxies of its first use.
    response: Response = urllib.request.build_opener().open(url, timeout=stall_s)
    return response


@dataclass(frozen=True)
class Network:
    """Addresses and limits. What decides that there is no network sums to less than 10 s."""

    mnist_url: str = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
    # Published by Keras beside that URL.
    mnist_sha256: str = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    openml_url: str = "https://www.openml.org/api/v1/json/data/554"  # mnist_784, version 1
    connect_s: float = 5.0  # from a name to the first byte of an answer
    openml_connect_s: float = 4.0
    stall_s: float = 15.0  # a connection that has answered may pause this long
    openml_fetch_s: float = 600.0  # the table is 15 MB, and half a minute's work to parse
    progress_s: float = 5.0  # between two lines on the progress of a download
    open: Callable[[str, float], Response] = open_url


def connect(network: Network, url: str, deadline_s: float) -> Response:
    """Returns an open response, or gives up after `deadline_s`, whatever the attempt hangs in.

    Raises:
        Unavailable: no answer in time, or a refusal.
    """
    try:
        return in_time(
            lambda: network.open(url, network.stall_s),
            deadline_s,
            discard=lambda late: late.close(),
        )
    except Unavailable as error:
        host = url.split("/")[2]
        raise Unavailable(f"{host}: {error}") from error


def in_time(action: Callable[[], T], deadline_s: float, discard: Callable[[T], None]) -> T:
    """Returns action()'s result if it comes within `deadline_s`.

    A look-up of a name cannot be interrupted, so the action runs in a daemon thread that is
    left behind when the time is up; what it yields later goes to `discard`.

    Raises:
        Unavailable: the action failed, or did not end in time.
    """
    import threading  # noqa: PLC0415 - kept beside its fellow below
    from concurrent.futures import Future, InvalidStateError  # noqa: PLC0415 - imports logging

    outcome: Future[T] = Future()

    def attempt() -> None:
        try:
            result = action()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told by the caller
            with contextlib.suppress(InvalidStateError):  # the caller has given up
                outcome.set_exception(Unavailable(describe(error)))
            return
        try:
            outcome.set_result(result)
        except InvalidStateError:
            discard(result)

    threading.Thread(target=attempt, daemon=True, name="harness-network").start()
    try:
        return outcome.result(deadline_s)
    except TimeoutError:
        if outcome.cancel():
            raise Unavailable(f"no answer within {deadline_s:g} s") from None
        return outcome.result()  # it came in this very moment


def describe(error: BaseException) -> str:
    """Returns one line on why a connection or a download failed."""
    reason = getattr(error, "reason", None)  # URLError wraps the error that tells
    if (code := getattr(error, "code", None)) is not None:
        if close := getattr(error, "close", None):
            close()  # an HTTPError holds the connection
        return f"the server answers {code} {reason}"
    if isinstance(reason, BaseException):
        return describe(reason)
    text = getattr(error, "strerror", None) or reason or error
    lines = str(text).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def download(network: Network, url: str, report: Callable[[str], None]) -> bytes:
    """Returns what is at `url`, telling `report` every `progress_s` how far it has come.

    Raises:
        Unavailable: no connection in time, it broke off or stalled, or the content is larger
            than MAX_DOWNLOAD_BYTES.
    """
    from http.client import HTTPException  # noqa: PLC0415 - loaded by urllib at the latest

    response = connect(network, url, network.connect_s)
    try:
        total = _length(response)
        report(f"downloading {url}" + (f" ({total / _MB:.1f} MB)" if total else ""))
        content = _receive(response, total, network.progress_s, report)
    except (OSError, HTTPException) as error:
        raise Unavailable(f"the download broke off: {describe(error)}") from error
    finally:
        response.close()
    if len(content) > MAX_DOWNLOAD_BYTES:
        raise Unavailable(f"{url} sends more than {MAX_DOWNLOAD_BYTES / _MB:.0f} MB")
    if len(content) < total:
        raise Unavailable(f"the download broke off after {len(content):,} of {total:,} bytes")
    return content


def _receive(
    response: Response, total: int, progress_s: float, report: Callable[[str], None]
) -> bytes:
    """Returns the content, or what there is of it once it exceeds MAX_DOWNLOAD_BYTES."""
    content = bytearray()
    told = time.monotonic()
    # read1 returns what is there, so a slow server is seen to make progress.
    while len(content) <= MAX_DOWNLOAD_BYTES and (chunk := response.read1(_CHUNK_BYTES)):
        content += chunk
        if time.monotonic() - told >= progress_s:
            told = time.monotonic()
            of = f" of {total / _MB:.1f}" if total else ""
            report(f"downloaded {len(content) / _MB:.1f}{of} MB")
    return bytes(content)


def _length(response: Response) -> int:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() else 0
