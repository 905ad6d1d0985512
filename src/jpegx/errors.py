"""Errors meant for the user: one line that names the file, the reason and what to do."""


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
