"""The generator of Ehrlich et al. 2020: coefficients, corrected as their tables say."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import block_dct, planes
from jpegx.models.coefficient_generator import CoefficientGenerator
from jpegx.models.families.qgac.qgac_config import QgacConfig
from jpegx.models.families.qgac.statistics import Statistics
from jpegx.models.families.qgac.subnetworks import ColourNetwork, LumaNetwork
from jpegx.models.files import Files
from jpegx.models.generator import Encoded, Needs
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import Noise
from jpegx.models.registry import generators

Kind = Literal["luma", "chroma", "plain"]


@dataclass(eq=False)
class _Part:
    """A component of some files: coefficients (N, h, w, 8, 8), and steps / 255, (N, 64).

    ``component``: whose statistics count. ``reduction``: pixels (across, down) of a sample of
    chroma. ``guide``: its luma. ``restored``: what comes out, for now what is in the files.
    """

    kind: Kind
    values: Tensor
    tables: Tensor
    component: int
    reduction: tuple[int, int]
    guide: "_Part | None"
    restored: Tensor


@generators.register("qgac")
class QgacGenerator(CoefficientGenerator):
    """Ehrlich et al. 2020: 259.4 million parameters, 0.95 million multiply-adds a pixel in 4:2:0.

    A regression of all qualities, from coefficients to coefficients: luma is corrected by
    BlockNets, whose first and last weights a small network makes from the file's table, and a
    FrequencyNet; then Cb and Cr, doubled, by one network that sees the corrected luma. What the
    paper leaves open is decided so:

    - 64 channels of each coefficient go from one subnetwork to the next, which gives the number of
      parameters that others compare with; with one channel it would be 60.4 million.
    - All convolutions of a dense block are as wide as the block; each has a PReLU of one slope.
    - The residual of chroma has no activation, as that of luma has none.
    - Coefficients are normalized by means and deviations of the training images.
    - Other samplings than 4:2:0: see :class:`ColourNetwork`. Chroma that is reduced by no power of
      2, or beside luma that is reduced itself, is decoded as a plain decoder does it. Gray files
      are luma; of RGB files each component is, with its own table.
    - Steps above 255, of 16-bit tables, are told as 255.
    - Initialization is He's, but for the last layers: those begin with handing on what the second
      BlockNet gives, which is small at first, and a tenth of He's.

    Its receptive field is 400 pixels each way for luma and 760 for chroma, but what lies far off
    hardly counts: tiles see 128 pixels around them and are blended over 32.
    """

    config_class = QgacConfig
    config: QgacConfig

    def __init__(self, config: QgacConfig) -> None:
        super().__init__()
        self.config = config
        self.needs = Needs(32, halo=128, blend=32, consistent=config.projection)
        self.statistics = Statistics(balanced=config.units == "balanced")
        self.luma = LumaNetwork(config)
        self.colour = ColourNetwork(config)

    def supports(self, layout: Layout) -> str | None:
        """None: it decodes all, at worst like a plain decoder."""
        return None

    def learn_statistics(self, pictures: Iterable[Tensor]) -> None:
        """See :meth:`Generator.learn_statistics`."""
        self.statistics.learn(pictures)

    def encode(self, files: Files) -> Encoded:
        """All of its work, for it draws nothing: the restored components of each batch."""
        parts = [part for batch in files for part in _parts(batch)]
        for alike in _groups(part for part in parts if part.kind == "luma"):
            change = self.luma(*self._told(alike))
            self._restore(alike, [part.values for part in alike], change)
        for alike in _groups(part for part in parts if part.kind == "chroma"):
            guides = [part.guide for part in alike if part.guide is not None]
            grid = guides[0].restored.shape[1:3]
            change = self.colour(*self._told(alike), *self._told(guides), alike[0].reduction)
            self._restore(alike, [_doubled(part, grid) for part in alike], change)
        return Encoded(files, tuple(part.restored for part in parts))

    def _told(self, parts: Sequence[_Part]) -> tuple[Tensor, Tensor]:
        """What a network sees: what there is of the parts, normalized, and their tables."""
        with _in_float32(parts[0].values):
            seen = [self.statistics.normalized(p.restored, p.component) for p in parts]
        tables = torch.cat([part.tables for part in parts])
        return torch.cat(seen), tables.to(self.dtype)

    def _restore(self, parts: Sequence[_Part], values: Sequence[Tensor], change: Tensor) -> None:
        """Add what a network gives, (N, 64, h, w), to coefficients of the parts."""
        each = change.split([len(part.values) for part in parts])
        with _in_float32(change):
            for part, own, added in zip(parts, values, each, strict=True):
                part.restored = own + self.statistics.in_units(added, part.component)

    def _coefficients(
        self, encoded: Encoded, noise: Noise, samples: int
    ) -> Sequence[Sequence[Tensor]]:
        grids = iter([repeat_samples(grid, samples) for grid in encoded.features])
        return [[next(grids) for _ in batch.tables] for batch in encoded.files]

    def _layout_of(self, layout: Layout) -> Layout:
        """Restored chroma has the resolution of luma."""
        grown = [
            layout.max_factors if _kind(layout, component) == "chroma" else factors
            for component, factors in enumerate(layout.factors)
        ]
        return replace(layout, factors=tuple(grown))

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        # The fusion: what three subnetworks give, and all of it side by side.
        return 6 * self.config.between * itemsize + 120


def _kind(layout: Layout, component: int) -> Kind:
    """What restores a component; "plain": nothing does."""
    if component == 0 or layout.color_space != "ycbcr":
        return "luma"
    (across, down), (h, v) = layout.max_factors, layout.factors[component]
    powers = all(n % k == 0 and n // k in (1, 2, 4) for n, k in ((across, h), (down, v)))
    return "chroma" if powers and layout.factors[0] == layout.max_factors else "plain"


def _parts(batch: JpegBatch) -> list[_Part]:
    """The components of a batch."""
    parts: list[_Part] = []
    for component, (grid, table) in enumerate(zip(batch.coefficients, batch.tables, strict=True)):
        kind = _kind(batch.layout, component)
        values = grid.float() * table.float()[:, None, None]
        told = table.flatten(1).float().div(255).clamp(max=1)
        reduction = (1, 1) if kind != "chroma" else batch.layout.reduction(component)
        statistics = component if kind == "chroma" else 0
        guide = parts[0] if kind == "chroma" else None
        parts.append(_Part(kind, values, told, statistics, reduction, guide, values))
    return parts


def _groups(parts: Iterable[_Part]) -> list[list[_Part]]:
    """Those that a network can take together: of one size, reduced alike."""
    groups: dict[object, list[_Part]] = defaultdict(list)
    for part in parts:
        guide = part.guide or part
        groups[part.reduction, part.values.shape[1:], guide.values.shape[1:]].append(part)
    return list(groups.values())


def _doubled(part: _Part, size: Sequence[int]) -> Tensor:
    """Coefficients on the grid (rows, columns) of luma, of samples that are repeated."""
    if part.reduction == (1, 1):
        return part.values
    across, down = part.reduction
    (plane,) = planes([part.values])
    full = plane.repeat_interleave(down, dim=1).repeat_interleave(across, dim=2)
    return block_dct(full[:, : 8 * size[0], : 8 * size[1]])


def _in_float32(values: Tensor) -> torch.autocast:
    return torch.autocast(values.device.type, enabled=False)
