"""Towards a letter or a digit (Bahat and Michaeli 2021, the clock in their figure 2)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.exploration.glyph_opinion import GlyphOpinion
from jpegx.exploration.objectives.objective import Objective, Values
from jpegx.exploration.scene import Scene, luma
from jpegx.models.glyph_classifier import open_classifier
from jpegx.models.zoo import CHARACTERS


class Classify(Objective):
    """-log of the share that a classifier gives a character, mean over its views.

    The classifier was trained to heed shapes, not small changes (``jpegx train glyphs``); it is an
    opinion all the same: what it takes for a 3 need not look like one.
    """

    unit: ClassVar[str] = "percent"
    colour = 0.3

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        classifier = values["classifier"] or open_classifier()
        self._opinion = GlyphOpinion(classifier, scene.region.box.inside(scene.box))
        self._class = torch.tensor(CHARACTERS.index(values["character"]))
        self.quantity = f"opinion that it is {values['character']!r}"

    def __call__(self, image: Tensor) -> Tensor:
        """In nats."""
        logits = self._opinion.logits(luma(image))
        return F.cross_entropy(logits, self._class.expand(len(logits)))

    def measure(self, image: Tensor) -> float:
        """The share, in percent."""
        return 100 * float(self._opinion.shares(luma(image))[self._class])
