"""Every failure as one line for the user: what it was about, the reason, what to do."""

from jpegx.errors import JpegxError, printable


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
        elsewhere = error.filename is not None and str(error.filename) != name
        return f"{error.filename}: {error.strerror}" if elsewhere else error.strerror
    return f"internal error ({type(error).__name__}: {error}); please report it"
