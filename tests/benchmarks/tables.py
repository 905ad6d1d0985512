"""Markdown tables of an evaluation, as the guide has them.

    python tests/benchmarks/tables.py OUT/results.csv [--by-set] [--columns "PSNR,SSIM 8x8,NIQE"]

One table for each data set and quality; with --by-set one for each data set, of all qualities.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import click

from jpegx.models.checkpoint_header import read_header
from jpegx.models.zoo import TRUNKS, installed

Row = dict[str, str]
LITE, VGG = "frechet_efficientnet-lite0", "frechet_vgg16"
# What of a row a column holds, and how it is written.
COLUMNS: dict[str, tuple[tuple[str, ...], str]] = {
    "PSNR": (("psnr",), "{:.2f}"),
    "PSNR of mean": (("psnr_mean",), "{:.2f}"),
    "SSIM 8x8": (("ssim_uniform",), "{:.3f}"),
    "PSNR-B": (("psnr_b",), "{:.2f}"),
    "consistency": (("consistency",), "{:.2f}"),
    "outside %": (("outside",), "{:.2%}"),
    "std": (("std",), "{:.4f}"),
    "EfficientNet-Lite0 4, 8, 16": ((f"{LITE}_4", f"{LITE}_8", f"{LITE}_16"), "{:.0f}"),
    "VGG-16 2, 4 (/ 10⁴)": ((f"{VGG}_2", f"{VGG}_4"), "{:.3f}"),
    "fine Y, Cb, Cr": (("fine_y", "fine_cb", "fine_cr"), "{:.2f}"),
    "SWD": (("swd",), "{:.1f}"),
    "SWD fine": (("swd_fine",), "{:.1f}"),
    "NIQE": (("niqe",), "{:.2f}"),
    "CRPS": (("crps",), "{:.2f}"),
    "spread/skill": (("spread_skill",), "{:.2f}"),
}
SHOWN = (
    "PSNR,PSNR of mean,EfficientNet-Lite0 4; 8; 16,VGG-16 2; 4 (/ 10⁴),fine Y; Cb; Cr,SWD,NIQE,"
    "CRPS,spread/skill"
)


def cell(row: Row, title: str) -> str:
    """What a row has in a column; empty where nothing was measured."""
    keys, form = COLUMNS[title]
    values = [row.get(key) for key in keys]
    return ", ".join(form.format(float(v)) for v in values if v) if all(values) else ""


def called(row: Row, *, mixed: bool) -> str:
    """What a table calls a row's decoder; ``mixed``: it has some projected, some not."""
    decoder, exact, _ = row["decoder"].partition(" projected")
    if decoder == "originals" or decoder.endswith("(published)"):
        return decoder
    name, _, options = decoder.partition(":")
    told = [option.replace("=", " ").removesuffix(".0") for option in options.split(",") if option]
    if name in installed() and name not in TRUNKS and "temperature" not in options:
        temperature = read_header(installed()[name]).card.get("temperature")
        told += [] if temperature is None else [f"temperature {temperature}"]
    if name == "standard":
        return "the JPEG, made exact" if exact else "the JPEG"
    told += ["projected"] if mixed and exact else []
    return f"`{name}`" + (f" ({', '.join(told)})" if told else "")


def table(rows: Sequence[Row], titles: Sequence[str], *, qualities: bool) -> str:
    """The rows in Markdown, with a column of their qualities or without."""
    mixed = len({"projected" in row["decoder"] for row in rows if row["quality"]}) > 1
    heads = [*(["quality"] if qualities else []), "decoder", *titles]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row in rows:
        cells = [called(row, mixed=mixed), *(cell(row, title) for title in titles)]
        lines.append(f"| {' | '.join([row['quality'], *cells] if qualities else cells)} |")
    return "\n".join(lines)


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
@click.option("--columns", default=SHOWN, help="Their titles; ; stands for a comma in one.")
@click.option("--by-set", is_flag=True, help="One table for each data set, of all qualities.")
def main(results: Path, columns: str, by_set: bool) -> None:
    """Print the tables."""
    titles = [title.replace(";", ",") for title in columns.split(",")]
    with results.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for name in dict.fromkeys(row["data_set"] for row in rows):
        own = [row for row in rows if row["data_set"] == name]
        if by_set:
            click.echo(f"\n**{name}**\n\n{table(own, titles, qualities=True)}")
            continue
        for quality in dict.fromkeys(row["quality"] for row in own if row["quality"]):
            chosen = [row for row in own if row["quality"] in ("", quality)]
            click.echo(f"\n**{name}, quality {quality}**\n")
            click.echo(table(chosen, titles, qualities=False))


if __name__ == "__main__":
    main()
