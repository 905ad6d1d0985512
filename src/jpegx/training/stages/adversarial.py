"""The adversarial stage: critic and generator in turn (Eq. 8 to 10 of Man et al. 2022)."""

from collections.abc import Sequence
from copy import deepcopy
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.critic import Ratings
from jpegx.models.files import Files, decoded_rgb, select
from jpegx.models.generator import Generator
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import RandomNoise, ZeroNoise
from jpegx.training.data.compress import Batch, compress
from jpegx.training.data.patches import Group
from jpegx.training.losses import adversarial_game as game
from jpegx.training.losses.moments import first_moment, second_moment
from jpegx.training.losses.sliced_crps import sliced_crps
from jpegx.training.networks import frozen, placed, read_regression
from jpegx.training.options import CommonOptions
from jpegx.training.stages.adversarial_options import AdversarialOptions
from jpegx.training.stages.catalogue import register
from jpegx.training.stages.comparisons import Comparisons
from jpegx.training.stages.critic_stage import CriticStage
from jpegx.training.stages.stage import Workbench, record

# Which of the random numbers of a step: samples of the moments have their own unless shared.
_SAMPLE, _MOMENTS, _DIRECTIONS, _BETWEEN = range(4)


@register
class AdversarialStage(CriticStage[AdversarialOptions]):
    """Steps that train the critic (Eq. 9), then the generator (Eq. 10), on the same samples.

    Also raises BadVgg if the recipe names weights of a VGG that cannot be used, BadCheckpoint if
    those of the reference cannot be, ValueError if the reference is no regression.
    """

    name = "adversarial"
    options_class = AdversarialOptions
    samples = True
    moved = MappingProxyType(
        {
            "critic": "critic",
            "losses": "losses",
            "moments": "moments",
            "training.critic_rate": "critic_rate",
        }
    )

    def __init__(
        self, common: CommonOptions, options: AdversarialOptions, bench: Workbench
    ) -> None:
        super().__init__(common, options, bench)
        # X̄(Y), of Eq. 7 or for a guided first moment.
        self.reference: Generator | None = None
        if options.regression_for:
            named = options.moments.reference
            self.reference = frozen(
                placed(
                    read_regression(named, "adversarial.moments.reference"), self.precision.device
                )
                if named
                else deepcopy(self.generator)
            )
        # How many samples of each file the critic sees.
        self.each = options.moments.samples if options.moments.shared else 1
        self.game = game.GAMES[options.losses.game]
        self.compare = Comparisons(options.losses, self.precision)

    def own_networks(self) -> dict[str, nn.Module]:
        """See :meth:`Stage.own_networks`."""
        own = super().own_networks()
        return own if self.reference is None else {**own, "reference": self.reference}

    def begin(self) -> None:
        """X̄(Y) is what the stage begins with, unless the recipe names other weights for it."""
        if self.reference is not None and not self.options.moments.reference:
            self.reference.load_state_dict(self.average.state_dict())

    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """See :meth:`Stage.step`.

        ``step`` decides whether the penalty and the moments are due, ``progress`` the weight of the
        consistency, and whether there is a critic yet.
        """
        plays = progress >= self.options.quiet
        losses: dict[str, Tensor] = {}
        with self.watch.part("compression"):
            batches = [compress(groups, self.precision.device) for groups in parts]
        # With more parts than one, the graphs of all of them would not fit: they are made anew.
        keep = len(parts) == 1
        samples = []
        with self.watch.part("generator"), torch.set_grad_enabled(keep):
            for part, batch in enumerate(batches):
                samples.append(self._sample(batch.files, step, part))
        if plays:
            with self.watch.part("critic"):
                self._train_critic(batches, samples, step, losses)
        self.critic.requires_grad_(False)
        self.optimizer.zero_grad(set_to_none=True)
        for part, batch in enumerate(batches):
            with self.watch.part("generator"):
                images = samples[part] if keep else self._sample(batch.files, step, part)
                share = 1 / len(batches)
                loss = self.compare(images, batch, progress, share, losses)
                if plays:
                    loss = loss + self._rate_samples(images, batch, share, losses)
                elif self.options.stands_in:
                    loss = loss + self._compare_values(images, batch, share, losses)
                record(losses, "generator", share * loss)
                if self.options.moments.shared:
                    filters = self.random(step, part, _DIRECTIONS)
                    loss = loss + self._moment_losses(
                        images, batch.files, batch.targets, filters, share, losses
                    )
                (share * loss).backward()
        if self._moments_due(step):
            with self.watch.part("moments"):
                self._match_moments(batches, step, losses)
        self.critic.requires_grad_(True)
        with self.watch.part("optimizer"):
            self.crew.average_gradients(self.trained)
            self.optimizer.step()
        return losses

    def _sample(self, files: Files, step: int, part: int) -> Tensor:
        """Samples (N * each, 3, H, W) of the files; the same each time they are asked for."""
        noise = RandomNoise(self.random(step, part, _SAMPLE))
        with self.precision.autocast():
            images: Tensor = self.generator(files, noise, self.each)
        return images.float()

    def _train_critic(
        self,
        batches: Sequence[Batch],
        samples: Sequence[Tensor],
        step: int,
        losses: dict[str, Tensor],
    ) -> None:
        weights = self.options.losses
        self.critic_optimizer.zero_grad(set_to_none=True)
        for part, (batch, images) in enumerate(zip(batches, samples, strict=True)):
            decoded = decoded_rgb(batch.files)
            with self.precision.autocast():
                real = self.critic(batch.targets, decoded).logits
                fake = self.critic(images.detach(), repeat_samples(decoded, self.each)).logits
            loss = self.game.critic(real, fake)
            record(losses, "critic", loss / len(batches))
            record(losses, "critic_right", game.share_right(real, fake) / len(batches))
            if weights.r1 and step % weights.r1_every == 0:
                penalty = game.gradient_penalty(self.critic, batch.targets, decoded)
                record(losses, "r1", penalty / len(batches))
                loss = loss + weights.r1 * weights.r1_every * penalty
            if weights.slope:
                first = self.critic.look(images[:: self.each].detach())
                random = self.random(step, part, _BETWEEN)
                between = game.mix_looks(self.critic.look(batch.targets), first, random)
                penalty = game.slope_penalty(self.critic, between, self.critic.look(decoded))
                record(losses, "slope", penalty / len(batches))
                loss = loss + weights.slope * penalty
            (loss / len(batches)).backward()
        self.crew.average_gradients(self.critic.parameters())
        self.critic_optimizer.step()

    def _rate_samples(
        self, images: Tensor, batch: Batch, share: float, losses: dict[str, Tensor]
    ) -> Tensor:
        """The part of the generator's loss that the critic decides (Eq. 10)."""
        weights = self.options.losses
        decoded = decoded_rgb(batch.files)
        with self.precision.autocast():
            fake, features = self.critic(images, repeat_samples(decoded, self.each))
        matches = weights.feature_matching and self.compare.vgg is None
        wanted = Ratings([], [])
        if matches or self.game.compares:
            with torch.no_grad(), self.precision.autocast():
                wanted = self.critic(batch.targets, decoded)
        loss = self.game.generator(wanted.logits, fake)
        record(losses, "adversarial", share * loss)
        loss = weights.adversarial * loss
        if matches:
            scales = [repeat_samples(scale, self.each) for scale in wanted.features]
            distance = game.feature_matching(features, scales)
            record(losses, "features", share * distance)
            loss = loss + weights.feature_matching * distance
        return loss

    def _compare_values(
        self, images: Tensor, batch: Batch, share: float, losses: dict[str, Tensor]
    ) -> Tensor:
        """What stands in for the perceptual loss where there is no critic whose features match."""
        error = F.mse_loss(images, repeat_samples(batch.targets, self.each))
        record(losses, "error", share * error)
        return self.options.losses.perceptual * error

    def _moments_due(self, step: int) -> bool:
        """Whether to draw samples for them alone in this step."""
        weights, options = self.options.losses, self.options.moments
        wanted = weights.first_moment or weights.second_moment or weights.crps
        return bool(wanted) and not options.shared and step % options.every == 0

    def _match_moments(
        self, batches: Sequence[Batch], step: int, losses: dict[str, Tensor]
    ) -> None:
        """Losses of several samples of the first images: the moments (App. A.2), and the score."""
        options = self.options.moments
        # Each process takes its part of the images from the beginning of its own part of the batch.
        wanted = max(1, options.images // self.crew.size)
        wanted = min(wanted, sum(len(batch.targets) for batch in batches))
        left = wanted
        for part, batch in enumerate(batches):
            noise = RandomNoise(self.random(step, part, _MOMENTS))
            directions = self.random(step, part, _DIRECTIONS)
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
            images = self.generator(files, noise, self.options.moments.samples)
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
        options, weights = self.options.moments, self.options.losses
        samples = images.unflatten(0, (-1, options.samples))
        loss = torch.zeros((), device=samples.device)
        reference = None
        if self.reference is not None:
            with torch.no_grad(), self.precision.autocast():
                reference = self.reference(files, ZeroNoise()).float()
        if weights.first_moment:
            guide = reference if options.guided and reference is not None else targets
            first = first_moment(samples, guide, unbiased=options.unbiased)
            record(losses, "first_moment", share * first)
            loss = loss + weights.first_moment * first
        if weights.second_moment and reference is not None:
            second = second_moment(
                samples,
                targets,
                reference,
                unbiased=options.unbiased,
                norm=weights.second_moment_norm,
            )
            record(losses, "second_moment", share * second)
            loss = loss + weights.second_moment * second
        if weights.crps:
            score = sliced_crps(samples, targets, decoded_rgb(files), directions, options.filters)
            record(losses, "crps", share * score)
            loss = loss + weights.crps * score
        if options.samples > 1:
            record(losses, "std", share * samples.detach().std(dim=1).mean())
        return loss
