"""The figures of the report: each takes the rows of one data set, and gives HTML or nothing."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from jpegx.evaluation.benchmark.rows import ORIGINALS, PUBLISHED, REFERENCE, Row
from jpegx.evaluation.report.columns import Column, used_columns
from jpegx.evaluation.report.style import Look, add_legend, image, new_figure

_FEATURES = tuple(f"frechet_efficientnet-lite0_{stride}" for stride in (4, 8, 16))
_ALPHA = ("psnr", "ssim_uniform", "consistency", "swd", "niqe", "lpips", "dists", "fid")
STANDARD, JPEG = "standard", "JPEG"  # the JPEG's own row: measured, and in a paper's table
# The first that is there stands for perceptual quality.
_PERCEPTION = ("fid", _FEATURES[1], "swd", "niqe")
_CURVES = (
    *("psnr", "ssim_uniform", "consistency", "swd", "niqe", "fid", *_FEATURES),
    *("fine_cb", "fine_cr", "crps", "equivalent", "saved"),
)


def plane(rows: Sequence[Row], look: Look) -> str:
    """Perception against consistency, one plot a quality (Man et al. 2022, Fig. 2)."""
    rows = [row for row in _decoded(rows) if "consistency" in row.figures]
    key = next((k for k in _PERCEPTION if any(k in row.figures for row in rows)), None)
    if key is None:
        return ""
    title, qualities = _columns(rows)[key].title, _qualities(rows)
    figure, axes = new_figure([_named(quality) for quality in qualities])
    for quality, one in zip(qualities, axes, strict=True):
        for row in rows:
            if row.quality == quality and key in row.figures:
                mark = look.of(row.decoder) | {"linestyle": ""}
                one.plot(row.figures["consistency"], row.figures[key], label=row.decoder, **mark)
        one.set_xlabel("consistency RMSE, gray levels", fontsize=8)
        one.set_ylabel(title, fontsize=8)
        one.set_xlim(left=-0.03 * max(0.1, one.get_xlim()[1]))
    add_legend(figure, axes)
    return image(figure, f"{title} against consistency of each decoder")


def curves(rows: Sequence[Row], look: Look) -> str:
    """Figures over the quality of the files, one plot each (Man et al. 2022, Fig. 3)."""
    decoded = [row for row in _decoded(rows) if row.quality is not None]
    keys = [key for key in _CURVES if any(key in row.figures for row in decoded)]
    if len(_qualities(decoded)) < 2:
        return ""
    columns = _columns(rows)
    figure, axes = new_figure([columns[key].title for key in keys])
    for key, one in zip(keys, axes, strict=True):
        for name in _names(decoded):
            points = [
                (row.quality or 0, row.figures[key])
                for row in decoded
                if row.decoder == name and key in row.figures
            ]
            if points:
                one.plot(*zip(*sorted(points), strict=True), label=name, **look.of(name))
        for row in rows:
            if row.decoder == ORIGINALS and key in row.figures and key == "niqe":
                one.axhline(row.figures[key], label=ORIGINALS, color="black", linestyle=":")
        _name_qualities(one, decoded)
    add_legend(figure, axes)
    return image(figure, "Figures of each decoder over the quality of the files")


def gains(rows: Sequence[Row], look: Look) -> str:
    """What is gained over the JPEG: PSNR over the quality, and against SSIM at each quality.

    Ehrlich et al. 2020, Fig. 11 and 12. A paper's rows are compared with its own JPEG.
    """
    found = [(row, *gain) for row in _decoded(rows) if (gain := _gain(row, rows)) is not None]
    if not any(not row.published for row, *_ in found):
        return ""
    qualities = _qualities([row for row, *_ in found])
    over = ["PSNR over the quality"] if len(qualities) > 1 else []
    figure, axes = new_figure([*over, *map(_named, qualities)])
    for name in _names([row for row, *_ in found]) if over else ():
        points = sorted((row.quality or 0, more) for row, more, _ in found if row.decoder == name)
        axes[0].plot(*zip(*points, strict=True), label=name, **look.of(name))
    if over:
        _name_qualities(axes[0], [row for row, *_ in found])
    for quality, one in zip(qualities, axes[len(over) :], strict=True):
        for row, more, ssim in found:
            if row.quality == quality:
                mark = look.of(row.decoder) | {"linestyle": ""}
                one.plot(more, ssim, label=row.decoder, **mark)
        one.set_xlabel("PSNR gained, dB", fontsize=8)
        one.set_ylabel("SSIM 8x8 gained", fontsize=8)
    add_legend(figure, axes)
    return image(figure, "PSNR and SSIM of each decoder, less those of the JPEG")


def _gain(row: Row, rows: Sequence[Row]) -> tuple[float, float] | None:
    """PSNR and SSIM less those of the JPEG's own row; None for that row, or where there is none."""
    peers = [r for r in rows if r.quality == row.quality and r.published == row.published]
    own = [r for r in peers if r.decoder.removesuffix(PUBLISHED).split(":")[0] in (STANDARD, JPEG)]
    keys = ("psnr", "ssim_uniform")
    if not own or row.decoder == own[0].decoder:
        return None
    if not all(key in each.figures for key in keys for each in (row, own[0])):
        return None
    more, ssim = (row.figures[key] - own[0].figures[key] for key in keys)
    return more, ssim


