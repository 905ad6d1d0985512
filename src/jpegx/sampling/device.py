"""Where to compute."""

import torch

from jpegx.errors import JpegxError


def choose_device(name: str) -> torch.device:
    """The device of "auto" (a GPU if there is one), "cpu" or "cuda".

    Raises JpegxError if CUDA is asked for and not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise JpegxError("--device cuda: PyTorch finds no CUDA GPU here; use --device cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
