"""What an adversarial stage minimizes beside the game: samples compared with files and sources."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from jpegx.models.layers import repeat_samples
from jpegx.training.autocast import Precision
from jpegx.training.data.compress import Batch
from jpegx.training.losses.jpeg_loss import jpeg_loss
from jpegx.training.losses.perceptual import Vgg, perceptual, texture
from jpegx.training.losses.recompression import consistency
from jpegx.training.networks import placed
from jpegx.training.schedules import cosine
from jpegx.training.stages.adversarial_options import LossOptions
from jpegx.training.stages.stage import record


class Comparisons:
    """The losses that a recipe gives a weight, and the networks that they need.

    Raises BadVgg if the recipe names weights of a VGG that cannot be used.
    """

    def __init__(self, weights: LossOptions, precision: Precision) -> None:
        self.weights = weights
        self.precision = precision
        self.vgg, self.minc = (
            placed(Vgg(depth, Path(file), layer), precision.device) if file else None
            for depth, file, layer in (
                (19, weights.vgg19, weights.perceptual_layer),
                (16, weights.minc, weights.texture_layer),
            )
        )

    def __call__(
        self, images: Tensor, batch: Batch, progress: float, share: float, losses: dict[str, Tensor]
    ) -> Tensor:
        """The loss of samples (N * each, 3, H, W); each part is recorded as a share of all."""
        weights = self.weights
        each = len(images) // len(batch.targets)
        loss = 0 * images.sum()  # hangs on the samples where all weights are 0
        weight = cosine(*weights.consistency, progress)
        if weight:
            # Of the first sample of each file.
            inconsistency = consistency(images[::each], batch.files)
            record(losses, "consistency", share * inconsistency)
            loss = loss + weight * inconsistency
        if weights.jpeg:
            excess = jpeg_loss(images[::each], batch.files)
            record(losses, "jpeg", share * excess)
            loss = loss + weights.jpeg * excess
        if weights.l1:
            distance = F.l1_loss(images, repeat_samples(batch.targets, each))
            record(losses, "l1", share * distance)
            loss = loss + weights.l1 * distance
        if self.vgg is not None:
            with self.precision.autocast():
                distance = perceptual(self.vgg, images, batch.targets)
            record(losses, "perceptual", share * distance)
            loss = loss + weights.perceptual * distance
        if self.minc is not None:
            with self.precision.autocast():
                distance = texture(self.minc, images, batch.targets)
            record(losses, "texture", share * distance)
            loss = loss + weights.texture * distance
        return loss
