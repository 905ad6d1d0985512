"""Regions that repeat themselves, or look like other ones (Bahat and Michaeli 2021)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.exploration.objectives.local_contrast import LocalSpread
from jpegx.exploration.objectives.objective import Objective, Values
from jpegx.exploration.scene import Scene, image_of, luma

_SIZE = 6  # pixels of a patch each way
_TEMPERATURE = 1e-3  # of the kernel, in (gray levels / 255)²
_MOST_SOURCES, _MOST_TARGETS = 512, 2048
_LEAST_PEAK = 0.1  # autocorrelation, above the valley before it, of a period that is one


class Periodic(Objective):
    """The sum over periods d of mean |x(p) - x(p + d)|, + (20 / 255) mean (std - std before)².

    Over the pixels p for which both are in the region; of Bahat and Michaeli 2021, the last term of
    their code. Periods are (x, y) in pixels, and need not be whole.
    """

    colour = 0.3
    quantity = "difference at the period"

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        self.spread = LocalSpread(scene)
        self.target = self.spread(scene.start) + values["strength"]
        self.periods = values["periods"] or find_periods(scene)

    def __call__(self, image: Tensor) -> Tensor:
        """Gray levels."""
        kept = (self.spread(image) - self.target).square().mean() * (20 / 255)
        loss: Tensor = self._differences(image) + kept
        return loss

    def measure(self, image: Tensor) -> float:
        """Its first term."""
        return float(self._differences(image))

    def _differences(self, image: Tensor) -> Tensor:
        total = image.new_zeros(())
        for period in self.periods:
            moved, inside = shifted(image, self.scene.mask, period)
            if not inside.any():
                raise JpegxError("a period is longer than the region; take a larger region")
            total = total + (image - moved)[:, inside].abs().mean()
        return total


def shifted(image: Tensor, mask: Tensor, by: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """The image at p + by (bilinear), and the pixels p where both are in the mask."""
    across, down = math.floor(by[0]), math.floor(by[1])
    right, below = by[0] - across, by[1] - down
    moved, inside = torch.zeros_like(image), mask.clone()
    for y, part in ((down, 1 - below), (down + 1, below)):
        for x, share in ((across, 1 - right), (across + 1, right)):
            if part * share > 0:
                moved = moved + part * share * _moved(image, y, x)
                inside = inside & _moved(mask[None], y, x)[0]
    return moved, inside


def _moved(values: Tensor, down: int, across: int) -> Tensor:
    """values (C, H, W) at (y + down, x + across); zero beyond the edges."""
    height, width = values.shape[1:]
    padding = (max(0, -across), max(0, across), max(0, -down), max(0, down))
    if max(padding) >= max(height, width):
        return torch.zeros_like(values)
    whole = F.pad(values, padding)
    top, left = max(0, down), max(0, across)
    return whole[:, top : top + height, left : left + width]


def find_periods(scene: Scene) -> list[tuple[float, float]]:
    """The period along the rows or the columns whose autocorrelation has the highest first peak.

    Raises JpegxError if there is none.
    """
    values = luma(scene.start)
    values = torch.where(scene.mask, values - scene.mean(values), 0)
    spectrum = torch.fft.rfft2(values, s=[2 * length for length in values.shape])
    weight = torch.fft.rfft2(scene.mask.float(), s=[2 * length for length in values.shape])
    shared = torch.fft.irfft2(weight.abs() ** 2).clamp(min=1)
    correlation = torch.fft.irfft2(spectrum.abs() ** 2) / shared
    best: tuple[float, tuple[float, float]] | None = None
    for axis in (0, 1):
        line = correlation[: values.shape[0] // 2, 0] if axis else correlation[0]
        line = line[: values.shape[1 - axis] * 2 // 3] / correlation[0, 0].clamp(min=1e-6)
        for at in range(2, len(line) - 1):
            low, peak, high = (float(line[at + k]) for k in (-1, 0, 1))
            valley = float(line[:at].min())
            if peak > max(0, valley) + _LEAST_PEAK and peak >= low and peak > high:
                at_peak = at + (low - high) / (2 * (low - 2 * peak + high))
                if best is None or peak > best[0]:
                    best = peak, (0.0, at_peak) if axis else (at_peak, 0.0)
                break
    if best is None:
        raise JpegxError("no period is found in the region; give one (period X,Y)")
    return [best[1]]


class Like(Objective):
    """The mean over patches P of -log mean_k exp(-|P - S_k|² / (36 T)), S_k those of a source.

    6x6 luma patches without their means, T = 0.001 of squared gray levels / 255: "propagating
    patches" of Bahat and Michaeli 2021, as their code does it.
    """

    colour = 0.3
    quantity = "distance of the patches"
    keep = 10 / 255

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        source = values["source"]
        if source is not None:
            image, mask = image_of(source[..., :3]), torch.ones(source.shape[:2], dtype=torch.bool)
        elif values["source-region"] is not None:
            chosen = values["source-region"].select(scene.jpeg.layout)
            image, mask = image_of(scene.look(chosen.box)), torch.from_numpy(chosen.mask)
        else:
            raise JpegxError(
                "like: give its source, a region (source-region) or a picture (source)"
            )
        found = _patches(luma(image), mask, 1)
        if not len(found):
            raise JpegxError("like: no patch of 6x6 pixels fits into the source")
        step = -(-len(found) // _MOST_SOURCES)
        self.sources = found[::step]
        fits = _fits(scene.mask)
        if not fits.any():
            raise JpegxError("like: no patch of 6x6 pixels fits into the region")
        self.step = max(1, math.ceil(math.sqrt(int(fits.sum()) / _MOST_TARGETS)))

    def __call__(self, image: Tensor) -> Tensor:
        """Nats."""
        exponents = -self._distances(image) / (_TEMPERATURE * 255**2)
        return math.log(len(self.sources)) - exponents.logsumexp(dim=1).mean()

    def measure(self, image: Tensor) -> float:
        """Root of the mean squared difference of each patch to the nearest of the source."""
        return float(self._distances(image).min(dim=1).values.mean().sqrt())

    def _distances(self, image: Tensor) -> Tensor:
        patches = _patches(luma(image), self.scene.mask, self.step)
        squares = patches.square().sum(1)[:, None] + self.sources.square().sum(1)
        return (squares - 2 * patches @ self.sources.T).clamp(min=0) / _SIZE**2


def _fits(mask: Tensor) -> Tensor:
    if min(mask.shape) < _SIZE:
        return mask.new_zeros(1, 1)
    return F.avg_pool2d(mask.float()[None, None], _SIZE, 1)[0, 0] > 1 - 1e-4


def _patches(values: Tensor, mask: Tensor, step: int) -> Tensor:
    """The patches in a mask, without their means, (patches, 36); each ``step``-th each way."""
    fits = _fits(mask)[::step, ::step].flatten()
    if min(mask.shape) < _SIZE:
        return values.new_zeros(0, _SIZE**2)
    found = F.unfold(values[None, None], _SIZE, stride=step)[0].T[fits]
    return found - found.mean(dim=1, keepdim=True)


class Histogram(Objective):
    """The mean distance of the sorted values of a region from those of a source, by channel.

    The 1-Wasserstein distance of both histograms; Bahat and Michaeli 2021 take a soft histogram.
    """

    quantity = "distance of the histograms"
    keep = 10.0

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        source = values["source"]
        if source is not None:
            pixels = image_of(source[..., :3]).flatten(1)
        elif values["source-region"] is not None:
            chosen = values["source-region"].select(scene.jpeg.layout)
            pixels = image_of(scene.look(chosen.box))[:, torch.from_numpy(chosen.mask)]
        else:
            raise JpegxError(
                "histogram: give its source, a region (source-region) or a picture (source)"
            )
        if len(scene.start) == 1 and len(pixels) == 3:
            pixels = luma(pixels[:, None])
        count = int(scene.mask.sum())
        at = (torch.arange(count) + 0.5) / count * pixels.shape[1] - 0.5
        ordered, at = pixels.sort(dim=1).values, at.clamp(0, pixels.shape[1] - 1)
        low = at.floor().long()
        high = (low + 1).clamp(max=pixels.shape[1] - 1)
        self.target = torch.lerp(ordered[:, low], ordered[:, high], at - low)

    def __call__(self, image: Tensor) -> Tensor:
        """Gray levels."""
        values = image[:, self.scene.mask].sort(dim=1).values
        return (values - self.target).abs().mean()
