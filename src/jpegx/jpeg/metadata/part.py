"""One kind of metadata as it was found."""

from typing import NamedTuple


class Part(NamedTuple):
    """``data``: its bytes, None if there is none. ``notes``: one line for what was dropped."""

    data: bytes | None
    notes: tuple[str, ...] = ()
