"""ICC profiles (ICC.1:2022) from the APP2 segments of a JPEG file, as a PNG file may hold them."""

from collections.abc import Sequence

from jpegx.jpeg.metadata.part import Part

HEADER = b"ICC_PROFILE\0"
_FIXED = 132  # bytes of the profile's header, with the number of its tags
_TAG = 12
_UNFIT_CLASSES = {b"abst": "an abstract profile", b"link": "a device link"}


def join_icc(parts: Sequence[bytes]) -> Part:
    """The profile, of its parts: in each its number, how many there are, and the data.

    Parts may come in any order, and more than once. A second, other profile is dropped.
    """
    if not parts:
        return Part(None)
    notes: list[str] = []
    by_number: dict[int, bytes] = {}
    count = 0
    for part in parts:
        if len(part) < 2:
            notes.append("a part of the ICC profile is broken and was dropped")
            continue
        number, count = part[0], count or part[1]
        if by_number.setdefault(number, part[2:]) != part[2:]:
            notes.append("there is more than one ICC profile: the first was kept, others dropped")
    first = 0 if 0 in by_number else 1  # some writers count from 0
    wanted = range(first, first + max(count, 1))
    missing = [number for number in wanted if number not in by_number]
    if missing:
        lost = f"part {missing[0] - first + 1} of {max(count, 1)} is missing"
        return Part(None, (*dict.fromkeys(notes), f"ICC profile is broken and was dropped: {lost}"))
    whole = b"".join(by_number[number] for number in wanted)
    size = int.from_bytes(whole[:4], "big")
    whole = whole[:size] if _FIXED <= size < len(whole) else whole
    problem = _problem(whole)
    if problem:
        notes.append(f"ICC profile is broken and was dropped: {problem}")
        return Part(None, tuple(dict.fromkeys(notes)))
    return Part(whole, tuple(dict.fromkeys(notes)))


def fit_icc(profile: bytes | None, *, gray: bool) -> Part:
    """The profile if it fits a picture that is gray, or of colour; else None, and why.

    A gray picture may have one for RGB: its pixels are then to be written as RGB.
    """
    if profile is None:
        return Part(None)
    space = color_space(profile)
    if space == "RGB" or (gray and space == "GRAY"):
        return Part(profile)
    picture = "gray" if gray else "of colour"
    return Part(
        None, (f"the ICC profile is for {space}, the picture is {picture}: it was dropped",)
    )


def color_space(profile: bytes) -> str:
    """The colour space that a profile is for: RGB, GRAY, CMYK ..."""
    return profile[16:20].decode("latin-1").strip()


def profile_name(profile: bytes) -> str:
    """What a profile calls itself, on one line; empty if it does not say."""
    for place in range(_FIXED, _FIXED + _TAG * _tags(profile), _TAG):
        if profile[place : place + 4] != b"desc":
            continue
        start = int.from_bytes(profile[place + 4 : place + 8], "big")
        tag = profile[start : start + int.from_bytes(profile[place + 8 : place + 12], "big")]
        if tag[:4] == b"desc":
            text = tag[12 : 12 + int.from_bytes(tag[8:12], "big")].decode("latin-1")
        elif tag[:4] == b"mluc":
            size, begin = (int.from_bytes(tag[i : i + 4], "big") for i in (20, 24))
            text = tag[begin : begin + size].decode("utf-16-be", "replace")
        else:
            text = ""
        return " ".join(text.partition("\0")[0].split())[:80]
    return ""


def _tags(profile: bytes) -> int:
    return min(int.from_bytes(profile[128:132], "big"), (len(profile) - _FIXED) // _TAG)


def _problem(profile: bytes) -> str | None:
    """What libpng would refuse a profile for (png.c, png_icc_check_header and _tag_table)."""
    if len(profile) < _FIXED or int.from_bytes(profile[:4], "big") != len(profile):
        return "it is cut off"
    if profile[36:40] != b"acsp":
        return "it has not the signature of one"
    if profile[8] > 3 and len(profile) % 4:
        return "its length is no multiple of 4"
    if int.from_bytes(profile[64:68], "big") > 0xFFFE:
        return "its rendering intent is impossible"
    if profile[12:16] in _UNFIT_CLASSES:
        return f"it is {_UNFIT_CLASSES[profile[12:16]]}"
    if profile[20:24] not in (b"XYZ ", b"Lab "):
        return "its connection space is neither XYZ nor Lab"
    count = int.from_bytes(profile[128:132], "big")
    if count > (len(profile) - _FIXED) // _TAG:
        return "its table of tags is cut off"
    for place in range(_FIXED, _FIXED + _TAG * count, _TAG):
        start = int.from_bytes(profile[place + 4 : place + 8], "big")
        if start + int.from_bytes(profile[place + 8 : place + 12], "big") > len(profile):
            return "a tag of it is cut off"
    return None
