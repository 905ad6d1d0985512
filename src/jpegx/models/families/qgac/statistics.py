"""Means and standard deviations of DCT coefficients, which the networks see them relative to."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from jpegx.jpeg.layout import Layout
from jpegx.jpeg.tables import scaled_tables
from jpegx.jpeg.transform import encode_dct

_COMPONENTS = 3
_QUALITY = 25


class Statistics(nn.Module):
    """Of Y, Cb and Cr, for each frequency; they stay in float32 whatever the network computes in.

    Of components that are no Y, Cb or Cr, those of Y are taken. ``error``: what quantization takes
    away, root mean square, at a quality of 25. Coefficients come and go in units of deviations, as
    the paper has it; or ``balanced``: what comes in is in units of the geometric mean of deviation
    and error, what goes out in units of the error. That is the same network, but for factors of its
    first and last weights. But the lowest frequencies, whose deviations are a hundred times those
    of the highest, do not rule what is learnt first, for which not everybody has 400,000 steps.
    """

    mean: Tensor
    std: Tensor
    error: Tensor

    def __init__(self, *, balanced: bool) -> None:
        super().__init__()
        self.balanced = balanced
        self.register_buffer("mean", torch.zeros(_COMPONENTS, 64))
        self.register_buffer("std", torch.ones(_COMPONENTS, 64))
        self.register_buffer("error", torch.ones(_COMPONENTS, 64))

    def learn(self, pictures: Iterable[Tensor]) -> None:
        """Take those of pictures, uint8 (3, H, W): of their whole blocks, not quantized.

        At full resolution, as Ehrlich et al. 2020 have them, of at most the central 512x512 pixels
        of each.
        """
        count = 0
        sums = torch.zeros(3, _COMPONENTS, 64, dtype=torch.float64)
        luma, chroma = (torch.from_numpy(t).flatten() for t in scaled_tables(_QUALITY))
        steps = torch.stack([luma, chroma, chroma])[:, None]
        for picture in pictures:
            height, width = (min(n, 512) // 8 * 8 for n in picture.shape[1:])
            if not height or not width:
                continue
            top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
            part = picture[None, :, top : top + height, left : left + width].float()
            grids = encode_dct(part, Layout(width, height, "ycbcr", ((1, 1),) * 3))
            values = torch.stack([grid.reshape(-1, 64) for grid in grids]).double()
            lost = values - (values / steps).round() * steps
            each = (values, values.square(), lost.square())
            sums += torch.stack([numbers.sum(dim=1) for numbers in each])
            count += values.shape[1]
        if not count:
            return
        mean, square, lost = sums / count
        self.mean.copy_(mean)
        self.std.copy_((square - mean.square()).clamp(min=1e-4).sqrt())
        self.error.copy_(lost.clamp(min=1e-4).sqrt())

    def normalized(self, values: Tensor, component: int) -> Tensor:
        """Coefficients (N, h, w, 8, 8) as features (N, 64, h, w) of mean 0 and deviation 1."""
        unit = self.std[component]
        if self.balanced:
            unit = (unit * self.error[component]).sqrt()
        features = (values.flatten(3) - self.mean[component]) / unit
        return features.permute(0, 3, 1, 2)

    def in_units(self, features: Tensor, component: int) -> Tensor:
        """A change (N, 64, h, w) in units of ``error`` as one of coefficients, (N, h, w, 8, 8)."""
        unit = self.error[component] if self.balanced else self.std[component]
        change = features.permute(0, 2, 3, 1).float() * unit
        return change.reshape(*change.shape[:3], 8, 8)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Statistics":
        whole = dict(self.named_buffers())
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in whole.items():
            moved = getattr(self, name)
            if moved.dtype != buffer.dtype:
                setattr(self, name, buffer.to(moved.device))
        return self
