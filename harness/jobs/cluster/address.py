"""Reads `--cluster`: where a scheduler is, or how many workers to start on this machine."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.system import strict_json
from reference.errors import UserError

OPTION = "--cluster"
_EXPECTED = (
    "expected the address of a Dask scheduler, such as tcp://10.0.0.5:8786 or "
    "tls://grader.example.edu:8786, its scheduler file, or local:N for N workers on this machine"
)
_MAX_LOCAL = 256


@dataclass(frozen=True)
class Address:
    """The address of a cluster.

    Attributes:
        text: as it was given.
        url: of the scheduler; empty for a cluster on this machine.
        local: workers to start on this machine; 0 where there is a scheduler.
        file: the scheduler file that the address was read from.
    """

    text: str
    url: str = ""
    local: int = 0
    file: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether others cannot read the connection."""
        return urlsplit(self.url).scheme in ("tls", "wss")

    @property
    def on_this_machine(self) -> bool:
        """Whether nothing that is sent leaves this machine."""
        host = urlsplit(self.url).hostname or ""
        if self.local or host == "localhost" or self.url.startswith("inproc://"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def parse(text: str, folder: Path) -> Address:
    """Reads the option's value.

    Args:
        folder: base of a relative path to a scheduler file.

    Raises:
        UserError: it is not an address.
    """
    if text.startswith("local:"):
        count = text.removeprefix("local:")
        if not count.isdecimal() or not 1 <= int(count) <= _MAX_LOCAL:
            raise UserError(
                f"{OPTION} {text}: expected local:N with an integer N from 1 to {_MAX_LOCAL}"
            )
        return Address(text, local=int(count))
    file = folder / text
    if text.endswith(".json"):
        return Address(text, url=_read(file), file=file)
    url = text if "://" in text else f"tcp://{text}"
    if not _is_url(url):
        raise UserError(f"{OPTION} {text}: {_EXPECTED}")
    return Address(text, url=url)


def _read(file: Path) -> str:
    """Returns the address in a file that `dask scheduler --scheduler-file` wrote."""
    try:
        found = strict_json.parse(file.read_bytes())["address"]
    except OSError as error:
        raise UserError(
            f"{OPTION} {file}: it cannot be read ({error.strerror or error}); {_EXPECTED}"
        ) from error
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, str) or not _is_url(found):
        raise UserError(f"{OPTION} {file}: this is not a scheduler file of Dask; {_EXPECTED}")
    return found


def _is_url(text: str) -> bool:
    """Whether it has a scheme, a host and a port."""
    if not re.fullmatch(r"[a-z]+://[^\s/]+:\d{1,5}/?", text):
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:  # a bracket that is not closed
        return False


def resources(text: str) -> dict[str, float]:
    """Reads the resources that a Dask worker must offer, such as "GPU=1,MEMORY=8e9".

    Raises:
        UserError: it is not a list of names and numbers.
    """
    found: dict[str, float] = {}
    for pair in text.split(","):
        name, _, amount = pair.strip().partition("=")
        try:
            value = float(amount)
        except ValueError:
            value = 0.0
        if not name or not 0 < value < float("inf"):
            raise UserError(
                f"--cluster-resources {text}: expected the names and amounts that Dask's "
                "workers were started with, such as GPU=1 or GRADING=1,GPU=1"
            )
        found[name] = value
    return found
