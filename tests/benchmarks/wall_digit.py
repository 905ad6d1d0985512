"""A digit on a noisy wall: what files of it rule out, certified, and what a classifier thinks.

    python tests/benchmarks/wall_digit.py [--digit 2] [--seed 0]

A light digit of Pillow's font, 14 pixels high and at no whole pixel, on a wall with noise of 6
levels, compressed at qualities 5, 10, 20 and 30 (4:2:0); ten digits are held against a region of
16x20 pixels, at heights 13, 14 and 15.
"""

import time

import click
import numpy as np
import torch

from jpegx.evaluation.benchmark.encoding import compress
from jpegx.exploration.glyphs import GlyphRequest, answer_glyphs
from jpegx.exploration.rendered_glyphs import Font, glyphs_near, placed_glyphs
from jpegx.exploration.selection import select
from jpegx.exploration.shapes import Rectangle
from jpegx.exploration.statements import Can, Cannot, Likely
from jpegx.jpeg.file import read_jpeg
from jpegx.models.glyph_classifier import open_classifier

SIZE = (16, 20)
PLACE = (21, 14)


@click.command()
@click.option("--digit", default="2", show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(digit: str, seed: int) -> None:
    """Print a table in Markdown."""
    whole = list(placed_glyphs(digit, [Font(None)], SIZE, [14]))
    glyph = list(glyphs_near(whole[len(whole) // 2], 0.0))[7]
    wall = np.random.default_rng(seed).normal(110, 6, (48, 64))
    wall[PLACE[1] : PLACE[1] + SIZE[1], PLACE[0] : PLACE[0] + SIZE[0]] += 90 * glyph.coverage
    pixels = torch.tensor(wall.round().clip(0, 255)).byte().expand(3, -1, -1)
    begun = time.process_time()
    print("| quality | certified to be farther than 8 levels | shown nearest | opinion |")
    print("|---|---|---|---|")
    for quality in (5, 10, 20, 30):
        jpeg = read_jpeg(compress(pixels, quality, "4:2:0"))
        region = select(jpeg.layout, [Rectangle(*PLACE, *SIZE)])
        request = GlyphRequest("0123456789", [Font(None)], [13, 14, 15], ["light"], 32.0)
        answer, _ = answer_glyphs(jpeg, "wall", region, request, 8.0, open_classifier())
        out = [
            s.quantity[-2]
            for s in answer.statements
            if isinstance(s, Cannot) and s.least is not None and s.least > 8
        ]
        shown = sorted((s.value, s.quantity[-2]) for s in answer.statements if isinstance(s, Can))
        said = [s for s in answer.statements if isinstance(s, Likely)]
        nearest = ", ".join(f"{name} ({value:.1f})" for value, name in shown[:3])
        opinion = ", ".join(f"{s.quantity} {s.values['share']:.2f}" for s in said[:2])
        print(f"| {quality} | {' '.join(out) or 'none'} | {nearest} | {opinion} |", flush=True)
    print(f"\n{time.process_time() - begun:.0f} s of CPU time")


if __name__ == "__main__":
    main()
