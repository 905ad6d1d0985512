"""Is the truth ever excluded? Pictures are compressed, and bounds asked of random regions.

    python tests/benchmarks/truth.py ORIGINALS... [--regions 2000] [--gamut 20] [--seed 0]

Random crops of the originals, of even and odd sizes, are compressed by libjpeg 6b at qualities 5 to
95 with every sampling of files in use; regions are rectangles, ellipses and scattered pixels of all
sizes, many of them at edges. For each functional: how many were asked, how often the truth was
outside of the certified ends (which must be never), and how near it came to them: 0 is in the
middle, 1 at an end. Of one region in --gamut one functional is bounded with the gamut, too. At the
end, how often the truth was within two standard deviations of what is typical.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from jpegx.exploration.bounds import Bounds, functionals_of
from jpegx.exploration.cell_bounds import Range, cell_range, used_blocks
from jpegx.exploration.hypothesis import Hypothesis
from jpegx.exploration.nearest import find_nearest
from jpegx.exploration.patch import Finisher
from jpegx.exploration.selection import Selection, select
from jpegx.exploration.shapes import Ellipse, Mask, Rectangle, Shape
from jpegx.exploration.spread import measured, spread
from jpegx.exploration.typical import LaplaceLaws
from jpegx.io.inputs import find_pictures
from jpegx.io.picture_reader import read_rgb
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.reader import libjpeg
from jpegx.jpeg.tables import scaled_tables
from jpegx.training.data.patches import SAMPLINGS

DRAWN = ("4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "gray")  # of the samplings
SIZES = (3, 8, 16, 40, 128)


def random_file(
    originals: list[np.ndarray], random: np.random.Generator
) -> tuple[QuantizedJpeg, np.ndarray]:
    """A file, and its source, uint8 (H, W, C)."""
    whole = originals[random.integers(len(originals))]
    height, width = (int(random.integers(17, min(n, 320))) for n in whole.shape[:2])
    top, left = (
        int(random.integers(n - m + 1)) for n, m in zip(whole.shape, (height, width), strict=False)
    )
    sampling = str(random.choice(DRAWN))
    pixels = whole[top : top + height, left : left + width]
    if sampling == "gray":
        pixels = pixels[..., 1:2]
    space: ColorSpace = "gray" if sampling == "gray" else "ycbcr"
    layout = Layout(width, height, space, SAMPLINGS[sampling])
    luma, chroma = scaled_tables(int(random.integers(5, 96)))
    tables = (luma, chroma, chroma)[: len(layout.factors)]
    pixels = np.ascontiguousarray(pixels)
    encoded = libjpeg.encode(pixels, layout, tables)
    return QuantizedJpeg(layout, encoded, tables, "baseline"), pixels


def random_region(layout: Layout, random: np.random.Generator) -> Selection:
    """A rectangle, an ellipse or scattered pixels; every third lies at an edge."""
    largest = int(random.choice(SIZES))
    width, height = (
        min(n, int(random.integers(1, largest + 1))) for n in (layout.width, layout.height)
    )
    left, top = layout.width - width, layout.height - height
    if random.random() > 1 / 3:
        left, top = int(random.integers(left + 1)), int(random.integers(top + 1))
    kind = random.integers(4)
    shape: Shape = Rectangle(left, top, width, height)
    if kind == 0:
        shape = Ellipse(left, top, width, height)
    elif kind == 1:
        bits = np.zeros((layout.height, layout.width), bool)
        part = bits[top : top + height, left : left + width]
        part[:] = random.random(part.shape) < 0.3
        part[0, 0] = True
        shape = Mask(bits)
    return select(layout, [shape])


class Tally:
    """How near the truth came to certified ends, by functional."""

    def __init__(self) -> None:
        self._places: dict[str, list[float]] = defaultdict(list)
        self.violations = 0

    def add(self, what: str, ends: Range, truth: float) -> None:
        """One bound held against the truth."""
        half = (ends.most - ends.least) / 2
        place = abs(truth - (ends.least + ends.most) / 2) / max(half, 1e-12)
        self._places[what].append(place)
        if not ends.least <= truth <= ends.most:
            self.violations += 1
            click.echo(f"VIOLATION: {what}: {truth} outside of {ends.least} to {ends.most}")

    def rows(self) -> Iterator[str]:
        """A table in Markdown."""
        yield "| functional | asked | outside | median | 99 % | nearest to an end |"
        yield "|---|---|---|---|---|---|"
        for what, places in self._places.items():
            values = np.array(places)
            median, high = np.quantile(values, (0.5, 0.99))
            yield (
                f"| {what} | {len(values)} | {(values > 1).sum()} | {median:.3f} | {high:.3f} "
                f"| {values.max():.4f} |"
            )


@click.command()
@click.argument("originals", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--regions", default=2000, show_default=True)
@click.option("--gamut", default=20, show_default=True, help="One region in so many.")
@click.option("--seed", default=0, show_default=True)
def main(originals: tuple[Path, ...], regions: int, gamut: int, seed: int) -> None:
    """Hold bounds against the truth."""
    pictures = [read_rgb(path) for folder in originals for path in find_pictures(folder)]
    random = np.random.default_rng(seed)
    tally, typical = Tally(), defaultdict(list)
    distances = []
    for number in range(regions):
        jpeg, source = random_file(pictures, random)
        region = random_region(jpeg.layout, random)
        units, functionals = functionals_of(region)
        finisher = Finisher(jpeg, units)
        part, truth = finisher.jpeg, source[units.box.rows, units.box.columns]
        laws = LaplaceLaws(jpeg)
        for functional in functionals:
            value = functional.value(truth, part.layout)
            ends = cell_range(used_blocks(part, functional)[1])
            tally.add(functional.quantity, ends, value)
            if functional.quantity == "mean Y":
                mean, std = laws.moments(part, functional)
                size = next(s for s in SIZES if region.pixels <= s * s)
                typical[size].append(abs(value - mean) <= 2 * std)
        for component, name in enumerate(jpeg.layout.names):
            found = spread(part, component, region, units)
            total, within = measured(truth, part, component, region, units)
            tally.add(f"std {name}", found.total, total)
            if found.within is not None:
                tally.add(f"std within blocks {name}", found.within, within)
        if number % gamut == 0:
            chosen = functionals[int(random.integers(len(functionals)))]
            bound = Bounds(finisher).thorough(chosen, 1)
            tally.add(
                f"{chosen.quantity}, with gamut", bound.gamut, chosen.value(truth, part.layout)
            )
        if number % 4 == 0:
            everywhere = np.ones(source.shape[:2], bool)
            near = find_nearest(jpeg, Hypothesis("truth", source, everywhere), region)
            distances.append((near.least, near.verdict(0)))
    click.echo("\n".join(tally.rows()))
    wrong = sum(least > 0 or verdict != "consistent" for least, verdict in distances)
    click.echo(f"\nnearest to the truth: {len(distances)} asked, {wrong} not consistent at 0")
    click.echo(
        "\n| pixels, up to | asked | truth within 2 std of typical (mean Y) |\n|---|---|---|"
    )
    for size in SIZES:
        if typical[size]:
            share = np.mean(typical[size])
            click.echo(f"| {size}x{size} | {len(typical[size])} | {share:.0%} |")
    sys.exit(bool(tally.violations or wrong))


if __name__ == "__main__":
    main()
