"""The figures of the tables: names, units, how they are written, and what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jpegx.evaluation.benchmark.rows import Row
from jpegx.metrics.band_energy import COMPONENTS
from jpegx.metrics.features import NETWORKS


@dataclass(frozen=True)
class Column:
    """One figure. ``key``: in ``Row.figures``. ``better``: which values are good.

    ``brief``: on the terminal too.
    """

    key: str
    title: str
    form: str
    better: Literal["high", "low", ""]
    meaning: str
    brief: bool = True

    def text(self, row: Row) -> str:
        """The value of a row as the tables show it, with its deviation where there is one."""
        value, deviation = row.figures.get(self.key), row.figures.get(f"{self.key}_std")
        if value is None:
            return ""
        more = "" if deviation is None else f" ± {self.form.format(deviation)}"
        return self.form.format(value) + more


COLUMNS = (
    Column("psnr", "PSNR", "{:.2f}", "high", "dB, over all pixels and channels, of one sample"),
    Column("psnr_mean", "PSNR of mean", "{:.2f}", "high", "dB, of the mean of the samples"),
    Column("psnr_y", "PSNR Y", "{:.2f}", "high", "dB, of the luma (BT.601, full range)"),
    Column("ssim", "SSIM", "{:.4f}", "high", "Gaussian window, 11x11 (Wang et al. 2004)"),
    Column(
        "ssim_uniform", "SSIM 8x8", "{:.4f}", "high", "flat window, 8x8 (as in Ehrlich et al. 2020)"
    ),
    Column("psnr_b", "PSNR-B", "{:.2f}", "high", "dB, blocks of the picture are charged for"),
    Column(
        "consistency",
        "consistency",
        "{:.3f}",
        "low",
        "RMSE in gray levels between the decoded file and the decoded re-encoding "
        "(Man et al. 2022, Eq. 1)",
    ),
    Column("outside", "outside %", "{:.3%}", "low", "coefficients outside their cell"),
    Column(
        "std",
        "std",
        "{:.4f}",
        "",
        "per-pixel standard deviation of samples, 0 to 1, divided by n (Man et al. 2022, Eq. 15)",
    ),
    Column("swd", "SWD", "{:.2f}", "low", "sliced Wasserstein distance x 1000, mean of the levels"),
    Column("swd_fine", "SWD fine", "{:.2f}", "low", "the same, of the finest level alone"),
    Column(
        "niqe",
        "NIQE",
        "{:.3f}",
        "low",
        "distance from natural pictures (Mittal et al. 2013), without an original",
    ),
    Column("lpips", "LPIPS", "{:.4f}", "low", "Zhang et al. 2018, version 0.1 with VGG-16"),
    Column("dists", "DISTS", "{:.4f}", "low", "Ding et al. 2020, of the pictures at full size"),
    Column(
        "fid",
        "FID",
        "{:.2f}",
        "low",
        "Fréchet distance of Inception features to the originals, or to other real pictures",
    ),
    Column("kid", "KID x 1000", "{:.2f}", "low", "kernel distance of the same features, unbiased"),
    Column(
        "crps",
        "CRPS",
        "{:.3f}",
        "low",
        "continuous ranked probability score, gray levels; the mean error of one sample",
    ),
    Column("spread_skill", "spread/skill", "{:.3f}", "", "1 if the samples spread as they should"),
    *(
        Column(
            f"spread_skill_{component.lower()}_32",
            f"spread/skill {component} 32",
            "{:.3f}",
            "",
            f"the same of the means of {component} over squares of 32x32 pixels",
            brief=False,
        )
        for component in COMPONENTS
    ),
    *(
        Column(
            f"{band}_{component.lower()}",
            f"{band} {component}",
            "{:.2f}",
            "",
            f"amplitude of {component} at periods {periods}, relative to the original's (1 is "
            "right); geometric mean over the pictures",
            brief=band == "fine",
        )
        for band, periods in (("fine", "up to 8 pixels"), ("middle", "of 8 to 26 pixels"))
        for component in COMPONENTS
    ),
    Column(
        "equivalent",
        "equal quality",
        "{:.1f}",
        "high",
        "IJG quality of the plain JPEG files with the same SSIM (Ehrlich et al. 2020, B.3)",
        brief=False,
    ),
    Column("saved", "bytes saved", "{:.0f}", "high", "bytes that those have more", brief=False),
)


def used_columns(rows: Sequence[Row]) -> list[Column]:
    """The columns in which one of the rows has a figure, with those of frozen networks."""
    after = [column.key for column in COLUMNS].index("kid") + 1
    columns = (*COLUMNS[:after], *network_columns(rows), *COLUMNS[after:])
    return [column for column in columns if any(column.key in row.figures for row in rows)]


def network_columns(rows: Sequence[Row]) -> list[Column]:
    """Fréchet distances of features: a column for each network and stride in the rows."""
    columns = []
    for name, network in NETWORKS.items():
        for stride in network.judged:
            layer = f"{name}_{stride}"
            counts = {int(row.figures.get(f"positions_{layer}", 0)) for row in rows} - {0}
            if not counts:
                continue
            count = "-".join(map(str, sorted({min(counts), max(counts)})))
            unit = "" if network.unit == 1 else f" / {network.unit:.0f}"
            columns.append(
                Column(
                    f"frechet_{layer}",
                    f"{network.title} stride {stride} ({count})",
                    "{:.1f}" if network.unit == 1 else "{:.4f}",
                    "low",
                    f"Fréchet distance to the originals{unit}, features of {network.title} at "
                    f"stride {stride}, all {count} positions of all pictures",
                )
            )
    return columns


def best_rows(rows: Sequence[Row], column: Column) -> list[Row]:
    """The rows with the best figure of a column; none if no direction is better."""
    there = [row for row in rows if column.key in row.figures]
    if not column.better or len(there) < 2:
        return []
    pick = max if column.better == "high" else min
    best = column.form.format(pick(row.figures[column.key] for row in there))
    return [row for row in there if column.form.format(row.figures[column.key]) == best]
