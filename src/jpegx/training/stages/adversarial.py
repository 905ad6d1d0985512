"""The adversarial stage: critic and generator in turn (Eq. 8 to 10 of paper 1)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from jpegx.models.critic import Critic
from jpegx.models.files import Files, decoded_rgb, repeat, select
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import RandomNoise, ZeroNoise
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.data.compress import Batch, compress
from jpegx.training.data.patches import Group
from jpegx.training.losses.adversarial_game import critic_loss, generator_loss, gradient_penalty
from jpegx.training.losses.feature_matching import feature_matching
from jpegx.training.losses.moments import first_moment, second_moment
from jpegx.training.losses.perceptual import Vgg19, perceptual
from jpegx.training.losses.recompression import consistency
from jpegx.training.losses.sliced_crps import sliced_crps
from jpegx.training.networks import Networks, placed
from jpegx.training.randomness import random_numbers
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.schedules import cosine
from jpegx.training.stopwatch import Stopwatch

# Which of the random numbers of a step: samples of the moments have their own unless shared.
_SAMPLE, _MOMENTS, _DIRECTIONS = range(3)


class AdversarialStage:
    """Steps that train the critic (Eq. 9), then the generator (Eq. 10), on the same samples.

    Raises BadVgg if the recipe names weights of VGG-19 that cannot be used.
    """

    def __init__(
        self,
        recipe: Recipe,
        networks: Networks,
        precision: Precision,
        crew: Crew,
        watch: Stopwatch,
    ) -> None:
        if networks.critic is None or networks.critic_optimizer is None:
            raise ValueError("an adversarial stage needs a critic")
        self.recipe = recipe
        self.networks = networks
        self.critic: Critic = networks.critic
        self.critic_optimizer = networks.critic_optimizer
        self.precision = precision
        self.crew = crew
        self.watch = watch
        # How many samples of each file the critic sees.
        self.each = recipe.moments.samples if recipe.moments.shared else 1
        self.vgg: Vgg19 | None = None
        if recipe.losses.vgg19:
            self.vgg = placed(Vgg19(Path(recipe.losses.vgg19)), precision.device)

    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """One step on the parts of a batch; returns its losses, scalars on the device.

        ``step`` decides the noise, and whether the penalty and the moments are due; ``progress``
        (0 to 1) the weight of the consistency. Learning rates are set by the caller.
        """
        losses: dict[str, Tensor] = {}
        with self.watch.part("compression"):
            batches = [compress(groups, self.precision.device) for groups in parts]
        # With more parts than one, the graphs of all of them would not fit: they are made anew.
        keep = len(parts) == 1
        samples = []
        with self.watch.part("generator"), torch.set_grad_enabled(keep):
            for part, batch in enumerate(batches):
                samples.append(self._sample(batch.files, step, part))
        with self.watch.part("critic"):
            self._train_critic(batches, samples, step, losses)
        self.critic.requires_grad_(False)
        self.networks.generator_optimizer.zero_grad(set_to_none=True)
        for part, batch in enumerate(batches):
            with self.watch.part("generator"):
                images = samples[part] if keep else self._sample(batch.files, step, part)
                share = 1 / len(batches)
                loss = self._rate_samples(images, batch, progress, share, losses)
                _record(losses, "generator", share * loss)
                if self.recipe.moments.shared:
                    filters = self._random(step, part, _DIRECTIONS)
                    loss = loss + self._moment_losses(
                        images, batch.files, batch.targets, filters, share, losses
                    )
                (share * loss).backward()
        if self._moments_due(step):
            with self.watch.part("moments"):
                self._match_moments(batches, step, losses)
        self.critic.requires_grad_(True)
        with self.watch.part("optimizer"):
            self.crew.average_gradients(self.networks.generator.parameters())
            self.networks.generator_optimizer.step()
        return losses

    def _sample(self, files: Files, step: int, part: int) -> Tensor:
        """Samples (N * each, 3, H, W) of the files; the same each time they are asked for."""
        noise = RandomNoise(self._random(step, part, _SAMPLE))
        with self.precision.autocast():
            images: Tensor = self.networks.generator(files, noise, self.each)
        return images.float()

    def _train_critic(
        self,
        batches: Sequence[Batch],
        samples: Sequence[Tensor],
        step: int,
        losses: dict[str, Tensor],
    ) -> None:
        weights = self.recipe.losses
        self.critic_optimizer.zero_grad(set_to_none=True)
        for batch, images in zip(batches, samples, strict=True):
            with self.precision.autocast():
                real, _ = self.critic(batch.targets, batch.files)
                fake, _ = self.critic(images.detach(), repeat(batch.files, self.each))
            real, fake = real.float(), fake.float()
            loss = critic_loss(real, fake)
            _record(losses, "critic", loss / len(batches))
            _record(losses, "critic_right", _share_right(real, fake) / len(batches))
            if weights.r1 and step % weights.r1_every == 0:
                penalty = gradient_penalty(self.critic, batch.targets, batch.files)
                _record(losses, "r1", penalty / len(batches))
                loss = loss + weights.r1 * weights.r1_every * penalty
            (loss / len(batches)).backward()
        self.crew.average_gradients(self.critic.parameters())
        self.critic_optimizer.step()

    def _rate_samples(
        self,
        images: Tensor,
        batch: Batch,
        progress: float,
        share: float,
        losses: dict[str, Tensor],
    ) -> Tensor:
        """The generator's loss of the samples (Eq. 10, without the moments)."""
        weights = self.recipe.losses
        with self.precision.autocast():
            fake, features = self.critic(images, repeat(batch.files, self.each))
        loss = generator_loss(fake.float())
        _record(losses, "adversarial", share * loss)
        loss = weights.adversarial * loss
        weight = cosine(*weights.consistency, progress)
        if weight:
            # Of the first sample of each file.
            inconsistency = consistency(images[:: self.each], batch.files)
            _record(losses, "consistency", share * inconsistency)
            loss = loss + weight * inconsistency
        if self.vgg is not None:
            with self.precision.autocast():
                distance = perceptual(self.vgg, images, batch.targets)
            _record(losses, "perceptual", share * distance)
            loss = loss + weights.perceptual * distance
        elif weights.feature_matching:
            with torch.no_grad(), self.precision.autocast():
                _, wanted = self.critic(batch.targets, batch.files)
            wanted = [repeat_samples(scale, self.each) for scale in wanted]
            distance = feature_matching(features, wanted)
            _record(losses, "features", share * distance)
            loss = loss + weights.feature_matching * distance
        return loss

    def _moments_due(self, step: int) -> bool:
        """Whether to draw samples for them alone in this step."""
        weights, options = self.recipe.losses, self.recipe.moments
        wanted = weights.first_moment or weights.second_moment or weights.crps
        return bool(wanted) and not options.shared and step % options.every == 0

    def _match_moments(
        self, batches: Sequence[Batch], step: int, losses: dict[str, Tensor]
    ) -> None:
        """Losses of several samples of the first images: the moments (App. A.2), and the score."""
        options = self.recipe.moments
        # Each process takes its part of the images from the beginning of its own part of the batch.
        wanted = max(1, options.images // self.crew.size)
        wanted = min(wanted, sum(len(batch.targets) for batch in batches))
        left = wanted
        for part, batch in enumerate(batches):
            noise = RandomNoise(self._random(step, part, _MOMENTS))
            directions = self._random(step, part, _DIRECTIONS)
            count = min(left, len(batch.targets))
            # No more samples at once than the part has images: they take the same memory.
            at_once = max(1, len(batch.targets) // options.samples)
            for start in range(0, count, at_once):
                some = slice(start, min(start + at_once, count))
                share = (some.stop - some.start) / wanted
                self._match_moments_of(batch, some, noise, directions, share, losses)
            left -= count

    def _match_moments_of(
        self,
        batch: Batch,
        some: slice,
        noise: RandomNoise,
        directions: torch.Generator,
        share: float,
        losses: dict[str, Tensor],
    ) -> None:
        """Gradients of the losses of some images, which count for a share of all."""
        files, targets = select(batch.files, some), batch.targets[some]
        with self.precision.autocast():
            images = self.networks.generator(files, noise, self.recipe.moments.samples)
        loss = self._moment_losses(images.float(), files, targets, directions, share, losses)
        (share * loss).backward()

    def _moment_losses(
        self,
        images: Tensor,
        files: Files,
        targets: Tensor,
        directions: torch.Generator,
        share: float,
        losses: dict[str, Tensor],
    ) -> Tensor:
        """The losses of several samples of each file, recorded as a share of all."""
        options, weights = self.recipe.moments, self.recipe.losses
        samples = images.unflatten(0, (-1, options.samples))
        loss = torch.zeros((), device=samples.device)
        reference = None
        if self.networks.reference is not None:
            with torch.no_grad(), self.precision.autocast():
                reference = self.networks.reference(files, ZeroNoise()).float()
        if weights.first_moment:
            guide = reference if options.guided and reference is not None else targets
            first = first_moment(samples, guide, unbiased=options.unbiased)
            _record(losses, "first_moment", share * first)
            loss = loss + weights.first_moment * first
        if weights.second_moment and reference is not None:
            second = second_moment(samples, targets, reference, unbiased=options.unbiased)
            _record(losses, "second_moment", share * second)
            loss = loss + weights.second_moment * second
        if weights.crps:
            score = sliced_crps(samples, targets, decoded_rgb(files), directions, options.filters)
            _record(losses, "crps", share * score)
            loss = loss + weights.crps * score
        if options.samples > 1:
            _record(losses, "std", share * samples.detach().std(dim=1).mean())
        return loss

    def _random(self, step: int, part: int, use: int) -> torch.Generator:
        """Random numbers as a function of the seed, the step, the process, the part and the use."""
        key = (self.recipe.training.seed, step, self.crew.rank, part, use)
        return random_numbers(self.precision.device, *key)


def _record(losses: dict[str, Tensor], name: str, value: Tensor) -> None:
    value = value.detach()
    losses[name] = losses[name] + value if name in losses else value


def _share_right(real: Tensor, fake: Tensor) -> Tensor:
    """How often the critic is right: near 1 it has won, at 0.5 it has no idea."""
    return ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
