"""Features of the Inception network, from a file of weights that the user has."""

import os
from pathlib import Path

import torch
from torch import Tensor

from jpegx.errors import JpegxError

FILE = "inception-2015-12-05.pt"
SOURCE = f"https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/{FILE}"
VARIABLE = "JPEGX_INCEPTION"

_BATCH = 32


class MissingInception(JpegxError):
    """The Inception network is not where it is looked for."""


class BadInception(JpegxError):
    """A file that is not the Inception network as TorchScript."""


def find_inception(given: Path | None = None) -> Path:
    """The TorchScript file of the Inception network.

    ``given``, or else what the variable JPEGX_INCEPTION names, or else the user's cache folder
    (``$XDG_CACHE_HOME`` or ~/.cache) / jpegx. Raises MissingInception if the first of these that
    is set is no file.
    """
    named = os.environ.get(VARIABLE)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = given or (Path(named) if named else cache / "jpegx" / FILE)
    if not path.is_file():
        raise MissingInception(
            f"{path}: the Inception network is not there; put {SOURCE} there, "
            f"or name the file with --inception or ${VARIABLE}"
        )
    return path


class Inception:
    """The Inception network that FID is defined with, by torch.jit; no network code of jpegx.

    ``path``: a TorchScript file that takes uint8 (N, 3, H, W) of any size and, asked with
    ``return_features``, gives (N, D); the standard one gives D = 2048, and resizes to 299x299 as
    the original FID did. Raises BadInception for any other file.
    """

    def __init__(self, path: Path, device: torch.device | str = "cpu") -> None:
        self._path = path
        self._device = torch.device(device)
        try:
            self._network = torch.jit.load(str(path), map_location=self._device).eval()
        except (RuntimeError, ValueError, OSError):
            raise BadInception(
                f"{path}: not a TorchScript file; get it again from {SOURCE}"
            ) from None

    @torch.inference_mode()
    def features(self, images: Tensor) -> Tensor:
        """Features (N, D), float32 on the CPU, of images, uint8 (N, 3, H, W).

        Raises BadInception if the network takes no such images or gives no such features.
        """
        parts = []
        for batch in images.split(_BATCH):
            try:
                found = self._network(batch.to(self._device), return_features=True)
            except (RuntimeError, torch.jit.Error) as error:
                reason = (str(error).strip().splitlines() or ["no reason given"])[-1]
                raise BadInception(f"{self._path}: failed on a batch of images: {reason}") from None
            if (
                not isinstance(found, Tensor)
                or found.shape[:1] != batch.shape[:1]
                or found.dim() != 2
            ):
                raise BadInception(
                    f"{self._path}: does not give one feature vector an image; use {SOURCE}"
                )
            parts.append(found.float().cpu())
        return torch.cat(parts)
