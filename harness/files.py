"""Files that appear whole or not at all."""

import contextlib
import secrets
from pathlib import Path

_RANDOM_BYTES = 6


def replace(path: Path, content: bytes) -> None:
    """Writes a file aside and renames it into place, readable as far as the umask allows.

    Whoever reads meanwhile sees the earlier file; where it fails, that stays.

    Raises:
        OSError: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}")
    try:
        with aside.open("xb") as file:
            file.write(content)
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
