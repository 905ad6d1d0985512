"""What the networks have in common whose features pictures are compared by."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from jpegx.errors import JpegxError


class MissingNetwork(JpegxError):
    """A network is not installed, or its file is not what it should be."""


class FrozenNetwork(nn.Module, ABC):
    """Convolutions of a classifier that are never trained; differentiable in the images.

    ``title``: its name in tables. ``strides``: of the features that there are, in pixels.
    ``judged``: those that distances between sets are measured at. ``unit``: what such a distance is
    divided by in tables.
    """

    title: ClassVar[str]
    strides: ClassVar[tuple[int, ...]]
    judged: ClassVar[tuple[int, ...]]
    unit: ClassVar[float] = 1.0

    @abstractmethod
    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Features of images (N, 3, H, W), RGB from 0 to 1, of any size from 32 pixels on.

        By stride s: (N, D, ceil(H / s), ceil(W / s)), D of the layer's own.
        """

    def freeze(self) -> None:
        """Fix the weights and put the network in evaluation mode."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "FrozenNetwork":
        """Stay in evaluation mode, also as a part of what is trained."""
        super().train(False)
        return self


def find_package_file(package: str, name: str, hint: str) -> Path:
    """A file of an installed package, found without running any of the package's code.

    ``hint``: what to do, for the message. Raises MissingNetwork if it is not there.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / name
        if path.is_file():
            return path
    raise MissingNetwork(f"{package} is not installed: {hint}")


def take_tensors(
    path: Path, given: Mapping[str, object], wanted: Mapping[str, Tensor]
) -> list[Tensor]:
    """The tensors of these names, in order, if they have the shapes of those wanted.

    Raises MissingNetwork, naming ``path``, if one is not there, of another shape, or not finite.
    """
    found = []
    for name, expected in wanted.items():
        tensor = given.get(name)
        if not isinstance(tensor, Tensor) or tensor.shape != expected.shape:
            raise MissingNetwork(f"{path}: there is no {name} of {tuple(expected.shape)}")
        if not torch.isfinite(tensor).all():
            raise MissingNetwork(f"{path}: {name} does not hold finite numbers")
        found.append(tensor.float())
    return found
