"""jpegx in Python: functions, on files and arrays.

Files are what :func:`read_jpeg` returns, or what it reads. Pictures are NumPy arrays (height,
width, channels) in gray levels, 0 to 255, what NumPy makes such arrays of (Pillow's images,
tensors), or names of files. Every error of jpegx is a JpegxError, one line for the user.
"""

import tempfile
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import TextIOBase
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from jpegx.consistency.causes import Causes
from jpegx.consistency.compare import VerifyReport
from jpegx.consistency.given_picture import Picture, judge_picture, take_picture
from jpegx.errors import PictureMismatch, check_whole
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.file import read_jpeg as read
from jpegx.jpeg.reader.limits import DEFAULT_MAX_PIXELS
from jpegx.sampling.spec import SamplerSpec, default_model

if TYPE_CHECKING:  # reading and verifying need no torch
    import torch

    from jpegx.sampling.callable_sampler import Function
    from jpegx.sampling.sampler import Sampler

Source = str | PathLike[str] | bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True)
class Samples:
    """Samples of one file.

    ``pictures``: uint8 (samples, height, width, channels), RGB or of a gray file one channel.
    ``different``: for each of them the coefficients, of ``total``, that re-encode to another
    integer than the file's; 0 is exact. ``consistency_rmse``: of each, gray levels (Man et al.
    2022, Eq. 1).
    """

    pictures: np.ndarray
    different: tuple[int, ...]
    total: int
    consistency_rmse: tuple[float, ...]

    @property
    def exact(self) -> bool:
        """Whether every one of them, encoded again, gives the file's own coefficients."""
        return not any(self.different)

    @property
    def mean(self) -> np.ndarray:
        """Their mean, float32 (height, width, channels), gray levels.

        It is not consistent as it is: :func:`project` makes it so.
        """
        mean: np.ndarray = self.pictures.mean(axis=0, dtype=np.float32)
        return mean

    @property
    def std(self) -> np.ndarray:
        """Per-pixel standard deviation, float32 (height, width), gray levels; mean of the channels.

        Divided by the number of samples (Man et al. 2022, Eq. 15). Raises ValueError if there is
        only one.
        """
        if len(self.pictures) < 2:
            raise ValueError("a standard deviation needs two samples")
        std: np.ndarray = self.pictures.std(axis=0, dtype=np.float32).mean(axis=-1)
        return std


@dataclass(frozen=True)
class Projected:
    """A picture made consistent with a file.

    ``pixels``: uint8 (height, width, channels), RGB or gray. ``different`` of ``total``
    coefficients re-encode to another integer than the file's (0: exact), by ``causes``.
    ``rmse_added``: gray levels beyond the plain projection of Man et al. 2022, Eq. 11; rounding
    makes 0.29. ``rmse_moved``: between pixels and picture. ``outside``: coefficients that were.
    """

    pixels: np.ndarray
    different: int
    total: int
    causes: Causes
    rmse_added: float
    rmse_moved: float
    outside: int

    @property
    def exact(self) -> bool:
        """Whether the pixels, encoded again, give the file's own coefficients."""
        return self.different == 0


