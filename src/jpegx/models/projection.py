"""Projection in real numbers, as the last layer of a generator.

Eq. 11 of Man et al. 2022 within the network, as Bahat et al. (2021) bound the coefficients of
theirs: each DCT coefficient is taken to the nearest value that the file allows, so that no loss has
to ask for it. Losses that do make the samples alike, because to draw less is the cheap way to stay
inside. What rounding and clipping to 8 bits, and cells at the edge of the picture, leave to be done
is the exact projection's (:mod:`jpegx.consistency`).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.color import change_in_pixels, to_components
from jpegx.jpeg.dct import dct_matrix
from jpegx.jpeg.layout import Layout
from jpegx.models.blocks import repeat_samples
from jpegx.models.conditioning import Conditions, sampling_of

# A minimum coded unit has at most so many pixels each way, and tiles must begin where one does.
PROJECTION_MULTIPLE = 32
# Gray levels to stay inside the walls of a cell: rounding to 8 bits moves a coefficient by 0.3.
_MARGIN = 1.0


def project(images: Tensor, conditions: Conditions, samples: int) -> Tensor:
    """The images (N * samples, 3, H, W), gray levels / 255, with coefficients in their cells.

    Into the cells, into 0 … 1, into the cells again: to clip a picture moves its coefficients, and
    the second time far less is left to clip. Walls are 1 gray level inside those of the cell, at
    most half of the way to its middle. Where a value is held, the gradient passes if it pulls
    inwards. Files with a sampling ratio that is not a power of 2 are left as they are.
    """
    file = conditions.map(lambda values: repeat_samples(values, samples))
    with torch.autocast(images.device.type, enabled=False):
        inside = _hold(_into_cells(images, file), images.new_zeros(()), images.new_ones(()))
        return _into_cells(inside, file)


def _into_cells(images: Tensor, file: Conditions) -> Tensor:
    half = file.tables / 2
    room = torch.maximum(half - _MARGIN, half / 2)
    kinds, kind_of = file.sampling.unique(dim=0, return_inverse=True)
    change = torch.zeros_like(images)
    for kind, sampling in enumerate(kinds.tolist()):
        chosen = kind_of == kind
        change[chosen] = _change(images[chosen], file.components[chosen], room[chosen], sampling)
    return images + change


def _change(images: Tensor, file: Tensor, room: Tensor, sampling: list[float]) -> Tensor:
    """What takes images with one row of sampling features into their cells."""
    space, ratios = sampling_of(sampling)
    if any(ratio % 1 for pair in ratios for ratio in pair):
        return torch.zeros_like(images)
    height, width = images.shape[2:]
    layout = Layout(width, height, space, ((1, 1),) * len(ratios))
    pixels = images if len(ratios) == 3 else images.mean(dim=1, keepdim=True)
    apart = to_components(pixels * 255, layout) - file[:, : len(ratios)]
    padding = (0, -width % PROJECTION_MULTIPLE, 0, -height % PROJECTION_MULTIPLE)
    apart = F.pad(apart, padding, mode="replicate") if any(padding) else apart
    changes = [
        _plane_change(apart[:, c], room[:, c], 1 << round(across), 1 << round(down))
        for c, (across, down) in enumerate(ratios)
    ]
    change = torch.stack(changes, dim=1)[:, :, :height, :width]
    return change_in_pixels(change, layout).expand(-1, 3, -1, -1) / 255


def _plane_change(apart: Tensor, room: Tensor, across: int, down: int) -> Tensor:
    """What to add to a component, (N, h, w), so far apart from the file's own.

    ``room``: (N, 64), how far its coefficients may be apart. ``across``, ``down``: its reduction.
    """
    small = F.avg_pool2d(apart, (down, across)) if across * down > 1 else apart
    matrix = dct_matrix(apart.device, apart.dtype)
    blocks: Tensor = small.unflatten(2, (-1, 8)).unflatten(1, (-1, 8)).transpose(2, 3)
    values = blocks.flatten(3) @ matrix.T
    room = room[:, None, None]
    changes = (_hold(values, -room, room) - values) @ matrix
    change: Tensor = changes.unflatten(3, (8, 8)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
    if across * down == 1:
        return change
    return change.repeat_interleave(down, dim=1).repeat_interleave(across, dim=2)


def _hold(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Values clamped to low … high. Of the gradient of those held, what pulls inwards passes.

    A step goes against the gradient. That of a clamp is 0 outside: what is there would stay there.
    """
    with torch.no_grad():
        excess = values - values.clamp(low, high)
    held = values - excess
    if held.requires_grad:
        held.register_hook(lambda gradient: gradient.masked_fill(gradient * excess < 0, 0))
    return held
