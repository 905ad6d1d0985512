"""Distances in the features of a VGG whose weights the user names: perceptual, and of texture."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.errors import JpegxError
from jpegx.metrics.frozen_network import MissingNetwork, read_tensors, take_tensors
from jpegx.models.layers import repeat_samples

# VGG-16 and VGG-19 (Simonyan and Zisserman 2015, table 1, D and E): convolutions of each block.
_CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)
_OPTIONS = {16: "losses.minc", 19: "losses.vgg19"}
# What torchvision's were trained on: images from 0 to 1, minus a mean, divided by a spread.
_MEAN = (0.485, 0.456, 0.406)
_SPREAD = (0.229, 0.224, 0.225)


class BadVgg(JpegxError):
    """A file that does not hold the convolutions of a VGG."""


def layer_names(depth: int) -> list[str]:
    """Layers of VGG-16 or VGG-19: convBLOCK_NUMBER, and relu… after its activation, in order."""
    return [
        f"{kind}{block}_{number}"
        for block, convolutions in enumerate(_CONVOLUTIONS[depth], 1)
        for number in range(1, convolutions + 1)
        for kind in ("conv", "relu")
    ]


class Vgg(nn.Module):
    """Features of VGG-16 or VGG-19 (``depth``) at a layer out of :func:`layer_names`; not trained.

    Of VGG-19, Man et al. 2022 take conv5_4, Guo and Chao 2017 relu5_4. ``path``: safetensors, or
    what torch.save wrote, with torchvision's names (features.0.weight, …), whose images are
    normalized as torchvision does it; or with those of the layers (conv11.weight, …), as the VGG-16
    of materials has them (MINC, Bell et al. 2015), whose images are taken as they are. More is
    ignored. Raises BadVgg.
    """

    def __init__(self, depth: int, path: Path, layer: str) -> None:
        super().__init__()
        if not path.exists():
            raise BadVgg(f"{path}: no such file; {_OPTIONS[depth]} names it")
        try:
            given = read_tensors(path)
            self.normalized = "features.0.weight" in given
            layers: list[nn.Module] = []
            channels = 3
            for name in layer_names(depth)[: layer_names(depth).index(layer) + 1]:
                if name.startswith("relu"):
                    layers.append(nn.ReLU())
                    continue
                block, number = int(name[4]), name[6:]
                if number == "1" and block > 1:
                    layers.append(nn.MaxPool2d(2))
                conv = nn.Conv2d(channels, _WIDTHS[block - 1], 3, padding=1)
                key = f"features.{len(layers)}" if self.normalized else f"conv{block}{number}"
                wanted = {f"{key}.{name}": values for name, values in conv.named_parameters()}
                found = take_tensors(path, given, wanted)
                conv.load_state_dict(dict(zip(("weight", "bias"), found, strict=True)))
                layers.append(conv)
                channels = conv.out_channels
        except MissingNetwork as error:
            raise BadVgg(f"{error}: no VGG-{depth}, which {_OPTIONS[depth]} names") from error
        self.layers = nn.Sequential(*layers).requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Features, at conv5_4 (N, 512, H / 16, W / 16), of images (N, 3, H, W), 0 to 1."""
        if self.normalized:
            mean, spread = (images.new_tensor(v)[:, None, None] for v in (_MEAN, _SPREAD))
            images = (images - mean) / spread
        features: Tensor = self.layers(images)
        return features


def perceptual(vgg: Vgg, images: Tensor, targets: Tensor) -> Tensor:
    """Eq. 6 of Man et al. 2022: squared distance of the features, the mean, as a scalar.

    ``images``: (N * samples, 3, H, W), ``targets``: (N, 3, H, W), 0 to 1.
    """
    return F.mse_loss(*_features(vgg, images, targets))


def texture(vgg: Vgg, images: Tensor, targets: Tensor) -> Tensor:
    """Eq. 2 of Ehrlich et al. 2020: absolute distance of the features, the mean, as a scalar.

    ``images``: (N * samples, 3, H, W), ``targets``: (N, 3, H, W), 0 to 1.
    """
    return F.l1_loss(*_features(vgg, images, targets))


def _features(vgg: Vgg, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        wanted = repeat_samples(vgg(targets), len(images) // len(targets))
    return vgg(images).float(), wanted.float()
