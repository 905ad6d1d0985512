"""The perceptual loss: distance in the features of VGG-19 (Eq. 6 of Man et al. 2022)."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from jpegx.errors import JpegxError
from jpegx.models.layers import repeat_samples

# VGG-19 (Simonyan and Zisserman 2015, table 1, E): convolutions of each block, and their width.
_BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
# convBLOCK_NUMBER, and relu… after its activation.
LAYERS = tuple(
    f"{kind}{block}_{number}"
    for block, (convolutions, _) in enumerate(_BLOCKS, 1)
    for number in range(1, convolutions + 1)
    for kind in ("conv", "relu")
)
# What the network was trained on: images from 0 to 1, minus a mean, divided by a spread.
_MEAN = (0.485, 0.456, 0.406)
_SPREAD = (0.229, 0.224, 0.225)


class BadVgg(JpegxError):
    """A file that does not hold the convolutions of VGG-19."""


class Vgg19(nn.Module):
    """Features of VGG-19 at a layer out of ``LAYERS``; not trained.

    Man et al. 2022 take conv5_4, Guo and Chao 2017 relu5_4. ``path``: safetensors with
    torchvision's names (features.0.weight to features.34.bias; more is ignored). Raises BadVgg.
    """

    def __init__(self, path: Path, layer: str = "conv5_4") -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        ends: dict[str, int] = {}
        for block, (convolutions, width) in enumerate(_BLOCKS, 1):
            if block > 1:
                layers.append(nn.MaxPool2d(2))
            for number in range(1, convolutions + 1):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
                ends |= {f"conv{block}_{number}": len(layers) - 1}
                ends |= {f"relu{block}_{number}": len(layers)}
        self.features = nn.Sequential(*layers[: ends[layer]])
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
        """Features, at conv5_4 (N, 512, H / 16, W / 16), of images (N, 3, H, W), 0 to 1."""
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
