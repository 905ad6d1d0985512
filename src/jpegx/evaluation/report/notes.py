"""What must be said with a table so that its figures are not taken for others."""

from collections.abc import Sequence

from jpegx import __version__
from jpegx.evaluation.benchmark.jpegs import CompressedHere
from jpegx.evaluation.benchmark.plan import Plan
from jpegx.evaluation.benchmark.published import remarks
from jpegx.evaluation.benchmark.rows import Row


def about(plan: Plan) -> dict[str, object]:
    """What was measured how, for the heads of files."""
    found: dict[str, object] = {
        "jpegx": __version__,
        "samples": plan.request.samples,
        "seed": plan.request.seed,
    }
    if plan.request.protocol is not None:
        found["protocol"] = plan.request.protocol.name
    here = [files for files in plan.jpegs if isinstance(files, CompressedHere)]
    if here and not plan.request.gray:
        found["subsampling"] = here[0].subsampling
    return found


def notes(plan: Plan, rows: Sequence[Row]) -> list[str]:
    """One line each, for people."""
    request, instruments = plan.request, plan.instruments
    lines = [*remarks(plan), f"NIQE: pristine model fitted on {instruments.niqe.fitted_on}"]
    if request.gray:
        lines.append("the originals were made gray (luma) first")
    if request.crop is not None:
        size = f"{request.crop}x{request.crop}"
        lines.append(f"the originals were cropped to squares and reduced to {size} pixels first")
    lines += [f"no distances of features: {reason}" for reason in instruments.missing]
    if instruments.features is not None:
        patch = instruments.features.patch
        what = "whole pictures" if patch is None else f"patches of {patch}x{patch} pixels"
        lines.append(
            f"FID, KID: of {what}, mean ± standard deviation over {instruments.repeats} sets"
        )
        lines.append(_against(plan))
        lines += _too_few(rows)
    return lines


def _against(plan: Plan) -> str:
    if plan.real is None:
        return (
            "FID, KID: distances to the originals of the same pictures, which are lower than those "
            "to other real pictures that Man et al. 2022 report (--fid-reference)"
        )
    pictures = f"{len(plan.real.names)} pictures of {plan.real.folder}"
    return f"FID, KID: distances to {pictures}; the row of the originals has the ground truth"


def _too_few(rows: Sequence[Row]) -> list[str]:
    counted = [
        (r.figures["features"], r.figures["dimensions"]) for r in rows if "features" in r.figures
    ]
    few = [int(count) for count, dimensions in counted if count <= dimensions]
    if not few:
        return []
    return [
        f"FID: only {min(few)} features of {int(counted[0][1])} dimensions in a set: it is far too "
        "high, and can be compared within this table only"
    ]