def read_jpeg(
    source: Source, *, strict: bool = False, max_pixels: int = DEFAULT_MAX_PIXELS
) -> QuantizedJpeg:
    """A JPEG file down to its quantized coefficients, tables, layout and metadata.

    ``source``: a name, the file's bytes, or a binary stream; TypeError for anything else.
    ``strict``: refuse damaged files, which else are read as far as they go, with ``warnings`` that
    say what is missing. Raises UnreadableJpeg, UnsupportedJpeg (CMYK, 12-bit, more than
    ``max_pixels``), JpegxError.
    """
    known: Path | bytes | BinaryIO
    if isinstance(source, str | PathLike):
        known = Path(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        known = bytes(source)
    elif callable(getattr(source, "read", None)) and not isinstance(source, TextIOBase):
        known = source
    else:
        kind = type(source).__name__
        raise TypeError(f"a {kind}; give the name of a JPEG file, its bytes, or a binary stream")
    return read(known, strict=strict, max_pixels=max_pixels)


def open_sampler(
    model: "str | PathLike[str] | SamplerSpec | torch.nn.Module | Function | None" = None,
    *,
    name: str | None = None,
    **options: Any,  # noqa: ANN401 (the fields of a SamplerSpec)
) -> "Sampler":
    """What samples are drawn from, opened once for many files.

    ``model``: as of ``jpegx decode --model`` (installed weights, a safetensors file, "laplace",
    "standard"; None for the default), also with options behind it, ``general:temperature=0.5``; or
    a network or function of your own, as :class:`CallableSampler` calls it, with the ``name`` that
    tables are to show. ``options``: ``device``, ``precision``, ``temperature``, ``self_ensemble``
    of :class:`SamplerSpec`, for models of jpegx.

    Raises JpegxError if there is no such model, its file is bad or an option means nothing for it;
    TypeError for an option that does not exist, or that a function of your own is given, and for a
    model that is none of these.
    """
    from jpegx.sampling import sampler
    from jpegx.sampling.callable_sampler import CallableSampler

    if isinstance(model, PathLike):
        model = str(Path(model))
    if not isinstance(model, str | SamplerSpec | None):
        if isinstance(model, type) or not callable(model):
            kind = f"{model!r}" if isinstance(model, type) else f"a {type(model).__name__}"
            raise TypeError(f"model: {kind} is neither a model nor a function")
        if options:
            raise TypeError(f"{', '.join(options)}: means nothing for a function of your own")
        own: str = getattr(model, "__name__", type(model).__name__)
        return CallableSampler(model, name or own)
    if name is not None:
        raise TypeError("name is for functions of your own; models of jpegx have their names")
    if isinstance(model, SamplerSpec):
        if options:
            raise TypeError(f"{', '.join(options)}: the spec says what there is to say")
        return sampler.open_sampler(model)
    return sampler.open_sampler(SamplerSpec.parse(model or default_model(), **options))


def decode(
    jpeg: QuantizedJpeg | Source,
    model: "Sampler | str | PathLike[str] | SamplerSpec | torch.nn.Module | Function | None" = None,
    *,
    samples: int = 1,
    seed: int = 0,
    project: bool = True,
) -> Samples:
    """Images that a file could have come from.

    ``model``: what :func:`open_sampler` returns or opens. ``project``: make each exact.
    The same seed gives the same pictures; sample i does not depend on how many there are. Raises
    what :func:`read_jpeg` and :func:`open_sampler` raise, ValueError for no samples or a seed below
    0, TypeError for either that is no whole number.
    """
    from jpegx.sampling import decoding
    from jpegx.sampling.sampler import Sampler

    check_whole("samples", samples, least=1)
    check_whole("seed", seed, least=0)
    opened = model if isinstance(model, Sampler) else open_sampler(model)
    found = decoding.decode(
        _read(jpeg), opened, samples=samples, seed=seed, project=project, mean=False, std_map=False
    )
    pictures = list(found.pictures)
    return Samples(
        np.stack([picture.pixels for picture in pictures]),
        tuple(picture.different for picture in pictures),
        pictures[0].total,
        tuple(picture.consistency_rmse for picture in pictures),
    )


def project(jpeg: QuantizedJpeg | Source, picture: Picture) -> Projected:
    """The picture near another one that, encoded again, gives the file's own coefficients.

    ``picture``: of any program, of the file's size; real numbers need be neither rounded nor
    clipped. Raises what :func:`read_jpeg` raises, UnreadablePicture, and PictureMismatch if it is
    of another size.
    """
    from jpegx.sampling.projecting import PictureProjector

    file = _read(jpeg)
    moved = PictureProjector(file)(take_picture(picture, file.layout))
    return Projected(
        np.asarray(moved.pixels),
        moved.different,
        moved.total,
        moved.causes,
        moved.rmse_added or 0.0,
        moved.rmse,
        moved.outside,
    )


def verify(
    jpeg: QuantizedJpeg | Source, picture: Picture, *, certify: bool = False, slack: float = 0.0
) -> VerifyReport:
    """Whether a picture could have been the source of a file: libjpeg's own answer.

    ``picture``: 8 bits a channel, or a file that ``jpegx verify`` takes. ``certify``: look
    everywhere for a proof that none is exact where this one differs, up to a second a unit.
    ``slack``: steps allowed beyond the cells. Raises what :func:`read_jpeg` raises,
    UnreadablePicture, PictureMismatch: it is of another size or depth.
    """
    file = _read(jpeg)
    taken = take_picture(picture, file.layout)
    if isinstance(taken, np.ndarray) and taken.dtype.kind == "f":
        raise PictureMismatch(
            "a picture of real numbers; verify takes 8 bits a channel (uint8), project any numbers"
        )
    return judge_picture(file, taken, certify=certify, slack=slack)


def evaluate(
    originals: str | PathLike[str],
    models: "Sequence[Sampler | str | PathLike[str] | SamplerSpec | torch.nn.Module | Function]",
    *,
    qualities: Sequence[int] = (5, 10, 20, 40),
    samples: int = 8,
    seed: int = 0,
    output: str | PathLike[str] | None = None,
) -> list[dict[str, Any]]:
    """Perception, consistency, distortion and calibration of samplers on a folder of originals.

    The originals are compressed with libjpeg at each quality (4:2:0), and each model, what
    :func:`open_sampler` returns or opens, is measured without and with projection. ``output``: a
    folder for results.json, results.csv and report.html; it goes on with what is in it. Returns a
    row for each model and quality, after that of the originals: "data_set", "quality", "decoder",
    and figures by the names of results.csv. Of pictures that fail it warns. Raises JpegxError for
    no originals, bad models, files of others in the folder; ValueError, TypeError for bad numbers.
    """
    from jpegx.evaluation.benchmark.context import Context
    from jpegx.evaluation.benchmark.plan import make_plan
    from jpegx.evaluation.benchmark.request import Request
    from jpegx.evaluation.benchmark.runner import evaluate as measure
    from jpegx.evaluation.benchmark.store import Store
    from jpegx.evaluation.report.page import NoMatplotlib
    from jpegx.evaluation.report.results import refuse_foreign, write_files
    from jpegx.sampling.sampler import Sampler

    check_whole("samples", samples, least=1)
    check_whole("seed", seed, least=0)
    if isinstance(models, str | PathLike) or not isinstance(qualities, Iterable):
        raise TypeError("models and qualities: lists of them, also of one")
    qualities = tuple(qualities)
    if not qualities:
        raise ValueError("qualities: at least one")
    for quality in qualities:
        check_whole("qualities", quality, least=1, most=100)
    opened = tuple(m if isinstance(m, Sampler) else open_sampler(m) for m in models)
    request = Request((Path(originals),), opened, qualities=qualities, samples=samples, seed=seed)
    plan = make_plan(request)
    with ExitStack() as stack:
        folder = output or stack.enter_context(tempfile.TemporaryDirectory(prefix="jpegx-"))
        refuse_foreign(Path(folder))
        store = Store(Path(folder))
        context = Context(request, plan.instruments, store, lambda what: None, _warn)
        rows = list(measure(plan, context))
        if output is not None:
            try:
                write_files(Path(output), plan, rows, store)
            except NoMatplotlib as error:
                _warn(str(error))
    told = ("data_set", "quality", "decoder")
    return [{key: getattr(row, key) for key in told} | row.figures for row in rows]


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=3)


def _read(jpeg: QuantizedJpeg | Source) -> QuantizedJpeg:
    return jpeg if isinstance(jpeg, QuantizedJpeg) else read_jpeg(jpeg)
