"""The table of the head stage: its critics, and what is minimized beside their game."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from jpegx.models.registry import critics, generators
from jpegx.training.losses.sliced_crps import least_size
from jpegx.training.options import (
    CommonOptions,
    NetworkOptions,
    OptimizerOptions,
    StageOptions,
    key,
)


@dataclass(frozen=True)
class CriticOptions(NetworkOptions, OptimizerOptions):
    """[head.critics.NAME]: one of the critics."""

    weight: float = key(4e-3, "Of its rating of the samples in the generator's loss.")
    rate: float = key(1.0, "Its learning rate, relative to the generator's.")
    gamma: float = key(0.0, "Weight of R1 and R2, its gradient penalties.")
    penalty_every: int = key(16, "Steps between two penalties; each then counts as often.")


@dataclass(frozen=True)
class HeadOptions(StageOptions):
    """[head]: also the losses."""

    samples: int = key(2, "Samples of each image; the critics rate the first.")
    first_moment: float = key(8.0, "Squared distance of the samples' mean from X̄(Y).")
    crps: float = key(5e-3, "Sliced CRPS of the samples.")
    jpeg: float = key(0.0, "JPEG loss of the first sample (Guo and Chao 2017, Eq. 6).")
    filters: int = key(8, "Random directions of the sliced CRPS, at each scale.")
    scales: int = key(5, "Scales of the sliced CRPS: 1, 1/2, 1/4, ...")
    quiet: float = key(0.02, "Part of the stage in which the generator does not hear the critics.")
    rise: float = key(0.03, "Part of the stage after it in which they grow to their full weight.")
    even_noise: float = key(0.0, "Part of the files whose noise is the same at every position.")
    muon_rate: float = key(5.0, "Learning rate of Muon, relative to Adam's, for the generator.")
    critics: dict[str, CriticOptions] = field(
        default_factory=dict,
        metadata={"meaning": "Any number, each a table by a name."},
    )

    def problems(self, common: CommonOptions) -> Iterator[str]:
        """See :meth:`StageOptions.problems`."""
        for name, count in {"filters": self.filters, "scales": self.scales}.items():
            if count < 1:
                yield f"head.{name} must be at least 1"
        if self.samples < 2:
            yield "head.samples must be at least 2"
        if self.quiet + self.rise > 1:
            yield "head.quiet and head.rise must be at most 1 together"
        if self.crps and 1 <= self.scales <= 16 and common.data.patch < least_size(self.scales):
            yield (
                f"head.scales: {self.scales} need a data.patch of at least "
                f"{least_size(self.scales)}"
            )
        if self.even_noise > 1:
            yield "head.even_noise must be at most 1"
        if not self.critics:
            yield "head.critics must have one critic or more"
        known = [name for name, kind in critics.families().items() if not kind.needs_files]
        for name, critic in self.critics.items():
            where = f"head.critics.{name}"
            if critic.family not in known:
                yield f"{where}.family must be given, one of {', '.join(sorted(known))}"
            if critic.penalty_every < 1:
                yield f"{where}.penalty_every must be at least 1"
            yield from critic.optimizer_problems(where)

    def problems_of_start(
        self, common: CommonOptions, *, regression: bool, started: bool
    ) -> Iterator[str]:
        """See :meth:`StageOptions.problems_of_start`."""
        trunk = generators.find(common.generator.family).has_trunk
        if not regression and not (trunk and started):
            yield "head needs a regression to stand on: give regression.steps, or start from one"
