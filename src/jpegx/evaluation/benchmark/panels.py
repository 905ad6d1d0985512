"""Crops for the report: what a decoder makes of a part of a picture."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from jpegx.batch.measured_map import measured_pixels
from jpegx.evaluation.benchmark.jpegs import without_suffix
from jpegx.evaluation.benchmark.request import Place
from jpegx.sampling.running_moments import Moments

_CHOSEN = 3


def choose_places(names: Sequence[str], asked: Sequence[Place]) -> dict[str, list[Place]]:
    """The crops of a set by the names of its pictures.

    Those that were asked for, by name with or without its ending, if some of them are in this set;
    else the centres of three pictures, evenly spread over the names.
    """
    places: dict[str, list[Place]] = {}
    for place in asked:
        for name in names:
            if place.picture in (name, without_suffix(name)):
                places.setdefault(name, []).append(replace(place, picture=name))
    if places:
        return places
    count = min(_CHOSEN, len(names))
    middle = (names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count))
    return {name: [Place(name)] for name in middle}


def moved_into(place: Place, size: tuple[int, int]) -> Place:
    """The place with a corner, in a picture of this width and height.

    Moved where it would reach beyond the picture, and cut off where it is larger.
    """
    width, height = min(place.size[0], size[0]), min(place.size[1], size[1])
    right, bottom = size[0] - width, size[1] - height
    left, top = (right // 2, bottom // 2) if place.corner is None else place.corner
    return Place(place.picture, (min(left, right), min(top, bottom)), (width, height))


def part_at(place: Place, size: Sequence[int]) -> tuple[slice, slice]:
    """Rows and columns of a place in a picture of this height and width: see moved_into."""
    inside = moved_into(place, (size[1], size[0]))
    left, top = inside.corner or (0, 0)
    return slice(top, top + inside.size[1]), slice(left, left + inside.size[0])


def panels(samples: Tensor, place: Place) -> bytes:
    """A WebP picture, lossless, of a part of samples, uint8 (n, C, H, W).

    The first sample; if there are more, beside it the second, the mean and the standard deviation
    (scale of ``jpegx decode --std-map``).
    """
    rows, columns = part_at(place, samples.shape[2:])
    crops = samples[:, :, rows, columns]
    row = [_shown(crop) for crop in crops[:2]]
    if len(crops) > 1:
        moments = Moments()
        for crop in crops:
            moments.add(crop)
        deviation = moments.std().mean(dim=0).numpy()
        row += [
            _shown(moments.mean().round().to(torch.uint8)),
            measured_pixels(deviation).repeat(3, axis=2),
        ]
    return as_webp(np.concatenate(row, axis=1))


def split_panels(strip: bytes, width: int | None) -> list[tuple[bytes, int, int]]:
    """What :func:`panels` put side by side, as pictures of their own with their width and height.

    ``width``: of one of them, None for a strip of one.
    """
    with Image.open(BytesIO(strip), formats=("WEBP",)) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    parts = np.split(pixels, pixels.shape[1] // (width or pixels.shape[1]), axis=1)
    return [(as_webp(part), part.shape[1], part.shape[0]) for part in parts]


def as_webp(pixels: np.ndarray) -> bytes:
    """A lossless WebP picture of pixels, uint8 (H, W, 3)."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, method=1)
    return buffer.getvalue()


def _shown(crop: Tensor) -> np.ndarray:
    """(H, W, 3) of a crop (C, H, W)."""
    shown: np.ndarray = crop.expand(3, -1, -1).permute(1, 2, 0).numpy()
    return shown
