"""The table of the control stage: the game of Bahat and Michaeli 2021 and its losses."""

from collections.abc import Iterator
from dataclasses import dataclass

from jpegx.models.registry import critics
from jpegx.training.options import CommonOptions, key
from jpegx.training.stages.critic_stage import CriticStageOptions


@dataclass(frozen=True)
class ControlOptions(CriticStageOptions):
    """[control]: also the critic, and what is minimized; images from 0 to 1."""

    critic_steps: int = key(10, "Steps of the critic for each of the generator.")
    wait: bool = key(
        True, "Hold the generator back while the critic does not tell samples from sources."
    )
    adversarial: float = key(1.0, "Of the critic's rating of the samples.")
    slope: float = key(10.0, "Penalty of slopes of the critic other than 1.")
    range: float = key(51000.0, "Of values outside 0 to 1 (L_Range, Bahat and Michaeli 2021).")
    map: float = key(25.5, "Of the distance of the nearest sample (L_Map of the same).")
    map_steps: int = key(10, "Steps of Adam that look for the nearest sample.")
    map_every: int = key(1, "Steps between two such searches; each loss then counts as often.")
    map_rate: float = key(1.0, "Learning rate of these steps.")
    map_spread: float = key(2.0, "Deviation of the noise that they begin with.")
    structure: float = key(0.0, "Control of gradients by three numbers (the authors' code).")
    even_noise: float = key(0.5, "Part of the files whose noise is the same at every position.")

    def problems(self, common: CommonOptions) -> Iterator[str]:
        """See :meth:`StageOptions.problems`."""
        counts = {
            "critic_steps": self.critic_steps,
            "map_steps": self.map_steps,
            "map_every": self.map_every,
        }
        for name, count in counts.items():
            if count < 1:
                yield f"control.{name} must be at least 1"
        if self.even_noise > 1:
            yield "control.even_noise must be at most 1"
        known = [name for name, kind in critics.families().items() if not kind.needs_mean]
        yield from self.critic_problems("control", known)
        chroma = self.critic.config.get("component") == "chroma"
        if chroma and common.data.sampling.get("gray"):
            yield "control.critic.config: chroma cannot be rated where data.sampling has gray"
