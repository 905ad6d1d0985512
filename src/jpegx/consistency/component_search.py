"""Units solved component by component, each block of samples by itself."""

from collections.abc import Callable

import torch
from torch import Tensor

from jpegx.consistency.sample_search import SampleSearch
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_in_pixels, to_components

_SLACK = 0.5  # levels by which rounding may take a component over the wall of the RGB cube


class ComponentSearch:
    """Finds whole-numbered samples for the units of one region."""

    def __init__(self, model: UnitModel) -> None:
        self._model = model
        steps = model.split(model.steps)
        self._searches = []
        self._blocks = []
        for c, m in enumerate(model.maps):
            blocks = m.block_rows * m.block_columns if m.variables_are_samples else 1
            size = len(steps[c]) // blocks
            effects = model.effects[c]
            columns = effects.shape[1] // blocks
            which = None if m.variables_are_samples else m.variable_of_sample
            self._blocks.append(blocks)
            self._searches.append(SampleSearch(effects[:size, :columns], which, steps[c][:size]))
        eye = torch.eye(model.region.layout.channels, device=model.device)[:, :, None]
        self._inverse = change_in_pixels(eye, model.region.layout)[:, :, 0]

    def __call__(
        self,
        pixels: Tensor,
        quantized: Tensor,
        rounds: int,
        patience: int,
        at_work: Callable[[], None],
    ) -> tuple[list[Tensor], int]:
        """Samples (M, S) per component near those of real-valued pixels (M, C, P), 0 to 255.

        ``quantized``: the file's integers (M, K). ``rounds``, ``patience``, ``at_work``: as of
        SampleSearch. Also returns the rounds of all blocks.
        """
        layout = self._model.region.layout
        now = to_components(pixels, layout)
        found, spent = [], 0
        for c, (m, wanted) in enumerate(
            zip(self._model.maps, self._model.split(quantized), strict=True)
        ):
            before = m.variables(now[:, c]) + 128
            start = before.round()
            low, high = (m.variables(b) + 128 for b in self._bounds(now, c))
            low = torch.minimum((low - _SLACK).ceil_(), start).clamp_(0, 255)
            high = torch.maximum((high + _SLACK).floor_(), start).clamp_(0, 255)
            blocks = [t.reshape(len(t) * self._blocks[c], -1) for t in (start, wanted, low, high)]
            search = self._searches[c]
            best, rounds_made = search(*blocks, rounds=rounds, patience=patience, at_work=at_work)
            spent += rounds_made
            best = best.view(start.shape)
            found.append(best)
            now[:, c] += m.pixels((best - before)[:, m.variable_of_sample])
        return found, spent

    def _bounds(self, components: Tensor, c: int) -> tuple[Tensor, Tensor]:
        """Least and largest values (M, P) of a component that keep the pixels in 0 to 255."""
        weight = self._inverse[c]
        others = components.clone()
        others[:, c] = 0
        rest = change_in_pixels(others, self._model.region.layout) + 128
        used = weight != 0
        ends = torch.stack((-rest, 255 - rest))[:, :, used] / weight[used][:, None]
        low, high = ends.amin(dim=0).amax(dim=1), ends.amax(dim=0).amin(dim=1)
        return low, torch.maximum(low, high)
