"""What a classifier takes a region for: an opinion, apart from all that is certified.

It looks at the luma of the region's box several times, with more or less around it and moved by a
pixel, as the authors of Bahat and Michaeli 2021 do it: what depends on that is no character.
"""

from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.exploration.statements import Likely
from jpegx.jpeg.box import Box
from jpegx.models.glyph_classifier import NONE, NamedClassifier, normalized
from jpegx.models.zoo import CHARACTERS

# How much more is seen on each side, in shares of the box, and how far it is moved, in pixels.
_VIEWS = ((0.0, 0, 0), (0.12, 0, 0), (0.3, 0, 0), *((0.2, y, x) for y, x in
          ((-1, 0), (1, 0), (0, -1), (0, 1))))  # fmt: skip
_WORTH_TELLING = 0.005


class GlyphOpinion:
    """A classifier that looks at a box of pictures."""

    def __init__(self, classifier: NamedClassifier, box: Box) -> None:
        self._classifier = classifier
        self._box = box

    def logits(self, plane: Tensor) -> Tensor:
        """Of each view, (views, 37), of a luma (H, W) in gray levels. Differentiable."""
        return self._classifier.network.logits(self._seen(plane))

    def shares(self, plane: Tensor) -> Tensor:
        """Of each character and of none, (37), the mean of all views."""
        with torch.no_grad():
            return self.logits(plane).softmax(dim=1).mean(dim=0)

    def _seen(self, plane: Tensor) -> Tensor:
        box = self._box
        sides = box.bottom - box.top, box.right - box.left
        most = max(max(round(share * side) for side in sides) for share, _, _ in _VIEWS) + 1
        wide = F.pad(plane[None, None], (most, most, most, most), mode="replicate")
        views = []
        for share, down, across in _VIEWS:
            tall, broad = (round(share * side) for side in sides)
            top, left = most + box.top + down - tall, most + box.left + across - broad
            bottom, right = top + sides[0] + 2 * tall, left + sides[1] + 2 * broad
            views.append(normalized(wide[:, :, top:bottom, left:right]))
        return torch.cat(views)

    def statements(self, plane: Tensor, characters: str) -> list[Likely]:
        """What it takes the box for, among some characters, or for none of all."""
        asked = [c for c in dict.fromkeys(characters.upper()) if c in CHARACTERS]
        if not asked:
            return []
        shares = self.shares(plane)[[*(CHARACTERS.index(c) for c in asked), NONE]].double()
        shares /= shares.sum()
        told = zip((*(f"it is {c!r}" for c in asked), "it is no character"), shares, strict=True)
        found = sorted(((float(share), what) for what, share in told), reverse=True)
        return [
            Likely(
                what,
                "of the opinion",
                {"share": share},
                f"classifier {self._classifier.name}",
                0,
                self._calibration,
            )
            for number, (share, what) in enumerate(found)
            if share >= _WORTH_TELLING or number == 0
        ]

    @cached_property
    def _calibration(self) -> str:
        rows = self._classifier.card.get("validation")
        told = []
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and {"quality", "right"} <= set(row):
                told.append(f"{row['right']} at quality {row['quality']}")
        known = f": it was right in shares of {', '.join(told)}" if told else " are not in its card"
        return f"an opinion, no probability of the truth; figures of fonts kept back{known}"
