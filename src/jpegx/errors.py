"""Errors meant for the user: one line that names the file, the reason and what to do."""

from operator import index


class JpegxError(Exception):
    """Base of every error that jpegx raises on purpose; ``str(error)`` is one line for the user."""

    def __reduce__(self) -> tuple[object, ...]:
        """As it is: what it was made of is not known any more where it is sent to."""
        return _made_again, (type(self), self.args), self.__dict__


class UnreadableJpeg(JpegxError):
    """Not a JPEG file that can be read: broken, truncated in its headers, or another format."""


class UnsupportedJpeg(JpegxError):
    """A valid JPEG file of a kind that jpegx does not handle (CMYK, 12-bit, too large, ...)."""


class UnreadablePicture(JpegxError):
    """A picture that cannot be read: of no known format, broken, or not there."""


class PictureMismatch(JpegxError):
    """A picture cannot be compared with a JPEG file: other size, or not 8 bits a channel."""


def _made_again(kind: type[JpegxError], told: tuple[object, ...]) -> JpegxError:
    return kind.__new__(kind, *told)


def printable(text: str) -> str:
    """The text on one line: control characters and undecodable bytes of file names are escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in text
    )


def check_whole(name: str, value: object, *, least: int, most: int | None = None) -> None:
    """Raise TypeError for what is no whole number, ValueError for one that is out of range."""
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name}: {value!r} is no whole number") from None
    if number < least or (most is not None and number > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: {allowed}, not {number}")


def other_size(name: str, found: tuple[int, int], size: tuple[int, int]) -> PictureMismatch:
    """That a picture is not of the JPEG file's size; both (width, height)."""
    turned = "; turn it back, as the JPEG file is stored" if found == size[::-1] != size else ""
    return PictureMismatch(
        f"{name}: it has {found[0]}x{found[1]} pixels, the JPEG file {size[0]}x{size[1]}{turned}"
    )
