"""Maps of a crop as Man et al. 2022 draw them (Fig. 6, 8, 9): error, variance, inconsistency."""

import torch
from torch import Tensor

from jpegx.consistency.recompress import recompress
from jpegx.evaluation.benchmark.decoders import Task
from jpegx.evaluation.benchmark.panels import as_webp, part_at
from jpegx.evaluation.benchmark.request import Place
from jpegx.sampling.running_moments import Moments

_VARIANCE_ROOT, _CHANGE_ROOT = 8, 4


def maps(samples: Tensor, task: Task, place: Place) -> bytes:
    """A WebP picture, lossless: maps of a crop of samples, uint8 (n, C, H, W), side by side.

    Means over the channels, of values from 0 to 1, so that all maps have one scale:

    - the squared distance of the source from the samples' mean, (X - X̄)² where that is an estimate
      of least error: what the variance should be like (Eq. 14), its 8th root, white where it is 0
      and black where it is 1;
    - the samples' variance (Eq. 15), in the same way; white for a single picture. Its 8th root is
      the 4th root of the standard deviation of Fig. 9;
    - if there is a file, how far the first sample is from it when it is compressed again, |Y -
      JPEG(X̂)|, its 4th root, black where it is 0.
    """
    rows, columns = part_at(place, samples.shape[2:])
    crops, moments = samples[:, :, rows, columns], Moments()
    for crop in crops:
        moments.add(crop)
    error = (task.original[:, rows, columns] - moments.mean()) / 255
    variance = (moments.std() / 255).square() if len(crops) > 1 else torch.zeros_like(error)
    shown = [1 - _root(values, _VARIANCE_ROOT) for values in (error.square(), variance)]
    if task.jpeg is not None:
        pixels = samples[0].permute(1, 2, 0).contiguous().numpy()
        change = torch.from_numpy(recompress(task.jpeg, pixels).change())
        shown.append(_root(change[:, rows, columns].abs() / 255, _CHANGE_ROOT))
    strip = torch.cat(shown, dim=1).mul(255).round().clamp(0, 255)
    return as_webp(strip.to(torch.uint8)[..., None].expand(-1, -1, 3).contiguous().numpy())


def _root(values: Tensor, degree: int) -> Tensor:
    """(H, W) of (C, H, W)."""
    return values.double().mean(dim=0).pow(1 / degree)
