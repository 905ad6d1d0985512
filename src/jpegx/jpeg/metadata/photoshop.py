"""Photoshop's image resources from the APP13 segments of a JPEG file; one of them holds IPTC."""

from collections.abc import Iterator, Sequence

from jpegx.jpeg.metadata.part import Part

HEADER = b"Photoshop 3.0\0"
_IPTC = 0x0404
_SIGNATURES = (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa")


def join_resources(parts: Sequence[bytes]) -> Part:
    """All image resources that are whole, one after another, of the parts in the segments.

    A resource may go on in the next segment.
    """
    joined = b"".join(parts)
    if _end_of_whole(joined) == len(joined):
        return Part(joined or None)
    kept = b"".join(part[: _end_of_whole(part)] for part in parts)
    what = "Photoshop segment (APP13, with IPTC)"
    how = "is broken and was dropped" if not kept else "is broken: its whole resources were kept"
    return Part(kept or None, (f"{what} {how}",))


def has_iptc(resources: bytes) -> bool:
    """Whether there is an IPTC record among the resources."""
    return any(identifier == _IPTC for identifier, _ in _walk(resources))


def _end_of_whole(data: bytes) -> int:
    """Where the last resource that is whole ends, or all of it if only padding is behind that."""
    end = max((end for _, end in _walk(data)), default=0)
    return end if data[end:].strip(b"\0") else len(data)


def _walk(data: bytes) -> Iterator[tuple[int, int]]:
    """The number of each resource, and where it ends, up to the first that is not whole."""
    place = 0
    while data[place : place + 4] in _SIGNATURES and place + 12 <= len(data):
        name_end = place + 7 + data[place + 6]
        sized = name_end + (name_end - place) % 2
        size = int.from_bytes(data[sized : sized + 4], "big")
        end = sized + 4 + size
        if end > len(data):
            return
        number = int.from_bytes(data[place + 4 : place + 6], "big")
        place = min(end + size % 2, len(data))
        yield number, place
