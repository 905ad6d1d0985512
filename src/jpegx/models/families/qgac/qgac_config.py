"""The sizes of the networks of Ehrlich et al. 2020, and what their ablations leave out."""

from dataclasses import dataclass

from jpegx.models.config import Config, option


@dataclass(frozen=True)
class QgacConfig(Config):
    """Sizes; the defaults are those published.

    ``features``, ``growth``: of the dense blocks of the BlockNets. ``between``: channels of each
    coefficient that the subnetworks hand on. ``manifold``: numbers that stand for a table.
    ``per_frequency``: channels of the FrequencyNet, for each frequency, and of the fusion, which
    ``fused`` gives others if it is not 0. ``chroma``: channels of the colour network. ``layers``:
    RRDBs in each. ``tables``: how a table gets in, "cfm", "concat" or "none"; ``parts``: "both",
    "block" or "frequency"; ``fusion``: whether all parts reach the last layers, or only what comes
    last (the ablations of Table 5). ``units``: what coefficients come in and go out in
    (:class:`Statistics`), "deviations", or "balanced". ``projection``: coefficients of the picture
    are taken into their cells, which the paper does not do.
    """

    features: int = 256
    growth: int = 256
    between: int = 64
    manifold: int = 64
    per_frequency: int = 4
    fused: int = 0
    chroma: int = 32
    layers: int = 1
    tables: str = "cfm"
    parts: str = "both"
    fusion: bool = True
    units: str = "deviations"
    projection: bool = option(False, "own")

    def __post_init__(self) -> None:
        sizes = (self.features, self.growth, self.between, self.manifold)
        if not all(1 <= n <= 1024 for n in (*sizes, self.per_frequency, self.chroma)):
            raise ValueError(
                "features, growth, between, manifold, per_frequency and chroma must be 1 to 1024"
            )
        if not 0 <= self.fused <= 1024:
            raise ValueError("fused must be 0 to 1024")
        if not 1 <= self.layers <= 16:
            raise ValueError("layers must be 1 to 16")
        if self.tables not in ("cfm", "concat", "none"):
            raise ValueError("tables must be cfm, concat or none")
        if self.units not in ("deviations", "balanced"):
            raise ValueError("units must be deviations or balanced")
        if self.parts not in ("both", "block", "frequency"):
            raise ValueError("parts must be both, block or frequency")

    @property
    def has_blocks(self) -> bool:
        """Whether there are BlockNets."""
        return self.parts != "frequency"

    @property
    def has_frequencies(self) -> bool:
        """Whether there is a FrequencyNet."""
        return self.parts != "block"
