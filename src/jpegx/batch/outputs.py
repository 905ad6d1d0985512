"""What is written where: the names of the pictures, and that no file is overwritten unasked."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jpegx.errors import JpegxError
from jpegx.io.inputs import Input, split_suffix

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
PICTURES = TIFF_SUFFIXES | {".png"}

Existing = Literal["refuse", "overwrite", "skip"]


class OutputExists(JpegxError):
    """A picture would replace a file that is there already."""


@dataclass(frozen=True)
class Outputs:
    """The files that one input becomes: its samples in order, and what else was asked for."""

    samples: tuple[Path, ...]
    mean: Path | None
    std_map: Path | None

    def __iter__(self) -> Iterator[Path]:
        yield from self.samples
        yield from (path for path in (self.mean, self.std_map) if path is not None)


def is_picture(output: Path) -> bool:
    """True if an output is the name of a PNG or TIFF file, not of a folder."""
    return bool(_split(output.name)[1]) and not output.is_dir()


def name_outputs(
    source: Input,
    output: Path | None,
    samples: int,
    *,
    mean: bool,
    std_map: bool,
    suffix: str = ".png",
) -> Outputs:
    """The files that an input becomes: x.png for one sample, x_0.png, x_1.png ... for more.

    From 11 samples on the numbers have leading zeros, so that the names sort. The posterior mean
    is x_mean.png, the per-pixel standard deviation x_std.png. Without ``output`` they are beside
    the input; ``output`` is a folder, or (``is_picture``) a file itself, which names them all. Only
    endings that say JPEG are cut off: scan.1 and scan.2 are scan.1.png and scan.2.png. ``suffix``:
    what pictures end with where the output does not say it; the deviation is a PNG in any case.
    """
    if output is not None and is_picture(output):
        folder = output.parent
        stem, suffix = _split(output.name)
    else:
        path = source.path if output is None else output / source.relative
        folder, stem = path.parent, split_suffix(path.name)[0]

    def named(ending: str, suffix: str = suffix) -> Path:
        return folder / f"{stem}{ending}{suffix}"

    digits = len(str(samples - 1))
    endings = [""] if samples == 1 else [f"_{index:0{digits}}" for index in range(samples)]
    return Outputs(
        tuple(named(ending) for ending in endings),
        named("_mean") if mean else None,
        named("_std", suffix if _split(f"x{suffix}")[1].lower() == ".png" else ".png")
        if std_map
        else None,
    )


def _split(name: str) -> tuple[str, str]:
    return split_suffix(name, PICTURES)


def plan_outputs(
    sources: Sequence[Input],
    output: Path | None,
    samples: int,
    *,
    mean: bool,
    std_map: bool,
    failed: Callable[[str], None],
    suffix: str = ".png",
) -> list[tuple[Input, Outputs]]:
    """Each input with its outputs, so that no file is written twice and no input is replaced.

    An input whose outputs are also another's, or are themselves inputs, is left out and told to
    ``failed`` in one line.
    """
    owners: dict[str, str] = {}
    for source in sources:
        if source.stream is None:
            for place in (_place(source.path), os.path.realpath(source.path)):
                owners[place] = "an input itself"
    plan = []
    for source in sources:
        outputs = name_outputs(source, output, samples, mean=mean, std_map=std_map, suffix=suffix)
        folder = os.path.realpath(outputs.samples[0].parent)
        places = {os.path.join(folder, path.name): path for path in outputs}
        taken = next((place for place in places if place in owners), None)
        if taken is not None:
            failed(
                f"{source.name}: {places[taken]} is {owners[taken]}; "
                "keep their folders with --relative-to, or decode it with another -o"
            )
            continue
        owners.update(dict.fromkeys(places, f"already the output of {source.name}"))
        plan.append((source, outputs))
    return plan


def to_write(outputs: Outputs, existing: Existing, name: str) -> frozenset[Path]:
    """Those of the outputs that are to be written; none of them means that all are there.

    Raises OutputExists if one exists and existing files are refused.
    """
    if existing == "overwrite":
        return frozenset(outputs)
    there = [path for path in outputs if os.path.lexists(path)]
    if there and existing == "refuse":
        raise OutputExists(f"{name}: {there[0]} exists (use --overwrite or --skip-existing)")
    return frozenset(outputs) - frozenset(there)


def _place(path: Path) -> str:
    """One spelling for a file, however its folder was reached; a link stands for itself."""
    return os.path.join(os.path.realpath(path.parent), path.name)
