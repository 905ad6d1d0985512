"""Where the weights that come with jpegx are."""

from pathlib import Path


def weights_folder() -> Path:
    """The folder of the weights that come with jpegx, whatever the working directory.

    An installed package carries them inside itself; a checkout (editable install) has them in its
    top-level folder ``weights``.
    """
    package = Path(__file__).resolve().parent
    installed = package / "_weights"
    return installed if installed.is_dir() else package.parents[1] / "weights"
