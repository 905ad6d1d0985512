"""The table of the adversarial stage: the game, its critic, the losses beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from jpegx.metrics.vgg_layers import layer_names
from jpegx.models.registry import critics
from jpegx.models.zoo import find, installed
from jpegx.training.losses.adversarial_game import GAMES
from jpegx.training.losses.moments import NORMS
from jpegx.training.losses.sliced_crps import least_size
from jpegx.training.options import CommonOptions, key
from jpegx.training.stages.critic_stage import CriticStageOptions


@dataclass(frozen=True)
class LossOptions:
    """[adversarial.losses]: their weights (Eq. 8 of Man et al. 2022), images from 0 to 1."""

    game: str = key(
        "separate", "separate (Eq. 9 and 10), relativistic, to the others' mean, or wasserstein."
    )
    adversarial: float = key(1e-3, "Scale of V in the generator's loss (Eq. 10).")
    r1: float = key(1.0, "Gradient penalty of the critic.")
    r1_every: int = key(1, "Steps between two gradient penalties; each then counts as often.")
    slope: float = key(0.0, "Penalty of slopes other than 1, which wasserstein needs.")
    consistency: tuple[float, float] = key((1.0, 1e3), "Eq. 4: first and last weight, cosine.")
    jpeg: float = key(0.0, "Guo and Chao 2017, Eq. 6: coefficients outside their cells.")
    first_moment: float = key(0.0, "Eq. 5.")
    second_moment: float = key(0.0, "Eq. 7 and 16; needs moments.reference.")
    second_moment_norm: str = key(
        "squared", "Its distance, which the paper leaves open: squared, root or absolute."
    )
    crps: float = key(0.0, "Sliced CRPS of the samples of the moments.")
    l1: float = key(0.0, "Mean absolute error.")
    perceptual: float = key(0.0, "Eq. 6; needs the file vgg19.")
    vgg19: str = key("", "Weights of VGG-19, with torchvision's names.")
    perceptual_layer: str = key(
        "conv5_4", "Layer of VGG-19: conv5_4, relu5_4 after its activation, conv1_1, ..."
    )
    texture: float = key(0.0, "Of texture (Ehrlich et al. 2020, Eq. 2); needs the file minc.")
    minc: str = key("", "Weights of a VGG-16 of materials (MINC).")
    texture_layer: str = key("conv5_3", "Layer of that VGG-16: likewise.")
    feature_matching: float = key(0.0, "On the critic's features, where vgg19 names no file.")


@dataclass(frozen=True)
class MomentOptions:
    """[adversarial.moments]: the samples for moments (App. A.2) and the sliced CRPS."""

    every: int = key(8, "Steps between two estimates, unless shared.")
    images: int = key(8, "Of each batch, so many of the first images, unless shared.")
    samples: int = key(16, "Samples of each image.")
    filters: int = key(8, "Random directions of the sliced CRPS, at each scale.")
    shared: bool = key(
        False, "Draw them once a step, of every image, and let the critic rate the same."
    )
    guided: bool = key(
        False, "First moment: distance from X̄(Y), whose noise is less than the source's."
    )
    unbiased: bool = key(False, "Correct both estimates for the number of samples.")
    reference: str = key(
        "",
        "Regression X̄(Y) of Eq. 7 and guided: file or name; guided without: what it started as.",
    )


@dataclass(frozen=True)
class AdversarialOptions(CriticStageOptions):
    """[adversarial]: also the critic, and what is minimized."""

    quiet: float = key(
        0.0, "Part of the stage before there is a critic: neither trained nor heard."
    )
    losses: LossOptions = field(default_factory=LossOptions)
    moments: MomentOptions = field(default_factory=MomentOptions)

    @property
    def stands_in(self) -> bool:
        """Whether others stand in for the perceptual loss, whose network is not named."""
        return bool(self.losses.perceptual and not self.losses.vgg19)

    @property
    def regression_for(self) -> str:
        """The key that asks for a regression X̄(Y): Eq. 7, a guided first moment; "" if none."""
        if self.losses.second_moment:
            return "adversarial.losses.second_moment"
        guided = self.moments.guided and self.losses.first_moment
        return "adversarial.moments.guided" if guided else ""

    def problems(self, common: CommonOptions) -> Iterator[str]:
        """See :meth:`StageOptions.problems`."""
        losses, moments = self.losses, self.moments
        counts = {
            "losses.r1_every": losses.r1_every,
            "moments.every": moments.every,
            "moments.images": moments.images,
            "moments.samples": moments.samples,
            "moments.filters": moments.filters,
        }
        for name, count in counts.items():
            if count < 1:
                yield f"adversarial.{name} must be at least 1"
        # Critics that need X̄(Y), which not every recipe of this stage has, are of the stage head;
        # those that need files, of the stage control.
        known = [
            name
            for name, kind in critics.families().items()
            if not kind.needs_mean and not kind.needs_files
        ]
        yield from self.critic_problems("adversarial", known)
        if losses.crps and common.data.patch < least_size():
            yield f"adversarial.losses.crps needs a data.patch of at least {least_size()}"
        if losses.second_moment_norm not in NORMS:
            yield f"adversarial.losses.second_moment_norm must be one of {', '.join(NORMS)}"
        if losses.game not in GAMES:
            yield f"adversarial.losses.game must be one of {', '.join(GAMES)}"
        if losses.game == "wasserstein" and not losses.slope:
            yield "adversarial.losses.slope must be above 0 where the game is wasserstein"
        for name, depth in (("perceptual_layer", 19), ("texture_layer", 16)):
            layers = layer_names(depth)
            if getattr(losses, name) not in layers:
                convs = ", ".join(layer for layer in layers if layer.startswith("conv"))
                yield f"adversarial.losses.{name} must be {convs}, or relu in place of conv"
        if self.quiet > 1:
            yield "adversarial.quiet must be from 0 to 1"
        if losses.vgg19 and not losses.perceptual:
            yield "adversarial.losses.vgg19 needs adversarial.losses.perceptual"
        if losses.minc and not losses.texture:
            yield "adversarial.losses.minc needs adversarial.losses.texture"
        if (moments.shared or moments.unbiased or losses.crps) and moments.samples < 2:
            yield (
                "adversarial.moments.samples must be at least 2 where moments are shared or "
                "unbiased, or losses.crps is asked for"
            )

    def problems_of_start(
        self, common: CommonOptions, *, regression: bool, started: bool
    ) -> Iterator[str]:
        """See :meth:`StageOptions.problems_of_start`."""
        losses, may_stand_in = self.losses, common.training.stand_in
        if self.stands_in and not may_stand_in:
            yield (
                "adversarial.losses.perceptual needs adversarial.losses.vgg19, the weights of "
                "VGG-19; with --stand-in feature matching takes its place"
            )
        if self.losses.texture and not self.losses.minc:
            yield "adversarial.losses.texture needs adversarial.losses.minc, a file of weights"
        if self.regression_for and not self.moments.reference and not regression:
            yield (
                f"{self.regression_for} needs a regression: name one in "
                "adversarial.moments.reference, or give regression.steps"
            )
        elif losses.second_moment and not self.moments.reference and not may_stand_in:
            yield (
                "adversarial.losses.second_moment needs adversarial.moments.reference, the weights "
                "of a regression X̄(Y); with --stand-in it is what the stage begins with"
            )

    def with_whole_paths(self) -> Self:
        """See :meth:`StageOptions.with_whole_paths`."""
        reference, vgg19, minc = self.moments.reference, self.losses.vgg19, self.losses.minc
        if reference and reference not in installed():
            reference = str(find(reference).resolve())
        return replace(
            self,
            moments=replace(self.moments, reference=reference),
            losses=replace(self.losses, vgg19=_whole(vgg19), minc=_whole(minc)),
        )

    def stand_ins(self) -> Iterator[str]:
        """See :meth:`StageOptions.stand_ins`."""
        losses = self.losses
        if self.stands_in:
            first = ["the squared error before there is a critic"] if self.quiet else []
            then = ["feature matching on the critic"] if losses.feature_matching else []
            yield f"{', then '.join(first + then) or 'nothing'} for the perceptual loss"
        if losses.second_moment and not self.moments.reference:
            yield "the regression that the stage begins with for X̄(Y) of the second moment"

    def notes(self) -> Iterator[str]:
        """See :meth:`StageOptions.notes`."""
        yield from (f"stand-in: {line}" for line in self.stand_ins())


def _whole(path: str) -> str:
    return str(Path(path).resolve()) if path else ""
