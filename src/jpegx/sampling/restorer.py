"""Restoration networks of other projects as samplers: FBCNN, SwinIR and what else spandrel knows.

Needs spandrel, which tells a network's architecture by the names of its weights.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.io.paths import file_digest
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.models.zoo import SUFFIX
from jpegx.sampling.sampler import Progress, Sampler, in_channels
from jpegx.sampling.spec import BadSpec, SamplerSpec
from jpegx.sampling.tiling import plan

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

# Of a tile: what it sees around what it gives, where it may begin, pixels over which neighbours
# are mixed, and the most that it may see. Windows of attention are 8 pixels, deep networks see far.
_HALO, _MULTIPLE, _BLEND, _MOST = 48, 64, 16, 1 << 18


class RestorerSampler(Sampler):
    """What a restoration network makes of the picture that libjpeg shows: all samples the same."""

    memory = 2 << 30

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)
        path = Path(spec.model.partition(":")[2])
        self._network = _load(path).to(self.device).eval()
        for parameter in self._network.model.parameters():
            parameter.requires_grad_(False)
        self.facts |= {"sampler": file_digest(path), "device": self.device.type}

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """The same image each time: see :meth:`Sampler.sample`."""
        network = self._network
        shown = torch.tensor(libjpeg.show(jpeg.stream, jpeg.layout)).permute(2, 0, 1)
        shown = shown.float().div(255)[None].to(self.device)
        if shown.shape[1] != network.input_channels:
            if shown.shape[1] != 1:
                raise JpegxError(
                    f"{self.name}: a network for {network.input_channels} channels, but the file "
                    "is in colour"
                )
            shown = shown.expand(1, network.input_channels, -1, -1)
        height, width = shown.shape[-2:]
        image = torch.empty(network.output_channels, height, width)
        tiles = plan(height, width, halo=_HALO, multiple=_MULTIPLE, blend=_BLEND, max_pixels=_MOST)
        for number, tile in enumerate(tiles):
            with torch.inference_mode():
                made = network(tile.seen.of(shown))
            tile.put(tile.written.inside(tile.seen).of(made[0].float().cpu()), image)
            if progress is not None:
                progress((number + 1) / len(tiles))
        image = in_channels(image.mul_(255), jpeg.layout, self.name)
        for _ in range(samples):
            yield image.clone()


def _load(path: Path) -> "ImageModelDescriptor":
    """The network of a safetensors file. Raises BadSpec if it cannot be one, or not be used."""
    if path.suffix.lower() != SUFFIX:
        raise BadSpec(f"{path}: weights are read as safetensors only; convert the file first")
    try:
        from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError
    except ImportError:
        raise JpegxError("restorers need spandrel; pip install 'jpegx[restorers]'") from None
    try:
        network = ModelLoader().load_from_state_dict(load_file(path))
    except OSError as error:
        raise BadSpec(f"{path}: {error.strerror or error}") from None
    except SafetensorError:
        raise BadSpec(f"{path}: it is no safetensors file, or damaged") from None
    except UnsupportedModelError:
        raise BadSpec(f"{path}: spandrel does not know this network") from None
    if not isinstance(network, ImageModelDescriptor):
        raise BadSpec(f"{path}: the network needs more than a picture (a mask)")
    if network.scale != 1:
        raise BadSpec(f"{path}: the network enlarges {network.scale} times; give a restorer")
    return network
