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
from jpegx.io.failures import reason_of
from jpegx.io.paths import file_digest
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.models.zoo import SUFFIX
from jpegx.sampling.sampler import Progress, Sampler, in_channels
from jpegx.sampling.spec import BadSpec, SamplerSpec
from jpegx.sampling.tiling import Tile, plan

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

# Of a tile: what it sees around what it gives, where it may begin, pixels over which neighbours
# are mixed, and the most that it may see. Windows of attention are 8 pixels, deep networks see far.
_HALO, _MULTIPLE, _BLEND, _MOST = 48, 64, 16, 1 << 18


class RestorerSampler(Sampler):
    """What a restoration network makes of the picture that libjpeg shows: all samples the same."""

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
                    "is in colour; give one for colour"
                )
            shown = shown.expand(1, network.input_channels, -1, -1)
        height, width = shown.shape[-2:]
        image = torch.empty(network.output_channels, height, width)
        tiles = tiles_of(height, width)
        for number, tile in enumerate(tiles):
            made = self._made(tile.seen.of(shown))
            tile.put(tile.written.inside(tile.seen).of(made[0].float().cpu()), image)
            if progress is not None:
                progress((number + 1) / len(tiles))
        image = in_channels(image.mul_(255), jpeg.layout, self.name)
        for _ in range(samples):
            yield image.clone()

    def _made(self, seen: Tensor) -> Tensor:
        """What the network makes of a tile. Raises JpegxError if it cannot; MemoryError."""
        try:
            with torch.inference_mode():
                made: Tensor = self._network(seen)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # weights that do not go together show here
            if "allocate memory" in str(error):
                raise
            reason = str(error).partition("\n")[0]
            raise JpegxError(
                f"{self.name}: the network cannot be run ({reason}); give another restorer"
            ) from None
        return made


def tiles_of(height: int, width: int) -> list[Tile]:
    """The tiles that an image is restored in, one after the other."""
    return plan(height, width, halo=_HALO, multiple=_MULTIPLE, blend=_BLEND, max_pixels=_MOST)


def _load(path: Path) -> "ImageModelDescriptor":
    """The network of a safetensors file. Raises BadSpec if it cannot be one, or not be used."""
    if path.suffix.lower() != SUFFIX:
        raise BadSpec(f"{path}: weights are read as safetensors only; convert the file first")
    try:
        with path.open("rb"):  # which tells why it cannot be read
            weights = load_file(path)
    except SafetensorError:
        raise BadSpec(f"{path}: it is no safetensors file; get an undamaged copy") from None
    except OSError as error:
        raise BadSpec(f"{path}: {reason_of(error)}") from None
    try:
        from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError
    except ImportError as error:
        missing = error.name or "spandrel"
        raise JpegxError(f"restorers need {missing}; pip install 'jpegx[restorers]'") from None
    except RuntimeError as error:  # of torchvision, whose operators are those of one PyTorch
        reason = str(error).partition("\n")[0]
        raise JpegxError(
            f"restorers need spandrel, whose torchvision does not fit this PyTorch ({reason}); "
            f"install the torchvision that belongs to PyTorch {torch.__version__}"
        ) from None
    try:
        network = ModelLoader().load_from_state_dict(weights)
    except UnsupportedModelError:
        raise BadSpec(
            f"{path}: spandrel does not know this network; give one of those that it lists"
        ) from None
    except Exception as error:  # whatever its parts run into
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise BadSpec(
            f"{path}: spandrel cannot build its network ({reason}); get an undamaged copy"
        ) from None
    if not isinstance(network, ImageModelDescriptor):
        raise BadSpec(f"{path}: the network needs more than a picture (a mask); give a restorer")
    if network.scale != 1:
        raise BadSpec(f"{path}: the network enlarges {network.scale} times; give a restorer")
    return network
