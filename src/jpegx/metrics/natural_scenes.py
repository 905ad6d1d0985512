"""Natural scene statistics of patches: what NIQE looks at."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.filters import separable
from jpegx.metrics.psnr import luma

PATCH = 96
FEATURES = 36  # 18 at each of two scales

_WINDOW, _SIGMA = 7, 7 / 6
# A coefficient, then its products with the neighbours to the right, below, and on both diagonals.
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


def scene_features(image: Tensor) -> tuple[Tensor, Tensor]:
    """Features and sharpness of the patches of a picture: float64 (K, 36) and (K,).

    Mittal, Soundararajan and Bovik 2013, section II: at full and at half size the parameters of
    generalized Gaussians, fitted to the normalized luminance of patches of 96x96 that do not
    overlap, and to products of its neighbours. Sharpness: mean local deviation at full size.
    ``image``: (1 or 3, H, W), whole numbers from 0 to 255. Patches without any texture have
    features that are not finite; K is 0 if a side is below 96.
    """
    rows, columns = image.shape[1] // PATCH, image.shape[2] // PATCH
    if not rows or not columns:
        return torch.empty(0, FEATURES, dtype=torch.float64), torch.empty(0, dtype=torch.float64)
    gray = luma(image[:, : rows * PATCH, : columns * PATCH])[None]
    half = F.interpolate(
        gray, scale_factor=0.5, mode="bicubic", antialias=True, align_corners=False
    )
    normal, deviation = _normalized(gray)
    sharpness = _patches(deviation, PATCH).mean(dim=(1, 2))
    scales = [_patches(normal, PATCH), _patches(_normalized(half)[0], PATCH // 2)]
    return torch.cat([_scale_features(patches) for patches in scales], dim=1), sharpness


def _normalized(gray: Tensor) -> tuple[Tensor, Tensor]:
    """Mean-subtracted, contrast-normalized luminance (Eq. 1 to 3), and the local deviation."""
    steps = torch.arange(_WINDOW) - _WINDOW // 2
    bell = torch.exp(-steps.square() / (2 * _SIGMA**2))
    bell = bell / bell.sum()

    def average(values: Tensor) -> Tensor:
        return separable(F.pad(values, (_WINDOW // 2,) * 4, mode="replicate"), bell)

    centred = gray - 128  # variances do not change, and lose less of their digits
    mean = average(centred)
    deviation = (average(centred.square()) - mean.square()).clamp_(min=0).sqrt_()
    return (centred - mean) / (deviation + 1), deviation


def _patches(values: Tensor, size: int) -> Tensor:
    """Patches (K, size, size), float64, of (1, 1, H, W)."""
    blocks = F.unfold(values, size, stride=size)[0].T
    return blocks.double().view(-1, size, size)


def _scale_features(patches: Tensor) -> Tensor:
    """The 18 features (K, 18) of normalized patches at one scale."""
    shape, left, right, _ = _asymmetric_gaussian(patches)
    out = [shape, (left + right) / 2]
    for down, across in _NEIGHBOURS:
        # Around the edges of the patch, as the authors' program does.
        products = patches * patches.roll((down, across), dims=(1, 2))
        shape, left, right, mean = _asymmetric_gaussian(products)
        out += [shape, mean, left, right]
    return torch.stack(out, dim=1)


def _asymmetric_gaussian(patches: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Shape, left and right scale and mean (Eq. 7 and 8) of each patch, (K,), by its moments.

    Lasmar, Stitou and Berthoumieu 2009: the ratio of squared mean size to mean square gives the
    shape.
    """
    values = patches.flatten(1)
    squares = values.square()
    left, right = (
        ((squares * side).sum(dim=1) / side.sum(dim=1)).sqrt() for side in (values < 0, values > 0)
    )
    skew = left / right
    ratio = values.abs().mean(dim=1).square() / squares.mean(dim=1)
    ratio = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1).square()
    shape = _shape(ratio)
    first, second, third = (torch.lgamma(k / shape) for k in (1, 2, 3))
    scale = torch.exp((first - third) / 2)
    left, right = left * scale, right * scale
    return shape, left, right, (right - left) * torch.exp(second - first)


@cache
def _shape_table() -> tuple[Tensor, Tensor]:
    """Shapes from 0.2 to 10, and the ratio that each of them has; both rise."""
    shapes = torch.linspace(0.2, 10, 9801, dtype=torch.float64)
    first, second, third = (torch.lgamma(k / shapes) for k in (1, 2, 3))
    return shapes, torch.exp(2 * second - first - third)


def _shape(ratio: Tensor) -> Tensor:
    """The shapes of generalized Gaussians with these ratios, to the nearest thousandth below."""
    shapes, ratios = _shape_table()
    found = torch.searchsorted(ratios, ratio.contiguous()).clamp(max=len(shapes) - 1)
    return torch.where(ratio.isfinite(), shapes[found], torch.nan)
