"""What keeps pictures from being exact, counted in coefficients."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Causes:
    """Coefficients that differ, each counted once, by what keeps its unit from being exact.

    ``gamut``: proven that no 8-bit picture has the unit's colours. ``padding``: proven that none
    has them whose last pixels are repeated beyond the edge, as libjpeg repeats them. ``search``:
    nothing is proven.
    """

    gamut: int = 0
    padding: int = 0
    search: int = 0

    def __add__(self, other: "Causes") -> "Causes":
        return Causes(
            self.gamut + other.gamut, self.padding + other.padding, self.search + other.search
        )

    @property
    def total(self) -> int:
        """All coefficients that differ."""
        return self.gamut + self.padding + self.search
