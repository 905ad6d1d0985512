"""What the networks have in common whose features pictures are compared by."""

import hashlib
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import ClassVar, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
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

    @classmethod
    @abstractmethod
    def installed(cls) -> Self:
        """The network with the weights of its package, on the CPU.

        Raises MissingNetwork, one line that says how to install it, if it is not there.
        """

    @abstractmethod
    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Features of images (N, 3, H, W), RGB from 0 to 1, of any size from 32 pixels on.

        By stride s: (N, D, ceil(H / s), ceil(W / s)), D of the layer's own.
        """

    def freeze(self) -> None:
        """Fix the weights and put the network in evaluation mode."""
        self.requires_grad_(False)
        self.eval()

    @cached_property
    def digest(self) -> str:
        """A digest of the weights, by which two networks of one kind are told apart."""
        found = hashlib.sha256(self.title.encode())
        for tensor in self.state_dict().values():
            found.update(tensor.cpu().numpy().tobytes())
        return found.hexdigest()[:24]

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


def read_tensors(path: Path) -> Mapping[str, object]:
    """The tensors of a file by name, on the CPU: safetensors, or what torch.save wrote.

    Nothing in it is executed. Raises MissingNetwork, one line, for any other file.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, SafetensorError, UnpicklingError) as error:
        reason = (str(error).strip().splitlines() or ["no tensors in it"])[0]
        raise MissingNetwork(f"{path}: not a file of weights: {reason}") from None
    except (LookupError, TypeError, AttributeError, struct.error):  # of what is no whole pickle
        raise MissingNetwork(f"{path}: not a file of weights: it is damaged") from None
    if not isinstance(found, dict):
        raise MissingNetwork(f"{path}: does not hold tensors by name")
    return found


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
