"""The generator of Bahat and Michaeli 2021: places in the cells, of a control signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, lcm

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.color import to_pixels
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.resized_dct import enlarge, in_table_steps, join_blocks
from jpegx.jpeg.transform import dequantize
from jpegx.models.coefficient_generator import CoefficientGenerator
from jpegx.models.config import Config, option
from jpegx.models.control_network import ControlNetwork
from jpegx.models.files import Files, count, joined
from jpegx.models.generator import Encoded, Needs
from jpegx.models.layers import TableEmbedding, block_channels, repeat_samples
from jpegx.models.noise import Noise, NoiseField, numbered
from jpegx.models.projection import BYTES_PER_PIXEL, project
from jpegx.models.registry import generators
from jpegx.models.spectral_law import CHROMA, LUMA, expected_spread

_CONTROL = 64  # numbers of the control signal for each block
_EMBEDDING = 64
_BLOCK = 8
_UNIT = 32  # pixels: the control signal is drawn for so many at a time, the largest units
_LARGEST = 4  # reduction of a component
# Places stay so far from the walls, in steps, whatever the weights: half a step of bfloat16 there.
_MARGIN = 2.0**-9
_LARGE = 16.0  # steps: coefficients beyond are compressed, where they are


@dataclass(frozen=True)
class ExplorableConfig(Config):
    """Widths and layers of the two networks; the defaults are the published sizes.

    ``noise``: there is a control signal; without, the network is a regression. ``tables``: for any
    quality: the networks are told the tables and the sampling (FiLM), see large coefficients
    compressed, and answer in units of what natural pictures have where that is less than a step.
    ``residual``: layers but the first add to what they are given, so that fewer steps of training
    do. ``compensate``: components are enlarged so that their means are exact
    (:func:`jpegx.jpeg.resized_dct.enlarge`), which they are not as published. ``projection``: what
    leaves 0 … 255 is looked after in the network (:mod:`jpegx.models.projection`).
    """

    luma: int = 320
    luma_layers: int = 10
    chroma: int = 160
    chroma_layers: int = 10
    noise: bool = option(True, "noise")
    tables: bool = False
    residual: bool = False
    compensate: bool = True
    projection: bool = option(True, "own")

    def __post_init__(self) -> None:
        if not all(1 <= width <= 2048 for width in (self.luma, self.chroma)):
            raise ValueError("luma and chroma must be 1 to 2048")
        if not all(1 <= layers <= 64 for layers in (self.luma_layers, self.chroma_layers)):
            raise ValueError("layers must be 1 to 64")


@dataclass(frozen=True)
class _Work:
    """What a network does for one batch of files: inputs (N, channels, rows, columns)."""

    inputs: Tensor
    control: Tensor | None
    embedding: Tensor | None


@generators.register("explorable")
class Explorable(CoefficientGenerator):
    """Where in its cell each coefficient lies, told by 64 numbers a block that may be anything.

    Two networks over the grid of blocks, the 64 coefficients as channels. The one for luma gives
    places from -1/2 to 1/2 of its quantized coefficients; so its pictures are consistent whatever
    the control signal is. The one for chroma sees the 16x16 DCT of the restored luma, in steps of
    its table, whose edge is repeated, beside the chroma's coefficients (of other reductions the low
    16x16 of the larger block, or zeros beside the smaller one). While it is trained, the luma is
    not. Components of RGB files, and of files whose chroma is finer than their luma or unequal, go
    through the network for luma, each alone.

    The control signal is uniform from -1 to 1, the error function of Gaussian noise; chroma sees
    its mean over the blocks of luma. With 320 features for luma and 160 for chroma, 10 layers each,
    the default has 14.2 million parameters, and costs 0.18 million multiply-adds a pixel at 4:2:0.
    """

    config_class = ExplorableConfig
    config: ExplorableConfig

    def __init__(self, config: ExplorableConfig) -> None:
        super().__init__()
        self.config = config
        fields = numbered([NoiseField(_CONTROL, _BLOCK, "uniform")]) if config.noise else ()
        self.needs = Needs(_UNIT, self._reach(_LARGEST), noise=fields, consistent=True)
        control = _CONTROL if config.noise else 0
        embedding = _EMBEDDING if config.tables else 0
        self.embedding = TableEmbedding(embedding) if embedding else None
        sizes = (control, embedding, config.residual)
        self.luma = ControlNetwork(64, config.luma, config.luma_layers, 64, *sizes)
        self.chroma = ControlNetwork(256 + 128, config.chroma, config.chroma_layers, 128, *sizes)

    def context(self, layout: Layout) -> int:
        """Pixels of context for files of a layout: see :meth:`Generator.context`."""
        if not _is_paired(layout):
            return self._reach(0)
        return self._reach(max(layout.max_factors))

    def _reach(self, reduction: int) -> int:
        """How far a change of a block is seen, in pixels, rounded up to whole units."""
        config = self.config
        blocks = config.luma_layers + 1 + (config.chroma_layers + 1) * reduction
        return ceil(blocks * _BLOCK / _UNIT) * _UNIT

    def encode(self, files: Files) -> Encoded:
        """The embedding of the tables; all else sees the control signal."""
        return Encoded(files, () if self.embedding is None else (self.embedding(files),))

    def _coefficients(
        self, encoded: Encoded, noise: Noise, samples: int
    ) -> Sequence[Sequence[Tensor]]:
        files = encoded.files
        embeddings: list[Tensor | None] = [None] * len(files)
        if encoded.features:
            embeddings = list(encoded.features[0].split([len(batch) for batch in files]))
        controls = self._control(files, noise, samples)
        # What goes through the network for luma alone, components of a batch one after the other.
        alone = [
            _Work(*self._luma_sees(batch, component, control, samples), embedding)
            for batch, control, embedding in zip(files, controls, embeddings, strict=True)
            for component in _alone(batch.layout)
        ]
        answers = iter(_run(self.luma, alone))
        values = [
            [self._placed(batch, component, next(answers)) for component in _alone(batch.layout)]
            for batch in files
        ]
        paired = [index for index, batch in enumerate(files) if _is_paired(batch.layout)]
        together = [
            _Work(*self._chroma_sees(files[i], values[i][0], controls[i], samples), embeddings[i])
            for i in paired
        ]
        for index, found in zip(paired, _run(self.chroma, together), strict=True):
            for component, part in zip((1, 2), found.chunk(2, dim=1), strict=True):
                values[index].append(self._placed(files[index], component, part))
        return values

    def _control(self, files: Files, noise: Noise, samples: int) -> list[Tensor | None]:
        """The control signal of each batch, (N * samples, 64, rows, columns), -1 to 1.

        For every 8x8 pixels, of whole units; None where there is none.
        """
        if not self.needs.noise or noise.is_zero:
            return [None] * len(files)
        (field,), layout = self.needs.noise, files[0].layout
        down, across = (
            lcm(_UNIT, *(batch.layout.mcu_size[axis] for batch in files)) for axis in (1, 0)
        )
        size = (
            ceil(layout.height / down) * down // _BLOCK,
            ceil(layout.width / across) * across // _BLOCK,
        )
        like = torch.empty(count(files) * samples, 1, *size, device=files[0].device)
        top, left = files[0].origin
        drawn = noise.draw(field, like, (top // _BLOCK, left // _BLOCK), samples) * 2
        return list(drawn.split([len(batch) * samples for batch in files]))

    def _luma_sees(
        self, batch: JpegBatch, component: int, control: Tensor | None, samples: int
    ) -> tuple[Tensor, Tensor | None]:
        """What the network for luma sees of a component."""
        grid = block_channels(self._seen(batch.coefficients[component].float()))
        own = _reduced(control, batch.layout.reduction(component), grid)
        return repeat_samples(grid, 1 if own is None else samples), own

    def _chroma_sees(
        self, batch: JpegBatch, luma: Tensor, control: Tensor | None, samples: int
    ) -> tuple[Tensor, Tensor | None]:
        """What the network for chroma sees; ``luma``: restored (N * samples, r, c, 8, 8)."""
        if self.training:
            luma = luma.detach()
        reduction = batch.layout.reduction(1)
        chroma = torch.cat([block_channels(grid.float()) for grid in batch.coefficients[1:]], dim=1)
        blocks = join_blocks(_grown(luma, chroma.shape[2:], reduction), reduction)
        times = len(luma) // len(chroma)
        blocks = in_table_steps(blocks, repeat_samples(batch.tables[0].float(), times))
        inputs = [block_channels(blocks), repeat_samples(chroma, times)]
        return self._seen(torch.cat(inputs, dim=1)), _reduced(control, reduction, chroma)

    def _seen(self, values: Tensor) -> Tensor:
        """Coefficients, in steps, as the networks see them."""
        return (values / _LARGE).asinh() * _LARGE if self.config.tables else values

    def _placed(self, batch: JpegBatch, component: int, answer: Tensor) -> Tensor:
        """Coefficients at the places that a network answers, in DCT units.

        ``answer``: (N * samples, 64, rows, columns), any numbers.
        """
        times = len(answer) // len(batch)
        grid = repeat_samples(batch.coefficients[component].float(), times)
        steps = repeat_samples(batch.tables[component].float(), times)
        answer = answer.unflatten(1, (_BLOCK, _BLOCK)).permute(0, 3, 4, 1, 2)
        if self.config.tables:
            law = CHROMA if component and batch.layout.color_space == "ycbcr" else LUMA
            spread = expected_spread(batch.layout.reduction(component), law)
            # The deviation of a place that may be anywhere in the cell is a step / √12.
            answer = answer * (spread.to(steps) * 12**0.5 / steps).clamp(max=1)[:, None, None]
        half = 0.5 - _MARGIN
        places = (answer.sigmoid() - 0.5).clamp(-half, half)
        return dequantize([grid + places], [steps])[0]

    def _decoded(self, files: JpegBatch, values: Sequence[Tensor], samples: int) -> Tensor:
        layout = files.layout
        planes = []
        for component, grid in enumerate(values):
            # Without a control signal all samples are the same.
            whole = repeat_samples(grid, len(files) * samples // len(grid))
            plane = enlarge(whole, layout.reduction(component), compensate=self.config.compensate)
            planes.append(plane[:, : layout.height, : layout.width])
        return to_pixels(torch.stack(planes, dim=1), layout).expand(-1, 3, -1, -1) / 255

    def render(self, encoded: Encoded, noise: Noise, samples: int = 1) -> Tensor:
        """Images: see :meth:`Generator.render`."""
        images = self._images(encoded, noise, samples)
        return project(images, encoded.files, samples) if self.config.projection else images

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        widest = max(self.config.luma, self.config.chroma, 256 + 128) + _CONTROL
        drawing = 3 * widest * itemsize / _BLOCK**2 + 100
        return ceil(max(drawing, BYTES_PER_PIXEL if self.config.projection else 0))


def _is_paired(layout: Layout) -> bool:
    """Whether the chroma goes with the luma: as fine or coarser, and equal."""
    if layout.color_space != "ycbcr":
        return False
    (luma, *chroma) = (layout.reduction(component) for component in range(3))
    return luma == (1, 1) and chroma[0] == chroma[1]


def _alone(layout: Layout) -> range:
    """The components that go through the network for luma."""
    return range(1 if _is_paired(layout) else len(layout.factors))


def _reduced(control: Tensor | None, reduction: tuple[int, int], grid: Tensor) -> Tensor | None:
    """Means of the control signal over the blocks of a reduced component, (N, …, rows, columns)."""
    if control is None:
        return None
    across, down = reduction
    means = control if reduction == (1, 1) else F.avg_pool2d(control, (down, across))
    return means[:, :, : grid.shape[2], : grid.shape[3]]


def _grown(grid: Tensor, size: Sequence[int], reduction: tuple[int, int]) -> Tensor:
    """Blocks (N, rows, columns, 8, 8), the last ones repeated, as many as a reduced grid spans."""
    across, down = reduction
    rows = torch.arange(size[0] * down, device=grid.device).clamp(max=grid.shape[1] - 1)
    columns = torch.arange(size[1] * across, device=grid.device).clamp(max=grid.shape[2] - 1)
    if len(rows) == grid.shape[1] and len(columns) == grid.shape[2]:
        return grid
    return grid[:, rows][:, :, columns]


def _run(network: ControlNetwork, work: Sequence[_Work]) -> list[Tensor]:
    """What it gives, float32, for several pieces of work; those of one shape go at once."""
    shapes = [piece.inputs.shape[2:] for piece in work]
    results: dict[int, Tensor] = {}
    for shape in dict.fromkeys(shapes):
        some = [index for index, each in enumerate(shapes) if each == shape]
        pieces = [work[index] for index in some]
        controls = [piece.control for piece in pieces if piece.control is not None]
        embeddings = [piece.embedding for piece in pieces if piece.embedding is not None]
        found = network(
            joined([piece.inputs for piece in pieces]),
            joined(controls) if controls else None,
            joined(embeddings) if embeddings else None,
        )
        parts = found.float().split([len(piece.inputs) for piece in pieces])
        results |= dict(zip(some, parts, strict=True))
    return [results[index] for index in range(len(work))]
