"""The weights that are installed, by name. Needs no torch."""

import os
from collections.abc import Mapping
from pathlib import Path

from jpegx.io.failures import reason_of
from jpegx.models.checkpoint_header import BadCheckpoint

SUFFIX = ".safetensors"
DEFAULT = "general"
# Names of regressions that are the trunks of other weights.
TRUNKS = {"regression": "general"}
# Classes of the classifier of glyphs: small letters count as capitals.
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def weights_folder() -> Path:
    """The folder of the weights that come with jpegx, whatever the working directory.

    An installed package carries them inside itself; a checkout (editable install) has them in its
    top-level folder ``weights``.
    """
    package = Path(__file__).resolve().parents[1]
    installed = package / "_weights"
    return installed if installed.is_dir() else package.parents[1] / "weights"


def installed() -> dict[str, Path]:
    """The installed weights by name, sorted: NAME is weights/NAME.safetensors, or a trunk's."""
    files = {path.stem: path for path in weights_folder().glob(f"*{SUFFIX}")}
    trunks = {name: files[whole] for name, whole in TRUNKS.items() if whole in files}
    return dict(sorted((trunks | files).items()))


def default() -> str | None:
    """The name of the weights to use where none are named; None if they are not installed."""
    return DEFAULT if DEFAULT in installed() else None


def find(model: str) -> Path:
    """The checkpoint that a user means: the name of installed weights, or a safetensors file.

    Raises BadCheckpoint if there is none.
    """
    if model.endswith(SUFFIX) or os.sep in model:
        path = Path(model)
        try:
            path.stat()
        except OSError as error:
            raise BadCheckpoint(f"{model}: {reason_of(error)}") from None
        return path
    weights = installed()
    if model not in weights:
        if Path(model).is_dir():
            raise BadCheckpoint(f"{model}: a folder; of a run jpegx train export makes weights")
        known = f"installed are {', '.join(weights)}" if weights else "none are installed"
        raise BadCheckpoint(f"{model}: no weights of this name; {known}")
    return weights[model]


def licence(model: str, card: Mapping[str, object]) -> str:
    """The licence of weights: what their card says, or of installed ones that of jpegx."""
    unsaid = "Apache-2.0, as jpegx" if model in installed() else "their card does not tell"
    return str(card.get("licence", unsaid))
