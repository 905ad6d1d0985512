"""Every failure as one line for the user: what it was about, the reason, what to do."""

import errno
from pathlib import Path

from jpegx.errors import JpegxError, printable

_ELSEWHERE = "use another place"
_ADVICE = {
    errno.ENOENT: "check the name",
    errno.ENOTDIR: "a part of its name is a file, check the name",
    errno.EISDIR: "name a file",
    errno.EEXIST: "use --overwrite, or name another place",
    errno.EACCES: "check its permissions and those of its folder",
    errno.EPERM: "check its permissions and those of its folder",
    errno.EROFS: _ELSEWHERE,
    errno.ENOSPC: f"make room, or {_ELSEWHERE}",
    errno.EDQUOT: f"make room, or {_ELSEWHERE}",
    errno.EFBIG: _ELSEWHERE,
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "links that lead to each other, check them",
    errno.ENXIO: "name a file",
    errno.EBADF: "open it, or send it to a file",  # standard output that is closed
    errno.EIO: "check its disk, or get another copy",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "close other programs",
}


def one_line(error: Exception, name: str) -> str:
    """One line that says why ``name`` (a file, or the program) failed; it starts with the name."""
    text = printable(_reason(error, name))
    name = printable(name)
    return text if text.startswith(f"{name}: ") else f"{name}: {text}"


def _reason(error: Exception, name: str) -> str:
    if isinstance(error, JpegxError):
        return str(error)
    # torch's own class for a full GPU is told by its name: naming it would import torch.
    full = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if full or (isinstance(error, RuntimeError) and "allocate memory" in str(error)):
        return "not enough memory; close other programs, or try --device cpu"
    if isinstance(error, OSError) and error.strerror:
        elsewhere = error.filename is not None and Path(str(error.filename)) != Path(name)
        reason = reason_of(error)
        return f"{error.filename}: {reason}" if elsewhere else reason
    return f"internal error ({type(error).__name__}: {error}); please report it"


def reason_of(error: OSError) -> str:
    """Why a file cannot be read or written, and what to do; without its name."""
    if not error.strerror:
        return str(error) or type(error).__name__
    advice = _ADVICE.get(error.errno or 0, "check the file and its disk")
    return f"{error.strerror}; {advice}"
