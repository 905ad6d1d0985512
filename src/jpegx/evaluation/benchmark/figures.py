"""What is measured of one picture."""

from typing import Any

from torch import Tensor

from jpegx.consistency.recompress import recompress
from jpegx.evaluation.benchmark.context import Instruments
from jpegx.evaluation.benchmark.decoders import Task
from jpegx.metrics.band_energy import band_amplitudes, relative_amplitudes
from jpegx.metrics.calibration import Calibration
from jpegx.metrics.frequencies import nonzero_share
from jpegx.metrics.niqe import Niqe
from jpegx.metrics.psnr import luma, psnr
from jpegx.metrics.psnr_b import psnr_b
from jpegx.metrics.ssim import ssim
from jpegx.sampling.running_moments import Moments


def measure_picture(samples: Tensor, task: Task, instruments: Instruments) -> dict[str, Any]:
    """The figures of one original's pictures by one decoder, as JSON holds them.

    ``samples``: uint8 (n, C, H, W). Of the first one alone: PSNR, PSNR of the luma, SSIM with both
    windows, PSNR-B, amplitudes of bands relative to the original, the distances that were asked
    for, NIQE, share of non-zero coefficients, and if there is a file the consistency and the share
    of coefficients outside their cell. Of all: the state of their calibration, and if there are two
    or more the PSNR of their mean and their standard deviation (0 to 1, divided by n, as Man et al.
    2022 has it). What does not apply is left out.
    """
    picture, original = samples[0], task.original
    values: dict[str, Any] = {
        "samples": len(samples),
        "psnr": psnr(picture, original),
        "psnr_y": psnr(luma(picture), luma(original)),
        "ssim": ssim(picture, original, "gaussian"),
        "ssim_uniform": ssim(picture, original, "uniform"),
        "psnr_b": psnr_b(picture, original),
        "amplitudes": relative_amplitudes(band_amplitudes(picture), band_amplitudes(original)),
        **{key: paired.distance(picture, original) for key, paired in instruments.paired.items()},
        **measure_alone(picture, instruments.niqe),
    }
    if task.jpeg is not None:
        again = recompress(task.jpeg, picture.permute(1, 2, 0).contiguous().numpy())
        values |= {"consistency": again.rmse, "outside": again.share}
        values["bytes"] = task.jpeg.file_size
    calibration = Calibration(len(samples))
    calibration.add(samples, original)
    values["calibration"] = calibration.state()
    if len(samples) > 1:
        moments = Moments()
        for sample in samples:
            moments.add(sample)
        values["psnr_mean"] = psnr(moments.mean().round(), original)
        values["std"] = float(moments.std().mean()) / 255
    return values


def measure_alone(picture: Tensor, niqe: Niqe) -> dict[str, Any]:
    """The figures that need no original: NIQE, and the share of non-zero coefficients."""
    return {"niqe": niqe.score(picture), "nonzero": nonzero_share(picture)}
