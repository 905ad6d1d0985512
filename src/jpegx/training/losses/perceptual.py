"""Distances in the features of a VGG whose weights the user names: perceptual, and of texture."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.errors import JpegxError
from jpegx.metrics.frozen_network import MissingNetwork, read_tensors
from jpegx.metrics.vgg_layers import VggLayers, halved, torchvision_names, whitened
from jpegx.models.layers import repeat_samples

_OPTIONS = {16: "losses.minc", 19: "losses.vgg19"}


class BadVgg(JpegxError):
    """A file that does not hold the convolutions of a VGG."""


class Vgg(nn.Module):
    """Features of VGG-16 or VGG-19 (``depth``) at a ``layer`` of theirs; not trained.

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
            names = torchvision_names(depth)
            if not self.normalized:
                names = {name: name.replace("_", "") for name in names}
            self.layers = VggLayers(given, path, names, [layer], depth)
        except MissingNetwork as error:
            raise BadVgg(f"{error}: no VGG-{depth}, which {_OPTIONS[depth]} names") from error

    def forward(self, images: Tensor) -> Tensor:
        """Features, at conv5_4 (N, 512, H / 16, W / 16), of images (N, 3, H, W), 0 to 1."""
        (features,) = self.layers(whitened(images) if self.normalized else images, halved)
        found: Tensor = features
        return found


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
