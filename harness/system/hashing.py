"""Canonical JSON and its SHA-256: how everything content-addressed gets its name."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Returns the one UTF-8 spelling of a JSON value: sorted keys, no spaces, no NaN.

    Raises:
        ValueError: the value holds NaN or an infinity.
        TypeError: the value is not plain JSON.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: Any) -> str:
    """Returns the SHA-256 of a JSON value's canonical spelling, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
