"""The geometry of a JPEG image: size, colour space, sampling factors, block grids."""

from dataclasses import dataclass
from math import ceil, gcd
from typing import Literal

from jpegx.errors import UnsupportedJpeg

ColorSpace = Literal["gray", "ycbcr", "rgb"]

COMPONENT_NAMES: dict[ColorSpace, tuple[str, ...]] = {
    "gray": ("Y",),
    "ycbcr": ("Y", "Cb", "Cr"),
    "rgb": ("R", "G", "B"),
}


@dataclass(frozen=True)
class Layout:
    """Size, colour space and sampling of an image, independent of its content.

    ``factors`` holds one pair (horizontal, vertical) per component, in the order of
    ``COMPONENT_NAMES``. Only their ratios matter, so they are reduced on construction: a gray file
    stored as 2x2 has the factors ((1, 1),).

    Raises ValueError if the size, the colour space, the number of components or a factor
    (1 to 4) is impossible.
    """

    width: int
    height: int
    color_space: ColorSpace
    factors: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"impossible size {self.width}x{self.height}")
        if self.color_space not in COMPONENT_NAMES:
            names = ", ".join(COMPONENT_NAMES)
            raise ValueError(f"colour space {self.color_space!r}: one of {names} is asked for")
        if len(self.factors) != len(COMPONENT_NAMES[self.color_space]):
            raise ValueError(f"{self.color_space} image with {len(self.factors)} components")
        if any(not 1 <= f <= 4 for pair in self.factors for f in pair):
            raise ValueError(f"sampling factors {self.factors} outside 1 to 4")
        across = gcd(*(h for h, _ in self.factors))
        down = gcd(*(v for _, v in self.factors))
        reduced = tuple((h // across, v // down) for h, v in self.factors)
        object.__setattr__(self, "factors", reduced)

    @property
    def names(self) -> tuple[str, ...]:
        """Component names, for example ("Y", "Cb", "Cr")."""
        return COMPONENT_NAMES[self.color_space]

    @property
    def channels(self) -> int:
        """Channels of the decoded image: 1 for gray, 3 (RGB) otherwise."""
        return 1 if self.color_space == "gray" else 3

    @property
    def max_factors(self) -> tuple[int, int]:
        """Largest (horizontal, vertical) sampling factor."""
        return max(h for h, _ in self.factors), max(v for _, v in self.factors)

    @property
    def mcu_size(self) -> tuple[int, int]:
        """(width, height) in pixels of one minimum coded unit: the smallest independent tile."""
        across, down = self.max_factors
        return 8 * across, 8 * down

    @property
    def mcu_grid(self) -> tuple[int, int]:
        """(rows, columns) of minimum coded units that cover the image."""
        mcu_width, mcu_height = self.mcu_size
        return ceil(self.height / mcu_height), ceil(self.width / mcu_width)

    @property
    def is_fractional(self) -> bool:
        """True if a component is reduced by a ratio that no libjpeg encodes or shows (3 to 2)."""
        across, down = self.max_factors
        return any(across % h or down % v for h, v in self.factors)

    def refuse_fractional(self) -> None:
        """Raises UnsupportedJpeg for a layout that ``is_fractional``."""
        if self.is_fractional:
            raise UnsupportedJpeg(
                f"fractional sampling factors {self.factors}, which no libjpeg shows or encodes"
            )

    def reduction(self, component: int) -> tuple[int, int]:
        """(horizontal, vertical) pixels averaged into one sample of the component.

        Raises ValueError if the ratio is not an integer (see ``is_fractional``).
        """
        across, down = self.max_factors
        h, v = self.factors[component]
        if across % h or down % v:
            raise ValueError(f"fractional sampling {h}x{v} of {across}x{down}")
        return across // h, down // v

    def blocks(self, component: int) -> tuple[int, int]:
        """(rows, columns) of 8x8 blocks that the component holds (ITU-T T.81, A.1.1)."""
        across, down = self.max_factors
        h, v = self.factors[component]
        return ceil(self.height * v / (8 * down)), ceil(self.width * h / (8 * across))
