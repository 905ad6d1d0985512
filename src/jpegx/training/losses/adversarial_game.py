"""The adversarial game (Goodfellow et al. 2014), and R1 (Mescheder et al. 2018)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.models.critic import Critic
from jpegx.models.files import Files


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimizes (-V of Eq. 9, paper 1): scalar of logits (N,) each."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating loss of the generator (V of Eq. 10, paper 1): scalar of logits (N,)."""
    return F.softplus(-fake).mean()


def gradient_penalty(critic: Critic, images: Tensor, files: Files) -> Tensor:
    """R1 of Eq. 9, paper 1: half the squared norm of the critic's gradient at source images.

    The mean over the images (N, 3, H, W), 0 to 1, as a scalar. Mescheder et al. 2018, Eq. 9, with
    gamma = 1.
    """
    images = images.detach().requires_grad_(True)
    logits, _ = critic(images, files)
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean() / 2


def share_right(real: Tensor, fake: Tensor) -> Tensor:
    """How often the critic is right: near 1 it has won, at 0.5 it has no idea."""
    return ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
