"""``jpegx.explore`` in Python: one region of one file, and questions about it."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from os import PathLike
from pathlib import Path

import numpy as np

from jpegx.consistency.compare import check_slack
from jpegx.errors import PictureMismatch
from jpegx.exploration.bounds_answer import BoundsAnswer, BoundsRequest, answer_bounds
from jpegx.exploration.comparison import answer_compare, answer_nearest
from jpegx.exploration.compatibility import answer_compatible
from jpegx.exploration.draws import DrawRequest
from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.glyphs import GlyphRequest, answer_glyphs, fitting_heights
from jpegx.exploration.hypothesis import Hypothesis, read_hypothesis
from jpegx.exploration.minimise import Limits
from jpegx.exploration.order import Inequality, answer_order
from jpegx.exploration.patch import Patch, exact_picture
from jpegx.exploration.region_spec import RegionSpec
from jpegx.exploration.rendered_glyphs import Font, find_fonts
from jpegx.exploration.run_edit import run
from jpegx.exploration.selection import Selection, Snap, select
from jpegx.exploration.shapes import BadRegion, Mask, Shape, parse_rectangle
from jpegx.exploration.state import State
from jpegx.exploration.statements import Answer
from jpegx.exploration.tools import Over
from jpegx.exploration.workbench import Workbench
from jpegx.io.picture_reader import read_comparable
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.models.glyph_classifier import open_classifier
from jpegx.sampling.spec import SamplerSpec, default_model

Picture = str | PathLike[str] | np.ndarray


def explore(
    jpeg: QuantizedJpeg | str | PathLike[str] | bytes,
    region: str | np.ndarray | None = None,
    *,
    snap: Snap = "none",
) -> "Explorer":
    """Questions about a region of a file, each with an answer as of ``jpegx explore``.

    ``region``: "X,Y,WxH", a mask (bool array, height x width), or None for the whole picture.
    ``snap``: take in whole "blocks" or "units". Raises UnreadableJpeg, UnsupportedJpeg, BadRegion.
    """
    if isinstance(jpeg, QuantizedJpeg):
        file, name = jpeg, "file"
    else:
        source = jpeg if isinstance(jpeg, bytes) else Path(jpeg)
        name = "file" if isinstance(source, bytes) else str(source)
        file = read_jpeg(source)
    layout = file.layout
    layout.refuse_fractional()
    shapes: list[Shape] = []
    if isinstance(region, str):
        shapes.append(parse_rectangle(region))
    elif region is not None:
        mask = np.asarray(region, bool)
        if mask.shape != (layout.height, layout.width):
            raise BadRegion(f"a mask of {mask.shape}; the file has {layout.height, layout.width}")
        shapes.append(Mask(mask))
    return Explorer(file, name, select(layout, shapes, snap=snap))


class Explorer:
    """One region of one file. Answers hold statements (``Cannot``, ``Can``, ``Likely``).

    ``answer.lines()`` and ``answer.json()`` are what the command prints.
    """

    def __init__(self, jpeg: QuantizedJpeg, name: str, region: Selection) -> None:
        self.jpeg = jpeg
        self.region = region
        self._name = name

    def bounds(
        self,
        *quantities: str,
        quick: bool = False,
        slack: float = 0.0,
        draws: int = 0,
        model: str | None = None,
        seed: int = 0,
    ) -> BoundsAnswer:
        """What the region can have at least and at most: see ``jpegx explore bounds``."""
        check_slack(slack)
        spec = None if model is None else SamplerSpec.parse(model)
        request = DrawRequest(draws, spec, seed) if draws else None
        asked = BoundsRequest(quantities, quick=quick, draws=request, slack=slack)
        return answer_bounds(self.jpeg, self._name, self.region, asked)

    def nearest(self, picture: Picture, *, tolerance: float = 1.0, luma: bool = False) -> Answer:
        """How near the file comes to a picture: see ``jpegx explore nearest``.

        ``picture``: a file, or uint8 (height, width, channels) of the JPEG file's size.
        """
        hypothesis = self._hypothesis(picture, "picture")
        return answer_nearest(
            self.jpeg, self._name, hypothesis, self.region, tolerance=tolerance, luma=luma
        )[0]

    def compare(
        self, first: Picture, second: Picture, *, tolerance: float = 1.0, luma: bool = False
    ) -> Answer:
        """Whether the file rules out one of two pictures: see ``jpegx explore compare``."""
        pair = self._hypothesis(first, "first"), self._hypothesis(second, "second")
        return answer_compare(
            self.jpeg, self._name, pair, self.region, tolerance=tolerance, luma=luma
        )[0]

    def compat(self, picture: Picture) -> Answer:
        """Of which encoder a picture could be the source: see ``jpegx explore compat``."""
        layout = self.jpeg.layout
        if isinstance(picture, np.ndarray):
            called, pixels = "picture", picture
        else:
            called, size = str(picture), (layout.width, layout.height)
            pixels = read_comparable(Path(picture), called, size)
        return answer_compatible(self.jpeg, self._name, pixels, called, self.region)[0]

    def glyphs(
        self,
        among: str = "0123456789",
        *,
        fonts: str | PathLike[str] | None = None,
        heights: Sequence[int] = (),
        inks: Sequence[str] = ("dark", "light"),
        contrast: float = 32.0,
        turn: float = 4.0,
        tolerance: float = 8.0,
        classifier: str | PathLike[str] | None = None,
    ) -> Answer:
        """Which characters the file rules out in the region: see ``jpegx explore glyphs``.

        ``fonts``: one, or a folder of them, None for Pillow's own; ``heights``: in pixels.
        """
        drawn = [Font(None)] if fonts is None else find_fonts(Path(fonts))
        tall = heights or fitting_heights(self.region)
        request = GlyphRequest(among, drawn, tall, inks, contrast, turn)
        opinion = open_classifier(None if classifier is None else Path(classifier))
        return answer_glyphs(self.jpeg, self._name, self.region, request, tolerance, opinion)[0]

    def order(
        self, brighter: Iterable[tuple[str, str, float]], *, component: str | None = None
    ) -> Answer:
        """Whether areas can be brighter than others, all at once: see ``jpegx explore order``.

        ``brighter``: two rectangles, "X,Y,WxH" in the picture, and by how many levels the mean of
        the first is above that of the second at least. The region is not asked about.
        """

        def area(text: str) -> Selection:
            return select(self.jpeg.layout, [parse_rectangle(text)])

        wanted = [Inequality(area(one), area(other), by) for one, other, by in brighter]
        return answer_order(self.jpeg, self._name, wanted, component)[0]

    def edit(
        self,
        tool: str,
        *,
        model: str | None = None,
        over: Over | None = None,
        alternatives: int = 1,
        seed: int = 0,
        iterations: int = 60,
        **parameters: object,
    ) -> list[Edit]:
        """Exact pictures that a tool makes, as ``jpegx explore brighten`` and the others do.

        ``parameters``: of the tool, by their names ("source_region" for ``--source-region``);
        pictures are uint8 (height, width, 4). Each edit has its numbers, and a ``patch`` for
        :meth:`picture`. Raises JpegxError, BadParameter among them.
        """
        values = {name.replace("_", "-"): value for name, value in parameters.items()}
        for name, value in values.items():
            if isinstance(value, str) and name == "source-region":
                values[name] = RegionSpec((parse_rectangle(value),))
        state = State(self._workbench(model or default_model()))
        limits = Limits(iterations, float("inf"))
        request = Request(
            tool, self.region, values, over, seed, alternatives=alternatives, limits=limits
        )
        return run(state, request)

    @cached_property
    def _workbench(self) -> Callable[[str], Workbench]:
        return cache(
            lambda model: Workbench(self.jpeg, self._name, SamplerSpec.parse(model), self._start)
        )

    def picture(self, patch: Patch) -> np.ndarray:
        """The whole picture, uint8 (height, width, channels), with a patch of an answer in it.

        All start from the same exact picture, the one near what an ordinary decoder shows.
        """
        return patch.onto(self._start)

    @cached_property
    def _start(self) -> np.ndarray:
        return exact_picture(self.jpeg).pixels

    def _hypothesis(self, picture: Picture, name: str) -> Hypothesis:
        layout = self.jpeg.layout
        if not isinstance(picture, np.ndarray):
            return read_hypothesis(Path(picture), layout, None)
        shape = (layout.height, layout.width, layout.channels)
        if picture.shape != shape or picture.dtype != np.uint8:
            raise PictureMismatch(f"{picture.dtype} {picture.shape}; uint8 {shape} is asked for")
        return Hypothesis(name, np.ascontiguousarray(picture), np.ones(shape[:2], bool))
