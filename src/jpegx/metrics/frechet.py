"""Distances between two sets of feature vectors: Fréchet distance (FID) and kernel distance (KID).

Both are computed from any features; with those of the Inception network they are FID and KID.
"""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor


class FeatureMoments:
    """Mean and covariance of feature vectors that come in portions; float64.

    Pairwise update of Chan, Golub and LeVeque 1983, so that portions may be merged in any order.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros((), dtype=torch.float64)
        self._scatter = torch.zeros((), dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Takes in feature vectors (N, D), N at least 1."""
        values = features.detach().cpu().double()
        mean = values.mean(dim=0)
        centred = values - mean
        self._merge(len(values), mean, centred.T @ centred)

    def merge(self, other: "FeatureMoments") -> None:
        """Takes in all that another one has seen."""
        if other.count:
            self._merge(other.count, other._mean, other._scatter)

    def packed(self) -> Tensor:
        """All of it as one tensor, float64 (D + 2, D), for :meth:`unpacked`; not of none."""
        count = torch.full_like(self._mean, self.count)
        return torch.cat([count[None], self._mean[None], self._scatter])

    @classmethod
    def unpacked(cls, packed: Tensor) -> "FeatureMoments":
        """What :meth:`packed` was taken of."""
        moments = cls()
        moments._merge(int(packed[0, 0]), packed[1], packed[2:])
        return moments

    @property
    def mean(self) -> Tensor:
        """Mean of the vectors, (D,). Raises ValueError if there is none."""
        if not self.count:
            raise ValueError("no features to take the mean of")
        return self._mean

    @property
    def covariance(self) -> Tensor:
        """Covariance of the vectors divided by N - 1, (D, D). ValueError for less than two."""
        if self.count < 2:
            raise ValueError("a covariance needs two feature vectors")
        return self._scatter / (self.count - 1)

    @cached_property
    def root(self) -> Tensor:
        """Symmetric square root of the covariance, (D, D)."""
        values, vectors = torch.linalg.eigh(self.covariance)
        root: Tensor = (vectors * _roots(values)) @ vectors.T
        return root

    def _merge(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        self.__dict__.pop("root", None)
        total = self.count + count
        change = mean - self._mean
        between = torch.outer(change, change) * (self.count * count / total) if self.count else 0
        self._scatter = self._scatter + scatter + between
        self._mean = self._mean + change * (count / total)
        self.count = total


def frechet_distance(ours: FeatureMoments, reference: FeatureMoments) -> float:
    """Squared Fréchet distance of two Gaussians with these moments, 0 or more.

    Dowson and Landau 1982; FID with Inception features (Heusel et al. 2017, Eq. 6). The trace of
    the root of the product of the covariances is that of the root of R A R, where R is the root of
    the reference's: symmetric, so it exists, and R serves many comparisons with one reference.
    Biased upwards for few vectors: more vectors than dimensions are needed (2048 for Inception).
    Raises ValueError if one side has less than two vectors.
    """
    product = reference.root @ ours.covariance @ reference.root
    shared = _roots(torch.linalg.eigvalsh(product)).sum()
    traces = ours.covariance.trace() + reference.covariance.trace()
    distance = (ours.mean - reference.mean).square().sum() + traces - 2 * shared
    return max(0.0, float(distance))


def _roots(eigenvalues: Tensor) -> Tensor:
    # Where the rank is low, rounding leaves tiny values instead of 0, whose roots are not tiny.
    noise = eigenvalues.abs().max() * len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps
    return torch.where(eigenvalues > noise, eigenvalues, 0).sqrt()


def kid(
    ours: Tensor, theirs: Tensor, subsets: int = 100, size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Kernel Inception distance: mean and standard deviation over random subsets.

    Bińkowski, Sutherland, Arbel and Gretton 2018, section 4: unbiased estimate of the squared
    maximum mean discrepancy with the kernel (x y / D + 1)^3; unbiased also for few vectors, so it
    may be negative. ``ours`` (N, D), ``theirs`` (M, D): features. ``size``: vectors of a subset,
    at most N and M; where it takes all of them the subsets do not differ.
    Raises ValueError if one side has less than two vectors.
    """
    size = min(size, len(ours), len(theirs))
    if size < 2:
        raise ValueError("a kernel distance needs two feature vectors on each side")
    random = np.random.default_rng(seed)
    distances = []
    for _ in range(subsets):
        x, y = (
            side[torch.from_numpy(random.choice(len(side), size, replace=False))].double()
            for side in (ours, theirs)
        )
        distances.append(_squared_discrepancy(x, y))
    return float(np.mean(distances)), float(np.std(distances))


def _squared_discrepancy(x: Tensor, y: Tensor) -> float:
    count = len(x)
    own = sum(_kernel(side, side).fill_diagonal_(0).sum() for side in (x, y))
    return float(own / (count * (count - 1)) - 2 * _kernel(x, y).mean())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
