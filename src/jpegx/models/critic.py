"""What every critic offers: a network that tells the source images from samples."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from jpegx.models.config import Config
from jpegx.models.files import Files, count, decoded_rgb
from jpegx.models.layers import repeat_samples


class Ratings(NamedTuple):
    """What a critic says of N images.

    ``logits``: one or more maps (N, 1, h, w), each of its own size, high where an image looks like
    a source. ``features``: (N, c, h, w) each, finest first, for feature matching; a critic that
    stands on a frozen network has none.
    """

    logits: list[Tensor]
    features: list[Tensor]


class Critic(nn.Module, ABC):
    """A network that rates images, given the decoded files and X̄(Y).

    ``family``, ``config_class``: the name and the configuration of the family. ``needs_mean``:
    whether it cannot do without X̄(Y); ``needs_files``: whether it sees files, not pictures of them.

    To rate is done in two steps: :meth:`look`, which trains nothing and is done once for each
    image, and :meth:`rate`, which is done anew when the weights have changed.
    """

    family: ClassVar[str]
    config_class: ClassVar[type[Config]]
    config: Config
    needs_mean: ClassVar[bool] = False
    needs_files: ClassVar[bool] = False

    def check_patch(self, size: int) -> None:
        """Raise ValueError if it cannot rate images of so many pixels each way."""

    def look(self, images: Tensor) -> list[Tensor]:
        """What :meth:`rate` needs of images (N, 3, H, W) in gray levels / 255; differentiable."""
        return [images]

    def look_at(self, images: Tensor, files: Files) -> list[Tensor]:
        """The same of samples (N * samples, 3, H, W) of files, or of their sources."""
        return self.look(images)

    def conditions(self, images: Tensor, files: Files) -> list[Tensor]:
        """What :meth:`rate` takes for the decoded files, of samples (N * samples, 3, H, W)."""
        samples = len(images) // count(files)
        return self.look(repeat_samples(decoded_rgb(files), samples))

    @abstractmethod
    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """Ratings of images.

        ``seen``, ``decoded``: looks at the images, and at the decoded files that they are samples
        of. ``mean``: X̄(Y), (N, 3, H, W).
        """

    def forward(self, images: Tensor, decoded: Tensor, mean: Tensor | None = None) -> Ratings:
        """Ratings of images (N, 3, H, W), samples of the files decoded (N, 3, H, W)."""
        return self.rate(self.look(images), self.look(decoded), mean)

    def tolerance(self, mean: Tensor) -> Tensor | float:
        """What a penalty measures changes of a pixel by: 1, or (N, 1, H, W) gray levels / 255."""
        return 1.0
