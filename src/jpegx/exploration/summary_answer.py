"""A summary of draws in statements: what is likely, and pictures of it."""

from pathlib import Path

from jpegx.exploration.draws import CALIBRATION
from jpegx.exploration.patch import Patch
from jpegx.exploration.selection import Selection
from jpegx.exploration.statements import GRAY_LEVELS, Answer, Can, Likely, Statement
from jpegx.exploration.summaries import SIGMAS, Summary


def pictures_of(summary: Summary) -> dict[str, Patch]:
    """All pictures of a summary by their names."""
    found: dict[str, Patch] = {}
    for number, component in enumerate(summary.components, 1):
        found[f"component {number} minus"] = component.least
        found[f"component {number} plus"] = component.most
    for draw, patch in summary.diverse:
        found[f"draw {draw}"] = patch
    for number, cluster in enumerate(summary.clusters):
        if cluster.parent is not None:
            found[f"cluster {number}"] = cluster.patch
    return found


def summary_answer(
    summary: Summary, file: str, region: Selection, sampler: str, folder: Path | None
) -> Answer:
    """What the user is told; ``folder``: where the pictures were written."""
    said: list[Statement] = [
        _likely("draws differ by", {"std": summary.std}, sampler, summary, CALIBRATION)
    ]
    for number, component in enumerate(summary.components, 1):
        values = {"std": component.std, "share of the variance": component.share}
        calibration = CALIBRATION
        if component.factor is not None:
            values["90% interval, to each side"] = component.factor * component.std
            calibration = (
                f"the interval held 90% of the truths of {summary.calibrated} regions of originals "
                "(split conformal): on average over such files, not for each"
            )
        name = f"component {number}"
        said.append(_likely(name, values, sampler, summary, calibration))
        for side, sign, patch in (("minus", -1, component.least), ("plus", 1, component.most)):
            picture = None if folder is None else str(picture_file(folder, f"{name} {side}"))
            value = sign * SIGMAS * component.std
            said.append(Can(name, GRAY_LEVELS, value, patch.different, patch, picture))
    for number, cluster in enumerate(summary.clusters):
        if cluster.parent is None:
            continue
        values = {"share": cluster.share, "least": cluster.low, "most": cluster.high}
        inside = f"cluster {number}, in {cluster.parent or 'all'}"
        said.append(_likely(inside, values, sampler, summary, CALIBRATION, "of the draws"))
    return Answer(
        "draws",
        file,
        region.text,
        said,
        {"diverse": [draw for draw, _ in summary.diverse], "draws": summary.draws},
        {"sampler": sampler},
        ("components and clusters are of the sampler's draws; the truth need not be among them",),
    )


def _likely(
    quantity: str,
    values: dict[str, float],
    sampler: str,
    summary: Summary,
    calibration: str,
    unit: str = GRAY_LEVELS,
) -> Likely:
    return Likely(quantity, unit, values, sampler, summary.draws, calibration)


def picture_file(folder: Path, name: str) -> Path:
    """Where the picture of a name is written."""
    return folder / f"{name.replace(' ', '_')}.png"
