"""Does up-sampling leave a grid? python tests/benchmarks/checkerboard.py ORIGINALS --model NAME...

The energy, in gray levels squared, of a model's sample at the frequencies (1/2, ·) and (·, 1/2)
cycles a pixel, where the original is smooth (Guo and Chao 2017, Fig. 8a): windows of 16x16 pixels
of luma whose standard deviation is at most 4. Beside it what lies at the other frequencies from 1/4
on: their ratio says how much marks every second pixel. Short trainings to compare, alike but for
shift-and-average, without any loss of pixels (export each):

    jpegx train --data DATA --recipe one-to-many --stand-in -o without --set adversarial.steps=400
        --set "generator.config={channels=1,features=32,branch=2,trunk=2,shift_and_average=false}"
        --set adversarial.quiet=0 --set adversarial.learning_rate=1e-3
        --set adversarial.critic.family=light --set "adversarial.critic.config={}"
        --set adversarial.losses.jpeg=100
"""

from io import BytesIO
from pathlib import Path

import click
import numpy as np
from PIL import Image

from jpegx.jpeg.file import read_jpeg
from jpegx.sampling.sampler import open_sampler
from jpegx.sampling.spec import SamplerSpec

WINDOW = 16
SMOOTH = 4.0


def windows(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W) in windows (n, 16, 16)."""
    rows, columns = (size // WINDOW for size in picture.shape)
    cut = picture[: rows * WINDOW, : columns * WINDOW]
    return cut.reshape(rows, WINDOW, columns, WINDOW).swapaxes(1, 2).reshape(-1, WINDOW, WINDOW)


def energies(patches: np.ndarray) -> tuple[float, float]:
    """Mean energy at the highest frequencies, and at the others from 1/4 on, per coefficient."""
    power = (np.abs(np.fft.fft2(patches)) ** 2).mean(axis=0) / WINDOW**2
    frequency = np.abs(np.fft.fftfreq(WINDOW))
    most = np.maximum(frequency[:, None], frequency)
    return float(power[most == 0.5].mean()), float(power[(most >= 0.25) & (most < 0.5)].mean())


@click.command()
@click.argument("originals", type=click.Path(exists=True, path_type=Path))
@click.option("--model", "models", multiple=True, required=True, metavar="NAME")
@click.option("--quality", default=5, show_default=True)
@click.option("--crop", default=256, show_default=True, help="Pixels each way of the centre.")
def main(originals: Path, models: tuple[str, ...], quality: int, crop: int) -> None:
    """Print a line for the originals, the JPEG files and each model."""
    samplers = {name: open_sampler(SamplerSpec.parse(name)) for name in ("standard", *models)}
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("originals", *samplers)}
    for path in sorted(originals.iterdir()):
        image = Image.open(path).convert("RGB")
        left, top = (max(0, (size - crop) // 2) for size in image.size)
        image = image.crop((left, top, left + crop, top + crop))
        source = windows(np.asarray(image.convert("L"), dtype=float))
        smooth = source.std(axis=(1, 2)) <= SMOOTH
        found["originals"].append(source[smooth])
        stream = BytesIO()
        image.save(stream, "JPEG", quality=quality)
        jpeg = read_jpeg(stream.getvalue())
        for name, sampler in samplers.items():
            drawn = next(sampler.sample(jpeg, 1, 0)).numpy()
            luma = np.tensordot([0.299, 0.587, 0.114], drawn, 1) if len(drawn) == 3 else drawn[0]
            found[name].append(windows(luma)[smooth])
    print(f"{'':<28}{'windows':>8}{'at 1/2':>10}{'1/4 to 1/2':>12}{'ratio':>8}")
    for name, patches in found.items():
        highest, others = energies(np.concatenate(patches))
        count = sum(map(len, patches))
        print(f"{name:<28}{count:>8}{highest:>10.3f}{others:>12.3f}{highest / others:>8.2f}")


if __name__ == "__main__":
    main()
