"""Random patches, and how each is to be compressed: pure functions of (seed, step, group).

The unit of data is the group: a few patches that are compressed with one sampling. A batch is a
number of groups. Processes and accumulated micro-batches share out the groups of a batch, so what
a step sees does not depend on how many there are, nor on where a run was interrupted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from jpegx.jpeg.tables import scaled_tables
from jpegx.training.data.images import ImageSet
from jpegx.training.data.random_tables import draw_tables
from jpegx.training.options import DataOptions

# Components are (horizontal, vertical) factors of Y, Cb, Cr; "gray" has none to choose.
SAMPLINGS: dict[str, tuple[tuple[int, int], ...]] = {
    "4:4:4": ((1, 1), (1, 1), (1, 1)),
    "4:2:2": ((2, 1), (1, 1), (1, 1)),
    "4:4:0": ((1, 2), (1, 1), (1, 1)),
    "4:2:0": ((2, 2), (1, 1), (1, 1)),
    "4:1:1": ((4, 1), (1, 1), (1, 1)),
    "gray": ((1, 1),),
}


@dataclass(frozen=True)
class PatchRules:
    """How patches are drawn.

    ``size``: pixels each way. ``group``: patches per group. ``native``: share of the patches that
    are cut at the scale of the image; the others have a random scale. ``turn``: random flips and
    quarter turns; ``flip``: flips left to right alone, without ``turn``. ``quality``: lowest and
    highest IJG quality; quality to the ``power`` is uniform; or ``qualities``, all alike often.
    ``sampling``: weight of each sampling, by its name in ``SAMPLINGS``. ``other_tables``: share of
    the patches whose tables are not the IJG's (``data.random_tables``).
    """

    size: int
    group: int
    native: float
    turn: bool
    quality: tuple[int, int]
    power: float
    sampling: dict[str, float]
    other_tables: float = 0.0
    qualities: tuple[int, ...] = ()
    flip: bool = False

    @classmethod
    def of(cls, data: DataOptions) -> Self:
        """Those of a recipe."""
        return cls(
            size=data.patch,
            group=data.batch // data.groups,
            native=data.native,
            turn=data.turn,
            quality=data.quality,
            power=data.quality_power,
            sampling=data.sampling,
            other_tables=data.other_tables,
            qualities=data.qualities,
            flip=data.flip,
        )


@dataclass(frozen=True)
class Group:
    """Patches, uint8 (G, 3, size, size), the tables of each, and the sampling of all.

    ``tables``: int32 (G, 2, 8, 8), the steps of luma and of chroma.
    """

    patches: Tensor
    tables: Tensor
    sampling: str

    def pin_memory(self) -> "Group":
        """The same group in memory that a GPU reads without waiting (called by torch's loader)."""
        return Group(self.patches.pin_memory(), self.tables.pin_memory(), self.sampling)


def draw_group(images: ImageSet, rules: PatchRules, seed: int, step: int, index: int) -> Group:
    """Group number ``index`` of the batch of a step. Raises LostImage."""
    random = np.random.default_rng((seed, step, index))
    names = sorted(rules.sampling)
    weights = np.array([rules.sampling[name] for name in names])
    sampling = names[random.choice(len(names), p=weights / weights.sum())]
    tables = _tables(rules, random)
    patches = np.stack([_patch(images, rules, random) for _ in range(rules.group)])
    chw = torch.from_numpy(np.ascontiguousarray(patches.transpose(0, 3, 1, 2)))
    return Group(chw, tables, sampling)


def ijg_tables(qualities: Iterable[int]) -> Tensor:
    """The IJG's tables of some qualities, int32 (G, 2, 8, 8)."""
    return torch.from_numpy(np.stack([np.stack(scaled_tables(q)) for q in qualities]))


def _tables(rules: PatchRules, random: np.random.Generator) -> Tensor:
    """The tables of a group of patches."""
    tables = ijg_tables(_qualities(rules, random))
    if rules.other_tables:
        for own in tables:
            if random.random() < rules.other_tables:
                own.copy_(torch.from_numpy(draw_tables(random)))
    return tables


def _qualities(rules: PatchRules, random: np.random.Generator) -> tuple[int, ...]:
    if rules.qualities:
        return tuple(int(q) for q in random.choice(rules.qualities, rules.group))
    low, high = rules.quality
    # Each quality q stands for the numbers from q to q + 1.
    ends = np.array([low, high + 1]) ** rules.power
    drawn = random.uniform(ends[0], ends[1], rules.group) ** (1 / rules.power)
    return tuple(int(q) for q in drawn.clip(low, high))


def _patch(images: ImageSet, rules: PatchRules, random: np.random.Generator) -> np.ndarray:
    """A square of random scale, from the patch size up to the image (Man et al. 2022, A.2)."""
    pixels = images[int(random.integers(len(images)))]
    height, width = pixels.shape[:2]
    scaled = int(random.integers(rules.size, min(height, width) + 1))
    side = rules.size if random.random() < rules.native else scaled
    top = int(random.integers(height - side + 1))
    left = int(random.integers(width - side + 1))
    square = pixels[top : top + side, left : left + side]
    if side != rules.size:
        image = Image.fromarray(square)
        square = np.asarray(image.resize((rules.size,) * 2, Image.Resampling.LANCZOS))
    quarters, mirrored = int(random.integers(4)), random.random() < 0.5
    turned = np.rot90(square, quarters) if rules.turn else square
    return turned[:, ::-1] if mirrored and (rules.turn or rules.flip) else turned
