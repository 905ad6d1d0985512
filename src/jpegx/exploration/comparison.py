"""Answers of ``jpegx explore nearest`` and ``compare``: hypotheses held against a file."""

from collections.abc import Sequence

import numpy as np

from jpegx.exploration.doubts import doubts
from jpegx.exploration.hypothesis import Hypothesis
from jpegx.exploration.nearest import Nearness, find_nearest
from jpegx.exploration.selection import Selection
from jpegx.exploration.statements import Answer, levels
from jpegx.jpeg.file import QuantizedJpeg

_NOTE = (
    "the distance is that of samples of Y, Cb and Cr as libjpeg makes them, root mean square over "
    "the region's pixels"
)


def answer_nearest(
    jpeg: QuantizedJpeg,
    name: str,
    hypothesis: Hypothesis,
    region: Selection,
    *,
    tolerance: float,
    luma: bool,
) -> tuple[Answer, Nearness]:
    """How near the file comes to one hypothesis, and whether within a distance."""
    found = find_nearest(jpeg, hypothesis, region, luma=luma)
    verdict = found.verdict(tolerance)
    within = f"within {levels(tolerance)}"
    told = {
        "consistent": f"consistent, an exact picture {within} was found",
        "impossible": f"impossible, no picture is {within}",
        "undecided": "undecided, the ends do not meet the tolerance",
    }[verdict]
    parameters = {"image": hypothesis.name, "tolerance": tolerance, "luma": luma}
    answer = Answer(
        "nearest",
        name,
        found.region.text,
        found.statements(),
        {**found.facts(), "verdict": verdict},
        parameters,
        (_NOTE, *_not_exact([found]), *doubts(jpeg)),
        told,
    )
    return answer, found


def answer_compare(
    jpeg: QuantizedJpeg,
    name: str,
    hypotheses: tuple[Hypothesis, Hypothesis],
    region: Selection,
    *,
    tolerance: float,
    luma: bool,
) -> tuple[Answer, tuple[Nearness, Nearness]]:
    """Whether the file can tell two hypotheses apart, within a distance of each."""
    found = [find_nearest(jpeg, h, region, luma=luma) for h in hypotheses]
    verdicts = [nearness.verdict(tolerance) for nearness in found]
    excluded = [h.name for h, v in zip(hypotheses, verdicts, strict=True) if v == "impossible"]
    if excluded:
        told = f"excluded (certified): {' and '.join(excluded)}"
    elif "undecided" in verdicts:
        told = "undecided, the ends do not meet the tolerance"
    else:
        told = "the file cannot tell them apart: both are consistent"
    facts = [
        {"image": n.hypothesis.name, **n.facts(), "verdict": v}
        for n, v in zip(found, verdicts, strict=True)
    ]
    answer = Answer(
        "compare",
        name,
        found[0].region.text,
        [statement for nearness in found for statement in nearness.statements()],
        {"hypotheses": facts},
        {"tolerance": tolerance, "luma": luma},
        (_NOTE, *_not_exact(found), *_apart(found), *doubts(jpeg)),
        told,
    )
    return answer, (found[0], found[1])


def _not_exact(found: Sequence[Nearness]) -> list[str]:
    return [
        f"no exact picture was found near to {n.hypothesis.name}: {n.patch.different} of "
        f"{n.patch.total} coefficients differ"
        for n in found
        if not n.patch.exact
    ]


def _apart(found: Sequence[Nearness]) -> list[str]:
    """How many coefficients of a file of the same tables would tell the pictures themselves."""
    first, second = (n.hypothesis for n in found)
    mask = first.opaque & second.opaque & found[0].region.whole()
    same = bool((first.pixels[mask] == second.pixels[mask]).all())
    return ["the two pictures are the same in the region"] if same and np.any(mask) else []
