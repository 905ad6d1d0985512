"""Rounding to 8 bits that keeps its noise out of the coefficients with small steps.

Plain rounding puts the same noise on every coefficient; where steps are 1 to 3 some coefficient of
nearly every block then leaves its cell. Here pixels are rounded one after another, and what each
rounding did to the coefficients is taken back by those still to come, weighted by one over the
step: Babai's nearest plane (1986) for the lattice of 8-bit images.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_in_pixels, to_components, to_integer_components
from jpegx.jpeg.region import ComponentMap

# Coefficients with larger steps have room enough: weighting them less would only let the noise
# grow there (kodak, QF 95: caps 3, 4, 6 leave 297, 226, 229 of 1.2 million outside).
_LARGEST_STEP = 4.0
_RIDGE = 1e-4


@dataclass(frozen=True)
class _Feedback:
    """``matrix[i, j]``: what an error of 1 in variable i takes from a later variable j."""

    matrix: Tensor
    reach: list[int]

    def push(self, targets: Tensor, index: int, error: Tensor) -> None:
        """Takes the error (M) of variable ``index`` back in the targets (S, M) of later ones."""
        after, end = index + 1, self.reach[index]
        if end > after:
            targets[after:end].addr_(self.matrix[index, after:end], error, alpha=-1.0)


def _feedback(effects: Tensor, steps: Tensor) -> _Feedback:
    weighted = effects / steps.double().clamp(max=_LARGEST_STEP)[:, None]
    normal = weighted.T @ weighted
    normal.diagonal().add_(_RIDGE * normal.diagonal().mean())
    matrix = torch.linalg.cholesky(torch.linalg.inv(normal), upper=True)
    matrix = matrix / matrix.diagonal()[:, None]
    matrix[matrix.abs() < 1e-9] = 0  # blocks do not mix
    reach = [int(row.nonzero().max()) + 1 for row in matrix]
    return _Feedback(matrix.float(), reach)


class _Groups:
    """Sums of pixels that must come out at wanted samples of a down-sampled component."""

    def __init__(self, unit_map: ComponentMap) -> None:
        distinct, which = unit_map.groups
        self.count = unit_map.pixels_per_sample
        self.sums = distinct.float()
        self.bias = torch.zeros(len(distinct), device=which.device)
        self.bias[which] = unit_map.bias.float()
        self.of_pixel = (distinct > 0).to(torch.int8).argmax(dim=0).tolist()
        self.weight = distinct.amax(dim=0).tolist()

    def start(self, targets: Tensor, feedback: _Feedback) -> None:
        """Chooses the integer samples for pixel targets (P, M), and what is missing to them."""
        samples = self.sums @ targets / self.count
        for index, sample in enumerate(samples):
            wanted = sample.round()
            feedback.push(samples, index, sample - wanted)
            samples[index] = wanted
        # A sum rounds to its sample over ``count`` values; aim at their middle.
        middle = samples * self.count + (self.count - 1) / 2 - self.bias[:, None]
        self.missing = middle - self.sums @ targets
        self.open = self.sums.sum(dim=1).tolist()

    def share(self, pixel: int) -> Tensor:
        """The pixel's share (M) of what its group misses."""
        group = self.of_pixel[pixel]
        return self.missing[group] / max(self.open[group], 1.0)

    def settle(self, pixel: int, change: Tensor) -> None:
        """Books the change (M) that the pixel got over its target."""
        group, weight = self.of_pixel[pixel], self.weight[pixel]
        self.missing[group] -= weight * change
        self.open[group] -= weight


class ShapedRounding:
    """Rounds pixels of units to 8-bit integers; made once for a region and its tables."""

    def __init__(self, model: UnitModel) -> None:
        self._model = model
        self._feedback = [
            _feedback(effects, steps)
            for effects, steps in zip(model.effects, model.split(model.steps), strict=True)
        ]

    def __call__(self, pixels: Tensor) -> Tensor:
        """8-bit pixels, int32 (M, C, P), close to real-valued ``pixels`` (M, C, P)."""
        layout = self._model.region.layout
        targets = [c.T.contiguous() + 128.0 for c in to_components(pixels, layout).unbind(1)]
        groups: list[_Groups | None] = []
        for target, unit_map, feedback in zip(
            targets, self._model.maps, self._feedback, strict=True
        ):
            if unit_map.pixels_per_sample == 1:
                groups.append(None)
            else:
                group = _Groups(unit_map)
                group.start(target, feedback)
                groups.append(group)
        chosen = torch.empty_like(pixels, dtype=torch.int32)
        for pixel in range(pixels.shape[2]):
            wanted = [
                target[pixel] if group is None else target[pixel] + group.share(pixel)
                for target, group in zip(targets, groups, strict=True)
            ]
            # Whole components first: the pixels nearest to them give just these components.
            whole = torch.stack(wanted, dim=1).round_()
            values = (change_in_pixels(whole - 128.0, layout) + 128.0).round_().clamp_(0, 255)
            chosen[:, :, pixel] = values.int()
            got = to_integer_components(chosen[:, :, pixel], layout).float()
            for c, (target, group, feedback) in enumerate(
                zip(targets, groups, self._feedback, strict=True)
            ):
                error = target[pixel] - got[:, c]
                if group is None:
                    feedback.push(target, pixel, error)
                else:
                    group.settle(pixel, -error)
        return chosen
