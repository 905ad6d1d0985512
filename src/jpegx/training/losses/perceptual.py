"""The perceptual loss: distance in the features of VGG-19 (Eq. 6 of Man et al. 2022)."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from jpegx.errors import JpegxError
from jpegx.models.layers import repeat_samples

# VGG-19 (Simonyan and Zisserman 2015, table 1, E) up to conv5_4; 0 is a 2x2 maximum.
_WIDTHS = (64, 64, 0, 128, 128, 0, *(256,) * 4, 0, *(512,) * 4, 0, *(512,) * 4)
# What the network was trained on: images from 0 to 1, minus a mean, divided by a spread.
_MEAN = (0.485, 0.456, 0.406)
_SPREAD = (0.229, 0.224, 0.225)


class BadVgg(JpegxError):
    """A file that does not hold the convolutions of VGG-19."""


class Vgg19(nn.Module):
    """Features of VGG-19 at conv5_4, before its activation; not trained.

    ``path``: safetensors with torchvision's names (features.0.weight to features.34.bias; more is
    ignored). Raises BadVgg.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in _WIDTHS:
            if width:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])
        try:
            given = load_file(path)
            self.load_state_dict({name: given[name] for name in self.state_dict()})
        except FileNotFoundError as error:
            raise BadVgg(f"{path}: no such file; losses.vgg19 names it") from error
        except (SafetensorError, OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise BadVgg(f"{path}: not VGG-19 as safetensors: {reason}") from error
        except KeyError as error:
            raise BadVgg(f"{path}: not torchvision's VGG-19: there is no {error}") from error
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, 512, H / 16, W / 16) of images (N, 3, H, W), 0 to 1."""
        mean, spread = (images.new_tensor(v)[:, None, None] for v in (_MEAN, _SPREAD))
        features: Tensor = self.features((images - mean) / spread)
        return features


def perceptual(vgg: Vgg19, images: Tensor, targets: Tensor) -> Tensor:
    """Eq. 6 of Man et al.: squared distance of the features, mean over all of them, as a scalar.

    ``images``: (N * samples, 3, H, W), ``targets``: (N, 3, H, W), 0 to 1.
    """
    with torch.no_grad():
        wanted = repeat_samples(vgg(targets), len(images) // len(targets))
    return F.mse_loss(vgg(images).float(), wanted.float())
