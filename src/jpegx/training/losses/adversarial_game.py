"""The adversarial game: who minimizes what, and what keeps the critic's gradients small.

Logits are maps, one or more for each image; a loss is the mean of those of the maps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.models.critic import Critic

Logits = Sequence[Tensor]


def critic_loss(real: Logits, fake: Logits) -> Tensor:
    """What the critic minimizes (-V of Eq. 9, Man et al. 2022; Goodfellow et al. 2014)."""
    pairs = zip(real, fake, strict=True)
    return _mean([F.softplus(-r.float()).mean() + F.softplus(f.float()).mean() for r, f in pairs])


def generator_loss(fake: Logits) -> Tensor:
    """Non-saturating loss of the generator (V of Eq. 10, Man et al. 2022): a scalar."""
    return _mean([F.softplus(-f.float()).mean() for f in fake])


def relativistic_loss(real: Logits, fake: Logits) -> Tensor:
    """What the critic minimizes in a relativistic average game: a scalar.

    Jolicoeur-Martineau 2019, Eq. 14 (RaSGAN): a source should be rated above the mean sample, and
    a sample below the mean source. An image's rating is the mean of its map. The generator
    minimizes the same with sources and samples exchanged.
    """
    losses = []
    for of_real, of_fake in zip(real, fake, strict=True):
        r, f = (rating.float().mean(dim=(1, 2, 3)) for rating in (of_real, of_fake))
        losses.append(F.softplus(f.mean() - r).mean() + F.softplus(f - r.mean()).mean())
    return _mean(losses)


def wasserstein_loss(real: Logits, fake: Logits) -> Tensor:
    """What the critic minimizes in a Wasserstein game (Arjovsky et al. 2017): a scalar.

    The mean rating of samples minus that of sources.
    """
    return _mean([f.float().mean() - r.float().mean() for r, f in zip(real, fake, strict=True)])


def slope_penalty(
    critic: Critic, between: Sequence[Tensor], conditions: Sequence[Tensor]
) -> Tensor:
    """How far the critic's slopes are from 1 (Gulrajani et al. 2017, Eq. 3): a scalar.

    The mean squared difference of the norm of its gradient from 1. ``between``: looks at images
    between sources and samples (:func:`mix_looks`).
    """
    between = [values.detach().requires_grad_(True) for values in between]
    total = torch.stack([m.float().sum() for m in critic.rate(between, conditions, None).logits])
    gradients = torch.autograd.grad(total.sum(), between, create_graph=True)
    norms = torch.cat([gradient.float().flatten(1).norm(dim=1) for gradient in gradients])
    return (norms - 1).square().mean()


def mix_looks(
    real: Sequence[Tensor], fake: Sequence[Tensor], random: torch.Generator
) -> list[Tensor]:
    """Looks at images (N, ...) at a random share of the way from the sources to the samples."""
    mixed = []
    for ours, theirs in zip(real, fake, strict=True):
        share = torch.rand(len(ours), generator=random, device=ours.device)
        mixed.append(torch.lerp(ours, theirs, share.view(-1, *[1] * (ours.dim() - 1))))
    return mixed


@dataclass(frozen=True)
class Game:
    """What each side minimizes, a scalar of the logits of sources and of samples.

    ``compares``: whether the generator's loss depends on those of the sources.
    """

    critic: Callable[[Logits, Logits], Tensor]
    generator: Callable[[Logits, Logits], Tensor]
    compares: bool = False


GAMES = {
    "separate": Game(critic_loss, lambda real, fake: generator_loss(fake)),
    "relativistic": Game(
        relativistic_loss, lambda real, fake: relativistic_loss(fake, real), compares=True
    ),
    "wasserstein": Game(
        wasserstein_loss, lambda real, fake: -_mean([f.float().mean() for f in fake])
    ),
}


def paired_loss(above: Logits, below: Logits) -> Tensor:
    """Relativistic pairing: one image should be rated above its partner, at every position.

    A scalar. Huang et al. 2024 (R3GAN), after Jolicoeur-Martineau 2019: softplus of the
    negative difference. The critic wants the source above the sample of its file, the generator the
    sample above the source; so no mode of sources can be left out without being seen.
    """
    return _mean(
        [F.softplus(b.float() - a.float()).mean() for a, b in zip(above, below, strict=True)]
    )


def share_above(above: Logits, below: Logits) -> Tensor:
    """How often the mean logit of an image is above its partner's, at 0.5 by chance: a scalar."""
    return _mean(
        [
            (a.float().mean(dim=(1, 2, 3)) > b.float().mean(dim=(1, 2, 3))).float().mean()
            for a, b in zip(above, below, strict=True)
        ]
    )


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of the critic's features, averaged over its scales: a scalar.

    After Wang et al. 2018 (pix2pixHD, Eq. 4). It stands in for the perceptual loss where there are
    no weights of VGG-19.
    """
    distances = [(f.float() - r.float()).abs().mean() for f, r in zip(fake, real, strict=True)]
    total = distances[0]
    for distance in distances[1:]:
        total = total + distance
    return total / len(distances)


def gradient_penalty(critic: Critic, images: Tensor, decoded: Tensor) -> Tensor:
    """R1 of Eq. 9, Man et al. 2022: half the critic's squared slope at source images.

    The mean over the images (N, 3, H, W), 0 to 1, as a scalar. Mescheder et al. 2018, Eq. 9, with
    gamma = 1.
    """
    images = images.detach().requires_grad_(True)
    total = torch.stack([logits.sum() for logits in critic(images, decoded).logits]).sum()
    (gradient,) = torch.autograd.grad(total, images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean() / 2


def share_right(real: Logits, fake: Logits) -> Tensor:
    """How often the critic is right: near 1 it has won, at 0.5 it has no idea."""
    shares = [(r > 0).float().mean() for r in real] + [(f < 0).float().mean() for f in fake]
    return _mean(shares)


def paired_penalty(critic: Critic, images: Tensor, decoded: Tensor, mean: Tensor) -> Tensor:
    """R1 and R2 of Huang et al. 2024 (R3GAN): the mean over sources and samples alike, a scalar.

    The squared norm of the gradient of an image's mean logit, in the critic's own tolerance of a
    pixel, times the number of pixels, so that the size of the patches does not matter. ``images``:
    (N, 3, H, W), sources and samples together, ``decoded`` and ``mean``: their files and X̄(Y).
    """
    images = images.detach().requires_grad_(True)
    ratings = [logits.mean(dim=(1, 2, 3)) for logits in critic(images, decoded, mean).logits]
    (gradient,) = torch.autograd.grad(_mean(ratings).sum(), images, create_graph=True)
    pixels = images.shape[2] * images.shape[3]
    felt = gradient * critic.tolerance(mean)
    return pixels * felt.square().sum(dim=(1, 2, 3)).mean()


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean(dim=0)