def interpolations(rows: Sequence[Row]) -> str:
    """Figures over alpha, from one network to another: a picture for each two that were blended.

    Ehrlich et al. 2020, B.2. A line for each quality, and for each variant and options.
    """
    pairs = dict.fromkeys((i.start, i.end) for row in rows if (i := row.interpolation) is not None)
    return "".join(_between(start, end, rows) for start, end in pairs)


def _between(start: str, end: str, rows: Sequence[Row]) -> str:
    lines = alpha_lines(start, end, rows)
    if not lines:
        return ""
    look = Look(list(lines))
    columns = [c for c in used_columns(rows) if c.key in _ALPHA or c.key.startswith("frechet_")]
    figure, axes = new_figure([column.title for column in columns])
    for column, one in zip(columns, axes, strict=True):
        for name, line in lines.items():
            points = [(a, row.figures[column.key]) for a, row in line if column.key in row.figures]
            if points:
                one.plot(*zip(*points, strict=True), label=name, **look.of(name))
        one.set_xlabel(f"alpha, the share of {end}", fontsize=8)
    add_legend(figure, axes)
    return image(figure, f"Figures over alpha, from {start} to {end}")


def alpha_lines(start: str, end: str, rows: Sequence[Row]) -> dict[str, list[tuple[float, Row]]]:
    """Alphas and their rows, in order, for each quality, variant and options of the blends of two.

    The rows of the two themselves are found by their names: those with the options of the blends,
    or else without any, as a regression has no temperature. Lines of one point are left out.
    """
    lines: dict[str, dict[float, Row]] = {}
    for row in rows:
        own = row.interpolation
        if own is not None and (own.start, own.end) == (start, end):
            options = row.decoder.removeprefix(own.name)
            line = lines.setdefault(_named(row.quality) + options, {})
            line[own.alpha] = row
            peers = {peer.decoder: peer for peer in rows if peer.quality == row.quality}
            _, space, variant = options.partition(" ")
            for alpha, name in ((0.0, start), (1.0, end)):
                found = peers.get(name + options) or peers.get(name + space + variant)
                if found is not None:
                    line[alpha] = found
    return {name: sorted(line.items()) for name, line in lines.items() if len(line) > 1}


def ranks(rows: Sequence[Row], look: Look) -> str:
    """How often the original has each rank among the samples, one plot a quality."""
    rows = [row for row in rows if row.calibration and row.samples > 1]
    if not rows:
        return ""
    qualities = _qualities(rows)
    figure, axes = new_figure([_named(quality) for quality in qualities])
    for quality, one in zip(qualities, axes, strict=True):
        for row in rows:
            if row.quality == quality and row.calibration is not None:
                shares = row.calibration.pixels.ranks
                one.plot(range(len(shares)), shares, label=row.decoder, **look.of(row.decoder))
                one.axhline(1 / len(shares), color="black", linestyle=":", linewidth=1)
        one.set_ylim(bottom=0)
        one.xaxis.set_major_locator(MaxNLocator(integer=True))
        one.set_xlabel("samples below the original", fontsize=8)
        one.set_ylabel("share of the pixels", fontsize=8)
    add_legend(figure, axes)
    return image(figure, "Rank histogram of the original among the samples")


def frequencies(rows: Sequence[Row], look: Look) -> str:
    """Share of luma DCT coefficients that are not zero (Ehrlich et al. 2020, B.4)."""
    originals = next((row for row in rows if row.decoder == ORIGINALS), None)
    decoded = [row for row in _decoded(rows) if row.nonzero]
    if not decoded:
        return ""
    qualities = _qualities(decoded)
    figure, axes = new_figure([_named(quality) for quality in qualities])
    for quality, one in zip(qualities, axes, strict=True):
        for row in [*([originals] if originals else []), *decoded]:
            if row is originals or row.quality == quality:
                style = look.of(row.decoder) | {"markersize": 3.5}
                one.plot(range(len(row.nonzero)), row.nonzero, label=row.decoder, **style)
        one.set_ylim(0, 1)
        one.set_xlabel("frequency, horizontal + vertical", fontsize=8)
        one.set_ylabel("share not zero", fontsize=8)
    add_legend(figure, axes)
    return image(figure, "Share of coefficients that are not zero by frequency")


def _name_qualities(axes: Axes, rows: Sequence[Row]) -> None:
    """The axis of a plot over the quality, which names those that were measured."""
    axes.set_xlabel("IJG quality of the files", fontsize=8)
    axes.set_xticks(sorted({row.quality for row in rows if row.quality is not None}))


def _columns(rows: Sequence[Row]) -> dict[str, Column]:
    return {column.key: column for column in used_columns(rows)}


def _decoded(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.decoder not in (ORIGINALS, REFERENCE)]


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.decoder for row in rows))


def _qualities(rows: Sequence[Row]) -> list[int | None]:
    return list(dict.fromkeys(row.quality for row in rows))


def _named(quality: int | None) -> str:
    return "quality unknown" if quality is None else f"quality {quality}"
