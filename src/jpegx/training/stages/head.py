"""The head stage: samples around a regression that is held, rated in pairs with their sources."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from jpegx.models.critic import Critic
from jpegx.models.files import Files, decoded_rgb
from jpegx.models.generator import Generator
from jpegx.models.noise import EvenNoise, RandomNoise, ZeroNoise
from jpegx.models.registry import critics
from jpegx.training.data.compress import compress
from jpegx.training.data.patches import Group
from jpegx.training.losses.adversarial_game import paired_loss, paired_penalty, share_above
from jpegx.training.losses.jpeg_loss import jpeg_loss
from jpegx.training.losses.moments import first_moment
from jpegx.training.losses.sliced_crps import sliced_crps
from jpegx.training.networks import frozen, make_optimizer, placed
from jpegx.training.options import CommonOptions, OptimizerOptions
from jpegx.training.stages.catalogue import register
from jpegx.training.stages.head_options import CriticOptions, HeadOptions
from jpegx.training.stages.stage import Stage, Workbench, record

# Which of the random numbers of a step.
_NOISE, _DIRECTIONS = range(2)


class _Look(NamedTuple):
    """What a critic sees of the sources, the decoded files and the first samples."""

    real: list[Tensor]
    decoded: list[Tensor]
    fake: list[Tensor]


@dataclass(frozen=True)
class _View:
    """One part of a batch: files; their sources, decoded images and X̄(Y), (N, 3, H, W) each.

    ``images``: the samples, (N * samples, 3, H, W). ``looks``: those of each critic.
    """

    files: Files
    targets: Tensor
    decoded: Tensor
    mean: Tensor
    images: Tensor
    looks: dict[str, _Look]


@dataclass(frozen=True)
class _Player:
    """A critic, with what the recipe says of it, and its optimizer."""

    critic: Critic
    options: CriticOptions
    optimizer: torch.optim.Optimizer


@register
class HeadStage(Stage[HeadOptions]):
    """Steps that train the critics, then what noise goes through, on the same samples.

    Where a generator stands on a trunk, that is held: X̄(Y) and its features are computed once for
    all samples, without gradients. Where it has none, X̄(Y) is what the stage began with, also that
    of a run to start from. Critics rate the first sample of each file against its source
    (``paired_loss``); the samples' mean is held to X̄(Y), and the sliced CRPS sees to their spread.

    Raises MissingNetwork if a critic stands on a network that is not installed, BadCheckpoint if
    one to start from is of another kind, ValueError for an impossible configuration.
    """

    name = "head"
    options_class = HeadOptions
    samples = True
    keeps_reference = True

    def __init__(self, common: CommonOptions, options: HeadOptions, bench: Workbench) -> None:
        super().__init__(common, options, bench)
        device = bench.precision.device
        self.players: dict[str, _Player] = {}
        for name, given in options.critics.items():
            critic = critics.create(given.family, given.config)
            critic.check_patch(common.data.patch)
            self.take_from_start(critic, f"critic-{name}", bench.start)
            critic = placed(critic, device).train()
            own = make_optimizer(critic.parameters(), given)
            self.players[name] = _Player(critic, given, own)
        self.reference: Generator | None = None
        if not self.generator.has_trunk:
            self.reference = frozen(deepcopy(self.generator))
            self.take_from_start(self.reference, "reference", bench.start)

    def trained_parameters(self) -> list[nn.Parameter]:
        """See :meth:`Stage.trained_parameters`."""
        return self.generator.head_parameters()

    def optimizer_options(self) -> OptimizerOptions:
        """See :meth:`Stage.optimizer_options`."""
        return replace(self.common.training, muon_rate=self.options.muon_rate)

    def own_networks(self) -> dict[str, nn.Module]:
        """See :meth:`Stage.own_networks`."""
        own: dict[str, nn.Module] = {f"critic-{n}": p.critic for n, p in self.players.items()}
        return own if self.reference is None else {**own, "reference": self.reference}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """See :meth:`Stage.optimizers`."""
        own = {f"critic-{name}": player.optimizer for name, player in self.players.items()}
        return {**super().optimizers(), **own}

    def set_rate(self, rate: float) -> None:
        """See :meth:`Stage.set_rate`."""
        super().set_rate(rate)
        for player in self.players.values():
            player.optimizer.param_groups[0]["lr"] = rate * player.options.rate

    def begin(self) -> None:
        """X̄(Y) is what the stage begins with, or that of the run that it goes on from."""
        if self.reference is not None and not self.goes_on:
            self.reference.load_state_dict(self.average.state_dict())

    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """See :meth:`Stage.step`; ``progress`` decides how loud the critics are."""
        losses: dict[str, Tensor] = {}
        share = 1 / len(parts)
        # With more parts than one, the graphs of all of them would not fit: they are made anew.
        keep = len(parts) == 1
        views = [self._view(groups, step, part, graph=keep) for part, groups in enumerate(parts)]
        with self.watch.part("critics"):
            for name, player in self.players.items():
                self._train_critic(name, player, views, step, losses)
                player.critic.requires_grad_(False)
        self.optimizer.zero_grad(set_to_none=True)
        for part, groups in enumerate(parts):
            view = views[part] if keep else self._view(groups, step, part, graph=True)
            with self.watch.part("generator"):
                loss = self._spread_loss(view, step, part, share, losses)
                loudness = self._loudness(progress)
                for name, player in self.players.items() if loudness else ():
                    rating = self._rate_samples(name, player, view)
                    record(losses, f"{name}_samples", share * rating)
                    loss = loss + loudness * player.options.weight * rating
                record(losses, "generator", share * loss)
                (share * loss).backward()
        for player in self.players.values():
            player.critic.requires_grad_(True)
        with self.watch.part("optimizer"):
            self.crew.average_gradients(self.trained)
            self.optimizer.step()
        return losses

    def _view(self, groups: Sequence[Group], step: int, part: int, *, graph: bool) -> _View:
        """Samples of a part of the batch, the same each time, and what the critics see of them.

        ``graph``: keep what gradients of the samples need.
        """
        with self.watch.part("compression"):
            batch = compress(groups, self.precision.device)
            decoded = decoded_rgb(batch.files)
        drawn = RandomNoise(self.random(step, part, _NOISE))
        noise = EvenNoise(drawn, self.options.even_noise)
        with self.watch.part("generator"), self.precision.autocast():
            with torch.set_grad_enabled(graph):
                encoded = self.generator.encode(batch.files)
                images = self.generator.render(encoded, noise, self.options.samples).float()
            with torch.no_grad():
                if self.reference is None:
                    mean = self.generator.render(encoded, ZeroNoise()).float()
                else:
                    mean = self.reference(batch.files, ZeroNoise()).float()
        looks = {}
        with self.watch.part("critics"), self.precision.autocast():
            for name, player in self.players.items():
                look = player.critic.look
                with torch.no_grad():
                    real, jpeg = look(batch.targets), look(decoded)
                with torch.set_grad_enabled(graph):
                    looks[name] = _Look(real, jpeg, look(images[:: self.options.samples]))
        return _View(batch.files, batch.targets, decoded, mean, images, looks)

    def _train_critic(
        self,
        name: str,
        player: _Player,
        views: Sequence[_View],
        step: int,
        losses: dict[str, Tensor],
    ) -> None:
        """The critic learns to rate each source above the sample of its file."""
        critic, options, share = player.critic, player.options, 1 / len(views)
        player.optimizer.zero_grad(set_to_none=True)
        for view in views:
            look = view.looks[name]
            with self.precision.autocast():
                both = [
                    torch.cat([r, f.detach()]) for r, f in zip(look.real, look.fake, strict=True)
                ]
                decoded = [torch.cat([values, values]) for values in look.decoded]
                rated = critic.rate(both, decoded, torch.cat([view.mean, view.mean])).logits
            real, fake = zip(*(logits.chunk(2) for logits in rated), strict=True)
            loss = paired_loss(real, fake)
            record(losses, f"{name}_critic", share * loss)
            record(losses, f"{name}_right", share * share_above(real, fake))
            if options.gamma and step % options.penalty_every == 0:
                penalty = self._penalty(critic, view)
                record(losses, f"{name}_penalty", share * penalty)
                loss = loss + options.gamma * options.penalty_every * penalty
            (share * loss).backward()
        self.crew.average_gradients(critic.parameters())
        player.optimizer.step()

    def _penalty(self, critic: Critic, view: _View) -> Tensor:
        """R1 and R2 of half of the files: it is dear, and as right on average."""
        count = max(1, len(view.targets) // 2)
        first = view.images[:: self.options.samples]
        images = torch.cat([view.targets[:count], first[:count].detach()])
        decoded, mean = (torch.cat([v[:count], v[:count]]) for v in (view.decoded, view.mean))
        return paired_penalty(critic, images, decoded, mean)

    def _rate_samples(self, name: str, player: _Player, view: _View) -> Tensor:
        """What the generator minimizes: its samples should be rated above their sources."""
        look = view.looks[name]
        with self.precision.autocast():
            with torch.no_grad():
                real = player.critic.rate(look.real, look.decoded, view.mean).logits
            fake = player.critic.rate(look.fake, look.decoded, view.mean).logits
        return paired_loss(fake, real)

    def _spread_loss(
        self, view: _View, step: int, part: int, share: float, losses: dict[str, Tensor]
    ) -> Tensor:
        """The losses of all samples of a file: their mean, and how they lie around the source."""
        options = self.options
        samples = view.images.unflatten(0, (-1, options.samples))
        moment = first_moment(samples, view.mean, unbiased=True)
        record(losses, "first_moment", share * moment)
        loss = options.first_moment * moment
        if options.jpeg:
            excess = jpeg_loss(view.images[:: options.samples], view.files)
            record(losses, "jpeg", share * excess)
            loss = loss + options.jpeg * excess
        if options.crps:
            directions = self.random(step, part, _DIRECTIONS)
            score = sliced_crps(
                samples, view.targets, view.decoded, directions, options.filters, options.scales
            )
            record(losses, "crps", share * score)
            loss = loss + options.crps * score
        record(losses, "std", share * samples.detach().std(dim=1).mean())
        return loss

    def _loudness(self, progress: float) -> float:
        """How much of their weight the critics have, from 0 to 1, at a progress of the stage.

        They know nothing at first, and what they ask for then would spoil a head that begins near
        X̄(Y). A run that begins with critics that know the samples need not wait.
        """
        quiet, rise = self.options.quiet, self.options.rise
        if self.goes_on or progress >= quiet + rise:
            return 1.0
        return max(0.0, (progress - quiet) / rise) if rise else 0.0
