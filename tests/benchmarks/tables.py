"""Markdown tables of an evaluation: python tests/benchmarks/tables.py OUT/results.csv."""

import csv
from pathlib import Path

import click

DECODERS = ("standard", "laplace", "regression", "general", "general projected")
COLUMNS = {
    "psnr": ("PSNR", "{:.2f}"),
    "psnr_mean": ("of mean", "{:.2f}"),
    "ssim_uniform": ("SSIM 8x8", "{:.3f}"),
    "psnr_b": ("PSNR-B", "{:.2f}"),
    "consistency": ("consistency", "{:.2f}"),
    "outside": ("outside %", "{:.2%}"),
    "std": ("std", "{:.4f}"),
    "swd": ("SWD", "{:.1f}"),
    "swd_fine": ("SWD fine", "{:.1f}"),
    "niqe": ("NIQE", "{:.2f}"),
    "crps": ("CRPS", "{:.2f}"),
    "spread_skill": ("spread/skill", "{:.2f}"),
}


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
@click.option("--decoder", "decoders", multiple=True, default=DECODERS, help="Again for more.")
def main(results: Path, decoders: tuple[str, ...]) -> None:
    """Print one table for each data set: the decoders, by default the README's; the originals."""
    with results.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    titles = ["quality", "decoder", *(title for title, _ in COLUMNS.values())]
    for name in dict.fromkeys(row["data_set"] for row in rows):
        click.echo(f"\n{name}\n\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
        for row in rows:
            if row["data_set"] == name and row["decoder"] in (*decoders, "originals"):
                values = [
                    form.format(float(row[key])) if row.get(key) else ""
                    for key, (_, form) in COLUMNS.items()
                ]
                click.echo(f"| {row['quality']} | {row['decoder']} | {' | '.join(values)} |")


if __name__ == "__main__":
    main()
