"""Exact pictures put together unit by unit (MCU by MCU).

Encoding never mixes two units. So where some units of an exact picture are replaced by those of
another one, the result is exact, and all that is outside of them stays as it was, bit for bit.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.count_causes import find_causes
from jpegx.consistency.exact import Projector
from jpegx.consistency.recompress import recompress
from jpegx.exploration.selection import Touched, select, touched
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.jpeg_batch import JpegBatch


@dataclass(frozen=True)
class Patch:
    """New pixels for some units of a picture.

    ``pixels``: uint8 (height, width, channels) of the box of ``touched``, of which only those of
    its units count. ``different`` of ``total`` coefficients of these units re-encode to another
    integer than the file's (0: exact), by ``causes``.
    """

    touched: Touched
    pixels: np.ndarray
    different: int
    total: int
    causes: Causes

    @property
    def exact(self) -> bool:
        """Whether its units, encoded again, give the file's own coefficients."""
        return self.different == 0

    @property
    def digest(self) -> str:
        """SHA-256 of the pixels of its units."""
        inside = self.pixels[self.touched.pixel_mask()]
        return hashlib.sha256(np.ascontiguousarray(inside).tobytes()).hexdigest()

    def onto(self, picture: np.ndarray) -> np.ndarray:
        """A picture, uint8 (height, width, channels), with these units in the place of its own."""
        mixed = picture.copy()
        self.put_into(mixed)
        return mixed

    def put_into(self, picture: np.ndarray) -> None:
        """Write these units into a picture itself."""
        box, inside = self.touched.box, self.touched.pixel_mask()
        picture[box.rows, box.columns][inside] = self.pixels[inside]


class Finisher:
    """Makes the pixels of some units of one file exact.

    ``jpeg``: the file's part in the box of the units, as a file of its own.
    """

    def __init__(self, jpeg: QuantizedJpeg, touched: Touched) -> None:
        self.touched = touched
        self.jpeg = touched.jpeg(jpeg)
        self._files = JpegBatch.of_file(jpeg).crop(touched.box)

    @cached_property
    def _projector(self) -> Projector:
        files = self._files
        return Projector(
            [grid[0] for grid in files.coefficients],
            [table[0] for table in files.tables],
            files.layout,
        )

    def decoded(self) -> Tensor:
        """What an ordinary decoder shows there, float32 (C, H, W) in gray levels, not rounded."""
        return self._files.decoded()[0]

    def finish(self, image: Tensor) -> Patch:
        """The exact pixels near an image of the units' box, float (C, H, W) in gray levels.

        Where none are found or exist, the patch says how many coefficients differ, and why.
        """
        pixels = self._projector(image.float().cpu()).pixels
        return self.judge(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))

    def cut(self, picture: np.ndarray) -> Patch:
        """These units of a picture of the whole file, uint8 (height, width, channels)."""
        box = self.touched.box
        return self.judge(picture[box.rows, box.columns].copy())

    def judge(self, pixels: np.ndarray) -> Patch:
        """Pixels of the units' box, uint8 (height, width, channels), as libjpeg encodes them.

        Raises PictureMismatch if they do not fit.
        """
        encoded = recompress(self.jpeg, pixels).coefficients
        theirs = self.jpeg.coefficients
        held = [self._blocks(component) for component in range(len(theirs))]
        ours = [np.where(h, e, t) for h, e, t in zip(held, encoded, theirs, strict=True)]
        different = sum(int(np.count_nonzero(o != t)) for o, t in zip(ours, theirs, strict=True))
        causes = find_causes(self.jpeg, ours) if different else Causes()
        total = sum(64 * int(np.count_nonzero(h)) for h in held)
        return Patch(self.touched, pixels, different, total, causes)

    def _blocks(self, component: int) -> np.ndarray:
        """Which blocks of a component belong to the units, bool (rows, columns, 1, 1)."""
        h, v = self.jpeg.layout.factors[component]
        rows, columns = self.jpeg.layout.blocks(component)
        mask = self.touched.mask.repeat(v, axis=0).repeat(h, axis=1)
        return mask[:rows, :columns, None, None]


def exact_picture(jpeg: QuantizedJpeg) -> Patch:
    """The exact picture near what an ordinary decoder shows: where exploration starts from."""
    whole = Finisher(jpeg, touched(select(jpeg.layout, ())))
    return whole.finish(whole.decoded())
