"""Sets of pictures as distributions: sliced Wasserstein, Fréchet and kernel distances."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jpegx.evaluation.benchmark.cropping import patches
from jpegx.metrics.features import positions
from jpegx.metrics.frechet import FeatureMoments, frechet_distance, kid
from jpegx.metrics.frozen_network import FrozenNetwork
from jpegx.metrics.inception import Inception
from jpegx.metrics.swd import LEVELS, SMALLEST, pyramid_patches, sliced_wasserstein

# Patches of a level for the sliced Wasserstein distance: of a picture, as published, and of a set.
_OF_PICTURE, _OF_SET = 128, 16384
_AT_ONCE = 32  # pictures through the Inception network


@dataclass(frozen=True)
class Features:
    """How Inception features are taken. ``patch``: side of the patches, None for whole pictures.

    ``repeats``: samples of each picture, every one for a distance of its own. ``digest``: of the
    file of weights.
    """

    inception: Inception
    digest: str
    patch: int | None
    repeats: int

    def of(self, picture: Tensor) -> np.ndarray:
        """Features, float32 (patches, D), of a picture, uint8 (C, H, W)."""
        parts = _rgb(picture)[None] if self.patch is None else patches(_rgb(picture), self.patch)
        taken = [self.inception.features(part) for part in parts.split(_AT_ONCE)]
        return torch.cat(taken).numpy() if taken else np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class Describer:
    """Takes from pictures what sets are compared by. ``count``: pictures in the set."""

    features: Features | None
    networks: Mapping[str, FrozenNetwork]
    seed: int
    count: int

    @property
    def arrays(self) -> int:
        """Number of arrays that describe a picture."""
        return 1 + (self.features is not None) + len(self._layers)

    def facts(self) -> dict[str, object]:
        """What the arrays depend on, besides the picture."""
        facts: dict[str, object] = {"places": [self.seed, self._places]}
        if self.features is not None:
            facts["inception"] = [self.features.digest, self.features.patch, self.features.repeats]
        facts["networks"] = {name: network.digest for name, network in self.networks.items()}
        return facts

    def describe(self, name: str, samples: Tensor, *, original: bool) -> list[np.ndarray]:
        """The arrays of the pictures, uint8 (n, C, H, W), that a decoder made of one original.

        First patches of the first sample, float16 (levels, places, 3 * 49), from places that
        depend on the name only, none if the picture is too small. Then, if asked for, features of
        each of at most ``repeats`` samples, float32 (samples, patches, D). Then of each judged
        stride of each network the moments of all positions of the first sample
        (``FeatureMoments.packed``). An ``original`` that is compared with has patches from other
        places: at equal ones, what is right pixel by pixel would be ranked above what is sharp.
        """
        described = [self.patches(f"{name} original" if original else name, samples[0])]
        if self.features is not None:
            taken = [self.features.of(sample) for sample in samples[: self.features.repeats]]
            described.append(np.stack(taken))
        for network in self.networks.values():
            for vectors in positions(network, samples[0]).values():
                described.append(_moments(vectors).packed().numpy())
        return described

    def compare(
        self,
        ours: Sequence[Sequence[np.ndarray]],
        theirs: Sequence[Sequence[np.ndarray]],
        repeats: int,
    ) -> dict[str, Any]:
        """The distances of two sets: of each array of :meth:`describe` those of all pictures.

        ``swd``: sliced Wasserstein distance, the mean of ``swd_levels``, finest first;
        ``swd_fine``: of the finest alone. What :func:`feature_distances` gives. For each network
        and stride "frechet_NAME_STRIDE", and "positions_NAME_STRIDE" of one set. What cannot be
        told is left out.
        """
        distances = self.compare_patches(ours[0], theirs[0])
        if self.features is not None:
            distances |= feature_distances(ours[1], theirs[1], repeats, self.seed)
        first = self.arrays - len(self._layers)
        for index, (name, stride) in enumerate(self._layers, start=first):
            a, b = (_merged(side[index]) for side in (ours, theirs))
            if min(a.count, b.count) > 1:
                unit = self.networks[name].unit
                distances[f"frechet_{name}_{stride}"] = frechet_distance(a, b) / unit
                distances[f"positions_{name}_{stride}"] = float(a.count)
        return distances

    def compare_patches(
        self, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        """The sliced Wasserstein distances alone, of the first arrays of all pictures."""
        levels = _swd(ours, theirs, self.seed)
        if not levels:
            return {}
        return {"swd": fmean(levels), "swd_fine": levels[0], "swd_levels": levels}

    @property
    def _layers(self) -> list[tuple[str, int]]:
        return [(name, stride) for name, n in self.networks.items() for stride in n.judged]

    @property
    def _places(self) -> int:
        return max(1, min(_OF_PICTURE, _OF_SET // self.count))

    def patches(self, name: str, picture: Tensor) -> np.ndarray:
        """The first array of :meth:`describe`, of a picture, uint8 (C, H, W)."""
        if min(picture.shape[1:]) < SMALLEST:
            return np.empty((LEVELS, 0, 3 * 49), np.float16)
        digest = hashlib.sha256(f"{self.seed} {name}".encode()).digest()
        random = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
        levels = pyramid_patches(_rgb(picture), random, self._places)
        return torch.stack(levels).half().numpy()


def _swd(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], seed: int) -> list[float]:
    if not ours or not theirs:
        return []
    sides = [np.concatenate(side, axis=1) for side in (ours, theirs)]
    fewest = min(side.shape[1] for side in sides)
    if not fewest:
        return []
    a, b = ([torch.tensor(v).float() for v in side[:, :fewest]] for side in sides)
    return sliced_wasserstein(a, b, seed)


def feature_distances(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], repeats: int, seed: int
) -> dict[str, float]:
    """Fréchet and kernel distance (FID; KID times 1000) of sets, several times as Man et al. 2022.

    ``ours``, ``theirs``: features (samples, patches, D) for each picture; of theirs the first
    sample is used. In that paper theirs are *other* real pictures than the originals of ours, so
    that even a perfect decoder is not at 0. One distance for each of ``repeats`` sets, of one
    sample of each picture: their mean and standard deviation, 0 for a decoder whose samples are all
    the same. ``features``: of the smaller set, of ``dimensions`` each. Empty if a set has less than
    two.
    """
    b, counted = _of_sample(theirs, 0), sum(picture.shape[1] for picture in ours)
    if min(counted, len(b)) < 2:
        return {}
    reference = _moments(b)
    fids, kids = [], []
    for sample in range(min(repeats, max(len(picture) for picture in ours))):
        a = _of_sample(ours, sample)
        fids.append(frechet_distance(_moments(a), reference))
        kids.append(1000 * kid(a, b, seed=seed)[0])
    return {
        "features": float(min(counted, len(b))),
        "dimensions": float(b.shape[1]),
        "fid": fmean(fids),
        "fid_std": pstdev(fids),
        "kid": fmean(kids),
        "kid_std": pstdev(kids),
    }


def _of_sample(pictures: Sequence[np.ndarray], sample: int) -> Tensor:
    """Features (N, D) of one sample of each picture; of its last one where it has fewer."""
    found = [p[min(sample, len(p) - 1)] for p in pictures if p.shape[1]]
    return torch.tensor(np.concatenate(found)) if found else torch.empty(0, 0)


def _moments(features: Tensor) -> FeatureMoments:
    moments = FeatureMoments()
    moments.add(features)
    return moments


def _merged(pictures: Sequence[np.ndarray]) -> FeatureMoments:
    moments = FeatureMoments()
    for packed in pictures:
        moments.merge(FeatureMoments.unpacked(torch.tensor(np.asarray(packed))))
    return moments


def _rgb(picture: Tensor) -> Tensor:
    return picture.expand(3, -1, -1)
