"""What every critic offers: a network that tells the source images from samples."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from jpegx.models.config import Config
from jpegx.models.files import Files


class Critic(nn.Module, ABC):
    """A network that rates images, given the files they are samples of.

    ``family``, ``config_class``: the name and the configuration of the family.
    """

    family: ClassVar[str]
    config_class: ClassVar[type[Config]]
    config: Config

    @abstractmethod
    def forward(self, images: Tensor, files: Files) -> tuple[Tensor, list[Tensor]]:
        """Logits (N,), high for a source image, and features for feature matching, finest first.

        ``images``: (N, 3, H, W) in gray levels / 255. ``files``: the N files.
        """
