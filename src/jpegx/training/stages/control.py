"""The control stage: samples for which a control signal stands (Bahat and Michaeli 2021)."""

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor, nn

from jpegx.models.noise import EvenNoise, HeldNoise, Noise, RandomNoise
from jpegx.training.data.compress import Batch, compress
from jpegx.training.data.patches import Group
from jpegx.training.losses import adversarial_game as game
from jpegx.training.losses.nearest_sample import distances, range_loss, search_noise
from jpegx.training.losses.structure import StructuredNoise, StructureLoss
from jpegx.training.options import CommonOptions
from jpegx.training.stages.catalogue import register
from jpegx.training.stages.control_options import ControlOptions
from jpegx.training.stages.critic_stage import CriticStage
from jpegx.training.stages.stage import Workbench, record

# Which of the random numbers of a step.
_NOISE, _START, _BETWEEN = range(3)
# The released code: what the critic must have reached over so many of its steps.
_LOOKED = 10
_LEAST_DIFFERENCE, _LEAST_SHARE = log(1.1), 0.1


class _History(nn.Module):
    """The critic's last steps: mean difference of its ratings, share of pairs that it tells."""

    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(_LOOKED, 2))

    def add(self, real: game.Logits, fake: game.Logits) -> None:
        difference = torch.cat(
            [(r - f).float().flatten(1).mean(1) for r, f in zip(real, fake, strict=True)]
        )
        told = (difference > 0).float().mean()
        new = torch.stack([difference.mean(), told]).detach()
        self.seen.copy_(torch.cat([self.seen[1:], new[None]]))

    def tells(self) -> bool:
        """Whether the critic knows samples from sources by now."""
        difference, share = self.seen.mean(dim=0).tolist()
        return bool(difference > _LEAST_DIFFERENCE and share >= _LEAST_SHARE)


@register
class ControlStage(CriticStage[ControlOptions]):
    """Steps that train the critic and, every so many, the generator, in a Wasserstein game.

    Of each file there are two samples: of random noise, half of the files with the same in every
    block, and of the noise whose sample is nearest to the source. The critic is trained on both;
    the generator minimizes its rating and the range loss of both, and the distance of the second.
    """

    name = "control"
    options_class = ControlOptions
    samples = True

    def __init__(self, common: CommonOptions, options: ControlOptions, bench: Workbench) -> None:
        super().__init__(common, options, bench)
        self.history = _History().to(self.device)
        self.structure = StructureLoss().to(self.device) if options.structure else None
        self.game = game.GAMES["wasserstein"]

    def own_networks(self) -> dict[str, nn.Module]:
        """See :meth:`Stage.own_networks`."""
        own = {**super().own_networks(), "history": self.history}
        return own if self.structure is None else {**own, "structure": self.structure}

    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """See :meth:`Stage.step`; ``step`` decides what is due, ``progress`` nothing."""
        losses: dict[str, Tensor] = {}
        with self.watch.part("compression"):
            batches = [compress(groups, self.precision.device) for groups in parts]
        with self.watch.part("search"):
            noises = [self._noises(batch, step, part) for part, batch in enumerate(batches)]
        with self.watch.part("critic"):
            self._train_critic(batches, noises, step, losses)
        if step % self.options.critic_steps:
            return losses
        if self.options.wait and self.crew.agree(float(self.history.tells()), self.device) < 1:
            return losses
        self.critic.requires_grad_(False)
        self.optimizer.zero_grad(set_to_none=True)
        for batch, both in zip(batches, noises, strict=True):
            with self.watch.part("generator"):
                loss = self._rate(batch, both, 1 / len(batches), losses)
                (loss / len(batches)).backward()
        self.critic.requires_grad_(True)
        with self.watch.part("optimizer"):
            self.crew.average_gradients(self.trained)
            self.optimizer.step()
        return losses

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.precision.device

    def _noises(self, batch: Batch, step: int, part: int) -> list[Noise]:
        """Random noise, and in due steps that of the sample nearest to the source."""
        options = self.options
        drawn: Noise = RandomNoise(self.random(step, part, _NOISE))
        if self.structure is not None:
            drawn = StructuredNoise(drawn)
        # Held: the generator is asked for the same sample twice.
        held = HeldNoise(EvenNoise(drawn, options.even_noise))
        if step % options.map_every:
            return [held]
        begin = RandomNoise(self.random(step, part, _START), temperature=options.map_spread)
        with self.precision.autocast():
            encoded = self.generator.encode(batch.files)
            nearest = search_noise(
                self.generator, encoded, batch.targets, begin, options.map_steps, options.map_rate
            )
        return [held, nearest]

    def _sample(self, batch: Batch, noise: Noise) -> Tensor:
        with self.precision.autocast():
            images: Tensor = self.generator(batch.files, noise)
        return images.float()

    def _train_critic(
        self,
        batches: Sequence[Batch],
        noises: Sequence[Sequence[Noise]],
        step: int,
        losses: dict[str, Tensor],
    ) -> None:
        """One step of the critic on the samples of all noise, and how it stands by then."""
        self.critic_optimizer.zero_grad(set_to_none=True)
        for part, (batch, both) in enumerate(zip(batches, noises, strict=True)):
            share = 1 / (len(batches) * len(both))
            for number, noise in enumerate(both):
                with torch.no_grad():
                    images = self._sample(batch, noise)
                    real, fake, beside = self._looks(images, batch)
                with self.precision.autocast():
                    of_real = self.critic.rate(real, beside, None).logits
                    of_fake = self.critic.rate(fake, beside, None).logits
                between = game.mix_looks(real, fake, self.random(step, part, _BETWEEN + number))
                penalty = game.slope_penalty(self.critic, between, beside)
                loss = self.game.critic(of_real, of_fake)
                record(losses, "critic", share * loss)
                record(losses, "slope", share * penalty)
                (share * (loss + self.options.slope * penalty)).backward()
                if not number:
                    self.history.add(of_real, of_fake)
        self.crew.average_gradients(self.critic.parameters())
        self.critic_optimizer.step()

    def _looks(
        self, images: Tensor, batch: Batch
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """What the critic sees of the sources, of the samples, and beside both."""
        look = self.critic.look_at
        return (
            look(batch.targets, batch.files),
            look(images, batch.files),
            self.critic.conditions(images, batch.files),
        )

    def _rate(
        self, batch: Batch, noises: Sequence[Noise], share: float, losses: dict[str, Tensor]
    ) -> Tensor:
        """What the generator minimizes."""
        options = self.options
        loss = torch.zeros((), device=self.device)
        for number, noise in enumerate(noises):
            images = self._sample(batch, noise)
            beside = self.critic.conditions(images, batch.files)
            with self.precision.autocast():
                fake = self.critic.rate(
                    self.critic.look_at(images, batch.files), beside, None
                ).logits
            rating, outside = self.game.generator([], fake), range_loss(images)
            record(losses, "adversarial", share * rating / len(noises))
            record(losses, "range", share * outside / len(noises))
            loss = loss + (options.adversarial * rating + options.range * outside) / len(noises)
            if number:
                distance = distances(images, batch.targets).mean()
                record(losses, "map", share * distance)
                loss = loss + options.map * options.map_every * distance
            elif self.structure is not None:
                field = self.generator.needs.noise[0]
                asked = 2 * noise.draw(field, images)
                found = self.structure(images, batch.targets, asked)
                record(losses, "structure", share * found)
                loss = loss + options.structure * found
        record(losses, "generator", share * loss)
        return loss
