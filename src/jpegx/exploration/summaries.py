"""What is open in a region, seen from the draws of a sampler: directions, extremes, clusters.

Principal components of the draws, as Nehme et al. 2023 and Belhasen et al. 2023 (PUQ) have them;
few draws that differ most, which people prefer to independent ones (Cohen et al. 2023); a small
tree of clusters (Nehme et al. 2024). All are about the sampler's draws, not about the truth; how
far intervals hold is measured on originals, by split conformal prediction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import torch
from torch import Tensor

from jpegx.exploration.draws import is_regression, no_draws
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.selection import Selection, touched
from jpegx.exploration.workbench import Workbench

SIGMAS = 2.0  # how far along a component its pictures are
_LEVEL = 0.9  # of the intervals
_COMPONENTS = 3


@dataclass(frozen=True)
class Component:
    """A direction in which draws differ.

    ``std``: gray levels (RMS over the region) of the draws along it. ``share``: of their variance.
    ``least``, ``most``: exact pictures ``SIGMAS`` deviations to both sides. ``factor``: of the
    deviation, within which 90 % of the truths of calibration were; None if not calibrated.
    """

    std: float
    share: float
    least: Patch
    most: Patch
    factor: float | None = None


@dataclass(frozen=True)
class Cluster:
    """Draws that are alike. ``parent``: number of the cluster that it is part of, None of the root.

    ``share``: of the draws, ``low`` to ``high`` its Wilson interval (95 %). ``patch``: the draw in
    its middle. ``radius``: gray levels (RMS) from there to its draws.
    """

    parent: int | None
    members: tuple[int, ...]
    share: float
    low: float
    high: float
    radius: float
    patch: Patch


@dataclass(frozen=True)
class Summary:
    """The draws of a region, summarised. ``std``: gray levels, RMS of all that they differ.

    ``diverse``: numbers and pictures of the draws that differ most.
    """

    draws: int
    std: float
    components: list[Component]
    diverse: list[tuple[int, Patch]]
    clusters: list[Cluster]
    calibrated: int = 0


class Directions:
    """The principal components of draws in a region.

    ``images``: (draws, C, H, W) in the box of the units; ``mask``: the region, bool (H, W).
    """

    def __init__(self, images: Tensor, mask: Tensor, most: int) -> None:
        self.images = images
        values = images[:, :, mask].flatten(1).double()
        self.size = values.shape[1]
        self.middle = values.mean(dim=0)
        centred = values - self.middle
        self.values = values
        energies, vectors = torch.linalg.eigh(centred @ centred.T)
        order = energies.argsort(descending=True)[: min(most, len(values) - 1)]
        kept = energies[order].clamp(min=1e-9)
        self.axes = (vectors[:, order].T @ centred) / kept.sqrt()[:, None]
        self.stds = (kept / (len(values) - 1)).sqrt()
        total = float(energies.clamp(min=0).sum())
        self.shares = (kept / max(total, 1e-9)).tolist()
        self.total = sqrt(total / (len(values) - 1) / self.size)
        self.places = centred @ self.axes.T

    def standardised(self, image: Tensor, mask: Tensor) -> Tensor:
        """Where an image lies along each component, in deviations of the draws."""
        value = image[:, mask].flatten().double() - self.middle
        places: Tensor = (self.axes @ value) / self.stds
        return places

    def moved(self, number: int, component: int, sigmas: float, mask: Tensor) -> Tensor:
        """A draw, moved along a component to so many deviations from the middle."""
        by = sigmas * self.stds[component] - self.places[number, component]
        change = (by * self.axes[component]).float()
        image = self.images[number].clone()
        image[:, mask] += change.reshape(len(image), -1)
        return image


def summarise(
    workbench: Workbench,
    region: Selection,
    draws: int,
    seed: int,
    *,
    diverse: int = 4,
    leaves: int = 4,
    factors: Sequence[float] | None = None,
    calibrated: int = 0,
) -> Summary:
    """The summary of so many draws in a region. All its pictures are exact, or say by how much not.

    ``factors``: of :func:`calibrate`, which looked at ``calibrated`` regions. Raises JpegxError if
    the model draws nothing, ValueError for fewer than three draws.
    """
    if draws < 3:
        raise ValueError("a summary needs three draws or more")
    if is_regression(workbench.sampler):
        raise no_draws(workbench.spec.label, "a regression")
    units = touched(region)
    finisher = Finisher(workbench.jpeg, units)
    mask = torch.tensor(region.inside(units.box))
    images = torch.stack(list(workbench.draws(units, draws, seed)))
    found = Directions(images, mask, _COMPONENTS)
    distances = _distances(found.values)
    middle = int(distances.sum(dim=1).argmin())
    made: list[Component] = []
    for number in range(len(found.stds)):
        ends = [
            finisher.finish(found.moved(middle, number, sign * SIGMAS, mask)) for sign in (-1, 1)
        ]
        factor = None if factors is None or number >= len(factors) else factors[number]
        std = float(found.stds[number]) / sqrt(found.size)
        made.append(Component(std, found.shares[number], ends[0], ends[1], factor))
    far = [(n, finisher.finish(images[n])) for n in farthest(distances, diverse)]
    clusters = [
        _cluster(finisher, images, distances, parent, members, draws)
        for parent, members in tree(distances, leaves)
    ]
    return Summary(draws, found.total, made, far, clusters, calibrated)


def calibrate(
    samples: Iterator[tuple[Workbench, Selection, np.ndarray]],
    draws: int,
    seed: int,
) -> tuple[list[float], int]:
    """How many deviations hold 90 % of the truths along each component, and of how many regions.

    ``samples``: files made of originals, a region of each, and the original's pixels, uint8
    (height, width, channels). Split conformal prediction (Vovk et al. 2005), as PUQ does it: the
    ceil(0.9 (n + 1))-th smallest distance; infinite if there are too few regions. It holds on
    average over regions and files like these, not for each.
    """
    found = []
    for number, (workbench, region, original) in enumerate(samples):
        units = touched(region)
        mask = torch.tensor(region.inside(units.box))
        images = torch.stack(list(workbench.draws(units, draws, seed + number)))
        truth = torch.tensor(original[units.box.rows, units.box.columns]).permute(2, 0, 1).float()
        directions = Directions(images, mask, _COMPONENTS)
        found.append(directions.standardised(truth, mask).abs().tolist())
    columns = zip(*found, strict=True) if found else []
    return [conformal(column) for column in columns], len(found)


def conformal(distances: Sequence[float]) -> float:
    """The distance that a further one exceeds with a probability of at most 0.1."""
    rank = ceil(_LEVEL * (len(distances) + 1))
    return float("inf") if rank > len(distances) else sorted(distances)[rank - 1]


def farthest(distances: Tensor, count: int) -> list[int]:
    """Draws that differ most: the middle one, then always the one farthest from those chosen."""
    chosen = [int(distances.sum(dim=1).argmin())]
    while len(chosen) < min(count, len(distances)):
        chosen.append(int(distances[chosen].min(dim=0).values.argmax()))
    return chosen[:count]


def tree(distances: Tensor, leaves: int) -> list[tuple[int | None, list[int]]]:
    """A tree of clusters by average linkage, cut where it has so many leaves.

    The root first; each with the number of its parent in the list.
    """
    groups: dict[int, list[int]] = {number: [number] for number in range(len(distances))}
    table = distances.clone().fill_diagonal_(torch.inf)
    merges: list[tuple[list[int], list[int]]] = []
    while len(groups) > 1:
        flat = int(table.argmin())
        first, second = sorted(divmod(flat, len(table)))
        a, b = groups.pop(first), groups.pop(second)
        merges.append((a, b))
        mean = (table[first] * len(a) + table[second] * len(b)) / (len(a) + len(b))
        table[first], table[:, first] = mean, mean
        table[second], table[:, second] = torch.inf, torch.inf
        table[first, first] = torch.inf
        groups[first] = [*a, *b]
    whole = sorted(next(iter(groups.values())))
    found: list[tuple[int | None, list[int]]] = [(None, whole)]
    for a, b in reversed(merges[len(merges) - (leaves - 1) :] if leaves > 1 else []):
        parent = next(n for n, (_, members) in enumerate(found) if members == sorted([*a, *b]))
        larger, smaller = sorted((sorted(a), sorted(b)), key=lambda group: (-len(group), group))
        found += [(parent, larger), (parent, smaller)]
    return found


def wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share = count / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)


def _cluster(
    finisher: Finisher,
    images: Tensor,
    distances: Tensor,
    parent: int | None,
    members: list[int],
    draws: int,
) -> Cluster:
    among = distances[members][:, members]
    middle = members[int(among.sum(dim=1).argmin())]
    radius = float(distances[middle, members].square().mean().sqrt())
    low, high = wilson(len(members), draws)
    patch = finisher.finish(images[middle])
    return Cluster(parent, tuple(members), len(members) / draws, low, high, radius, patch)


def _distances(values: Tensor) -> Tensor:
    """Gray levels (RMS) between draws, (draws, draws)."""
    return torch.cdist(values, values) / sqrt(values.shape[1])
