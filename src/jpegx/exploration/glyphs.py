"""Which characters could a region show? The certified distance of each from what a file allows.

A glyph is a template t, the share of each pixel that it covers; the region then shows a t + b with
a contrast a and an offset b that are free within ends. What is certified holds for the templates
that were tried: these characters, fonts, heights and places, whole pixels apart; and, around the
nearest ones of these, quarters of pixels apart and turned a little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jpegx.errors import JpegxError
from jpegx.exploration.block_distance import Family, Nearest, Problem, nearest_samples
from jpegx.exploration.cell_bounds import integer_cells
from jpegx.exploration.doubts import doubts
from jpegx.exploration.functionals import by_block
from jpegx.exploration.glyph_opinion import GlyphOpinion
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.rendered_glyphs import Font, Glyph, glyphs_near, placed_glyphs
from jpegx.exploration.samples import with_samples
from jpegx.exploration.scene import luma
from jpegx.exploration.selection import Selection, touched
from jpegx.exploration.statements import (
    RMSE,
    Answer,
    Can,
    Cannot,
    Likely,
    Statement,
    levels,
)
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import integer_samples
from jpegx.models.glyph_classifier import NamedClassifier

_BATCH = 20_000  # blocks at a time
_MOST_TEMPLATES = 200_000
_QUICK, _THOROUGH = 40, 300  # iterations: of all templates, and of the best
# Of each character and ink, those with the least bounds are looked at thoroughly, so many at once,
# until none that is left can be nearer.
_BEST, _ROUNDS = 6, 20
_REFINED = 2  # of each character and ink: so many are moved by parts of pixels, and turned

INKS = {"dark": -1, "light": 1}


@dataclass(frozen=True)
class GlyphRequest:
    """What is asked: ``characters`` in ``fonts``, so many pixels high, dark or light.

    ``contrast``: how much darker or lighter than its ground a glyph must be at least. ``turn``:
    degrees by which the nearest ones are turned to both sides.
    """

    characters: str
    fonts: Sequence[Font]
    heights: Sequence[int]
    inks: Sequence[str]
    contrast: float
    turn: float = 4.0


def fitting_heights(region: Selection) -> list[int]:
    """Some heights of characters that fit into a region."""
    tall = region.box.bottom - region.box.top
    return sorted({max(4, round(share * tall)) for share in (0.6, 0.7, 0.8, 0.9, 1)})


@dataclass(frozen=True)
class Reading:
    """How near a file comes to one character: certified, and by an exact picture."""

    glyph: Glyph
    ink: str
    templates: int
    least: float
    reached: float | None
    patch: Patch


@dataclass(frozen=True)
class _Nearest:
    """Of ``tried`` glyphs: the least certified sum of all; and the one that comes nearest.

    ``reached``: its sum, of the ``samples`` (blocks, 8, 8). ``best``: that, and what may be nearer.
    """

    tried: int
    least: float
    reached: float
    glyph: Glyph
    samples: np.ndarray
    best: Sequence[Glyph]


class GlyphSearch:
    """Holds templates against the luma of a region of a file."""

    def __init__(self, jpeg: QuantizedJpeg, region: Selection) -> None:
        if jpeg.layout.reduction(0) != (1, 1):
            raise JpegxError("the first component is not at full resolution: no glyphs")
        self.region = region
        self._finisher = Finisher(jpeg, touched(region))
        part, self._box = self._finisher.jpeg, self._finisher.touched.box
        rows, columns = (8 * n for n in part.layout.blocks(0))
        self._shape = rows, columns
        self._weights = self._blocks(region.inside(self._box))
        self._used = np.asarray(self._weights.any(axis=(2, 3)))
        low, high = integer_cells(part, 0)
        self._ends = low[self._used], high[self._used]
        shown = self._finisher.decoded().round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        samples = integer_samples(np.ascontiguousarray(shown), part.layout)[0]
        self._shown = by_block(samples.astype(np.float64))[self._used]

    def opinion(self, classifier: NamedClassifier, characters: str) -> list[Likely]:
        """What a classifier takes the region for, as an ordinary decoder shows it."""
        opinion = GlyphOpinion(classifier, self.region.box.inside(self._box))
        return opinion.statements(luma(self._finisher.decoded()), characters)

    def read(self, character: str, request: GlyphRequest) -> Reading | None:
        """The nearest template of a character; None if it fits nowhere."""
        box = self.region.box
        size = box.right - box.left, box.bottom - box.top
        glyphs = list(placed_glyphs(character, request.fonts, size, request.heights))
        if not glyphs:
            return None
        if len(glyphs) > _MOST_TEMPLATES:
            raise JpegxError(f"{len(glyphs)} templates; give a smaller region, or fewer heights")
        found = []
        for ink in request.inks:
            ends = (request.contrast, 255.0) if INKS[ink] > 0 else (-255.0, -request.contrast)
            coarse = self._nearest(glyphs, ends)
            fine = [near for glyph in coarse.best for near in glyphs_near(glyph, request.turn)]
            found += [(ink, coarse), (ink, self._nearest(fine, ends))] if fine else [(ink, coarse)]
        least = min(nearest.least for _, nearest in found)
        ink, nearest = min(found, key=lambda one: one[1].reached)
        patch, reached = self._picture(nearest.glyph, nearest.samples, request.contrast * INKS[ink])
        return Reading(
            nearest.glyph,
            ink,
            sum(nearest.tried for _, nearest in found),
            float(np.sqrt(least / self.region.pixels)),
            reached,
            patch,
        )

    def _nearest(self, glyphs: Sequence[Glyph], ends: tuple[float, float]) -> "_Nearest":
        blocks = int(self._used.sum())
        step = max(1, _BATCH // blocks)
        least = np.concatenate(
            [
                self._solve(glyphs[start : start + step], ends, _QUICK).least
                for start in range(0, len(glyphs), step)
            ]
        )
        nearest, chosen, samples = np.inf, 0, self._shown
        thorough = np.zeros(len(glyphs), bool)
        for _ in range(_ROUNDS):
            best = np.argsort(least, kind="stable")[:_BEST]
            best = best[~thorough[best]]
            if not len(best) or least[best[0]] > nearest:
                break
            solved = self._solve([glyphs[i] for i in best], ends, _THOROUGH)
            least[best] = np.maximum(least[best], solved.least)
            thorough[best] = True
            first = int(np.argmin(solved.reached))
            if solved.reached[first] < nearest:
                nearest, chosen = float(solved.reached[first]), int(best[first])
                samples = solved.samples[first * blocks : (first + 1) * blocks]
        order = np.argsort(least, kind="stable")[:_REFINED]
        kept = [glyphs[i] for i in dict.fromkeys((chosen, *order))][:_REFINED]
        return _Nearest(len(glyphs), float(least.min()), nearest, glyphs[chosen], samples, kept)

    def _solve(
        self, glyphs: Sequence[Glyph], contrast: tuple[float, float], iterations: int
    ) -> Nearest:
        """The problem of many templates at once, a group each."""
        template = np.concatenate([self._template(glyph) for glyph in glyphs])
        group = np.arange(len(glyphs)).repeat(int(self._used.sum()))

        def each(values: np.ndarray) -> np.ndarray:
            return np.tile(values, (len(glyphs), 1, 1))

        shown = each(self._shown)
        low, high = (each(ends) for ends in self._ends)
        family = Family(template, group, contrast, (0.0, 255.0))
        weights = each(self._weights[self._used].astype(np.float64))
        problem = Problem(weights, shown, shown, low, high, family)
        return nearest_samples(problem, iterations)

    def _template(self, glyph: Glyph) -> np.ndarray:
        canvas = np.zeros((self._box.bottom - self._box.top, self._box.right - self._box.left))
        inner = self.region.box.inside(self._box)
        canvas[inner.rows, inner.columns] = glyph.coverage
        blocks: np.ndarray = self._blocks(canvas)[self._used]
        return blocks

    def _blocks(self, canvas: np.ndarray) -> np.ndarray:
        whole = np.zeros(self._shape, canvas.dtype)
        whole[: canvas.shape[0], : canvas.shape[1]] = canvas
        return by_block(whole)

    def _picture(
        self, glyph: Glyph, solved: np.ndarray, contrast: float
    ) -> tuple[Patch, float | None]:
        """The exact picture near samples, and its distance from the best a t + b."""
        image = with_samples(self._finisher, {0: (self._used, solved)})
        patch = self._finisher.finish(image)
        if not patch.exact:
            return patch, None
        samples = integer_samples(patch.pixels, self._finisher.jpeg.layout)[0]
        values = by_block(samples.astype(np.float64))[self._used]
        inside = self._weights[self._used].astype(bool)
        shade, values = self._template(glyph)[inside], values[inside]
        spread = max(float(shade.var()), 1e-12)
        slope = float(((shade - shade.mean()) * (values - values.mean())).mean()) / spread
        slope = max(slope, contrast) if contrast > 0 else min(slope, contrast)
        offset = min(255.0, max(0.0, float(values.mean() - slope * shade.mean())))
        return patch, float(np.sqrt(np.square(values - slope * shade - offset).mean()))


def answer_glyphs(
    jpeg: QuantizedJpeg,
    name: str,
    region: Selection,
    request: GlyphRequest,
    tolerance: float,
    classifier: NamedClassifier,
) -> tuple[Answer, dict[str, Patch]]:
    """The distance of each character, and which the file rules out at a tolerance.

    And, apart from that, what a classifier takes the ordinary decoder's picture for. Raises
    JpegxError if a font lacks a character, or none fits into the region.
    """
    characters = list(dict.fromkeys(request.characters))
    for font in request.fonts:
        for character in characters:
            font.check(character)
    search = GlyphSearch(jpeg, region)
    statements: list[Statement] = []
    pictures: dict[str, Patch] = {}
    possible: list[str] = []
    excluded: list[str] = []
    facts: dict[str, object] = {}
    for character in characters:
        found = search.read(character, request)
        if found is None:
            facts[character] = None
            continue
        quantity = f"distance to {character!r}"
        (excluded if found.least > tolerance else possible).append(character)
        if found.least > 0:
            statements.append(
                Cannot(quantity, RMSE, found.least, None, f"{found.templates} templates")
            )
        if found.reached is not None:
            statements.append(Can(quantity, RMSE, found.reached, 0, found.patch))
            pictures[character] = found.patch
        facts[character] = {"ink": found.ink, "nearest": found.glyph.text}
    if facts and not possible and not excluded:
        raise JpegxError(
            f"the region {region.text} is too small for characters of at least "
            f"{min(request.heights)} pixels"
        )
    statements += search.opinion(classifier, request.characters)
    verdict = (
        f"ruled out at {levels(tolerance)}: {' '.join(excluded) or 'none'}; "
        f"not ruled out: {' '.join(possible) or 'none'}"
    )
    parameters = {
        "among": request.characters,
        "fonts": [font.name for font in request.fonts],
        "heights": list(request.heights),
        "inks": list(request.inks),
        "contrast": request.contrast,
        "turn": request.turn,
        "tolerance": tolerance,
        "classifier": classifier.name,
    }
    notes = (
        "certified for the templates tried: these fonts and heights at whole pixels, the nearest "
        f"ones also at quarters of pixels and turned by {request.turn:g} degrees; a character that "
        "is drawn otherwise is not ruled out",
        "what is not ruled out is not thereby likely: this identifies nothing",
        *doubts(jpeg),
    )
    facts_ = {"characters": facts}
    answer = Answer("glyphs", name, region.text, statements, facts_, parameters, notes, verdict)
    return answer, pictures
