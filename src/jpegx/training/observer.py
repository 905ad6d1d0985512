"""What a run shows while it trains: validation, best weights, strips of pictures, messages."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Protocol

import numpy as np

from jpegx.models import checkpoint
from jpegx.training.autocast import Precision
from jpegx.training.cards import make_card
from jpegx.training.diverged import Diverged
from jpegx.training.folder import RunFolder
from jpegx.training.networks import Networks
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.run_checkpoint import Position
from jpegx.training.stages.catalogue import stages
from jpegx.training.strips import write_strips
from jpegx.training.validation import Figures, validate

_ROWS_OF_A_STRIP = 4


class Display(Protocol):
    """Where lines of the log are shown as they come."""

    def show(self, line: dict[str, float | str]) -> None:
        """Show the newest line."""


class RunObserver:
    """Validates the average of the weights, keeps the best, writes strips; for one process.

    ``images``: uint8 (H, W, 3) each, not trained on; without any there is no validation.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: RunFolder,
        networks: Networks,
        images: Sequence[np.ndarray],
        precision: Precision,
        display: Display,
        say: Callable[[str], None],
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.networks = networks
        self.images = images
        self.precision = precision
        self.display = display
        self.say = say

    def logged(self, line: dict[str, float | str]) -> None:
        """A line of the log was written."""
        self.display.show(line)

    def looked(self, position: Position, *, validate: bool, strips: bool) -> float | None:
        """Validate or write pictures; returns the score (low is good) if validated."""
        if not self.images:
            return None
        if strips:
            write_strips(
                self.folder.strips / f"{position.step:08d}.png",
                self.networks.average,
                self.images[:_ROWS_OF_A_STRIP],
                self.recipe.validation,
                self.precision,
                temperature=self._temperature(position),
            )
        return self._validate(position) if validate else None

    def _temperature(self, position: Position) -> float:
        """Of the noise that the weights are meant for: none in a regression."""
        return 1.0 if stages()[self.recipe.last_stage(position.stage)].samples else 0.0

    def _validate(self, position: Position) -> float:
        figures = validate(
            self.networks.average,
            self.images,
            self.recipe.validation,
            self.precision,
            temperature=self._temperature(position),
        )
        score = float(np.mean([each.crps for each in figures]))
        if not isfinite(score):
            raise Diverged(self.folder.path, "CRPS", score, position.step)
        for each in figures:
            self.folder.log(step=position.step, validation=each.rounded())
            self.say(_line(position, each))
        if position.best is None or score < position.best:
            card = make_card(self.folder, self.recipe, position)
            checkpoint.save(self.folder.best, self.networks.average, card)
        return score


def _line(position: Position, figures: Figures) -> str:
    parts = [
        f"step {position.step} ({position.stage}), quality {figures.quality}: "
        f"mean {figures.psnr_mean:.2f} dB ({figures.gain:+.2f} dB over the JPEG)"
    ]
    if figures.std:
        parts.append(f"sample {figures.psnr_sample:.2f} dB, std {figures.std:.4f}")
    parts.append(f"consistency {figures.consistency:.2f}, CRPS {figures.crps:.3f} gray levels")
    return ", ".join(parts)
