"""What is at a path, whatever the permissions on the way."""

import hashlib
import stat
from pathlib import Path


def is_pipe_or_device(path: Path) -> bool:
    """True for what is neither a file nor a folder, so that to open it could wait for ever.

    False where there is nothing or one may not look: to open it tells why.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def file_digest(path: Path) -> str:
    """A digest of the content of a file. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:24]
