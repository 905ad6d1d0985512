"""What is written where: the names of the pictures, and that no file is overwritten unasked."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from jpegx.errors import JpegxError
from jpegx.io.formats import OF_SUFFIX
from jpegx.io.inputs import Input, split_suffix
from jpegx.io.paths import is_folder
from jpegx.io.seen import Seen

Existing = Literal["refuse", "overwrite", "skip"]

FIELDS = ("dir", "stem", "sample", "ext", "model", "seed")
_FIELD = re.compile(r"\{(\w*)\}")
_JPEG = b"\xff\xd8"
_RECENT = 1 << 12  # owners of outputs that are known by name


class OutputExists(JpegxError):
    """A picture would replace a file that is there already."""


class BadTemplate(JpegxError):
    """A template for the names of outputs that cannot be filled in."""


@dataclass(frozen=True)
class Outputs:
    """The files that one input becomes: its samples in order, and what else was asked for."""

    samples: tuple[Path, ...]
    mean: Path | None
    std_map: Path | None

    def __iter__(self) -> Iterator[Path]:
        yield from self.samples
        yield from (path for path in (self.mean, self.std_map) if path is not None)


def is_template(output: str) -> bool:
    """True if an output is a template of names: it has one of its fields."""
    return any(name in FIELDS for name in _FIELD.findall(output))


def is_picture(output: Path) -> bool:
    """True if an output is the name of a picture file, not of a folder or of many."""
    name = str(output)
    return bool(_split(output.name)[1]) and not is_template(name) and not is_folder(output)


@dataclass(frozen=True)
class Naming:
    """How the files are called that inputs become.

    x.png for one sample, x_0.png, x_1.png ... for more; from 11 samples on the numbers have leading
    zeros, so that the names sort. The posterior mean is x_mean.png, the per-pixel standard
    deviation x_std.png. Without ``output`` they are beside the input; ``output`` is a folder, or
    (``is_picture``) a file itself, which names them all, or a template with FIELDS in braces. Only
    endings that say JPEG are cut off: scan.1 and scan.2 are scan.1.png and scan.2.png. ``suffix``:
    what pictures end with where the output does not say it; the deviation is a PNG in any case.
    ``words``: the model and the seed, for templates. Raises BadTemplate.
    """

    output: Path | None
    samples: int
    mean: bool = False
    std_map: bool = False
    suffix: str = ".png"
    words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        template = self._template
        if template is None:
            return
        unknown = [name for name in _FIELD.findall(template) if name not in FIELDS]
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise BadTemplate(f"{{{unknown[0]}}} means nothing; there are {known}")
        if self.samples > 1 and "{sample}" not in template:
            raise BadTemplate("more than one sample needs {sample} in the template")
        if "{stem}" not in template:
            raise BadTemplate("pictures of different files need {stem} in the template")
        ending = template.rpartition(".")[2]
        if ending != "{ext}" and OF_SUFFIX.get(f".{ending}") != OF_SUFFIX[self.suffix.lower()]:
            raise BadTemplate(f"let the template end in .{{ext}} or {self.suffix}")
        if self.std_map and not template.endswith(("{ext}", "png")):
            raise BadTemplate("the map is a PNG file: let the template end in .{ext}")

    @property
    def _template(self) -> str | None:
        return str(self.output) if self.output and is_template(str(self.output)) else None

    def of(self, source: Input) -> Outputs:
        """The files that an input becomes."""
        digits = len(str(self.samples - 1))
        numbers = [f"{index:0{digits}}" for index in range(self.samples)]
        name = self._filled if self._template else self._beside_or_below
        return Outputs(
            tuple(name(source, number, self.suffix) for number in numbers),
            name(source, "mean", self.suffix) if self.mean else None,
            name(source, "std", ".png") if self.std_map else None,
        )

    @cached_property
    def _is_file(self) -> bool:
        return self.output is not None and is_picture(self.output)

    def _beside_or_below(self, source: Input, number: str, suffix: str) -> Path:
        output = self.output
        if output is not None and self._is_file:
            folder = output.parent
            stem, own = _split(output.name)
            suffix = own if OF_SUFFIX[own.lower()] == OF_SUFFIX[suffix] else suffix
        else:
            path = source.path if output is None else output / source.relative
            folder, stem = path.parent, split_suffix(path.name)[0]
        ending = "" if self.samples == 1 and number == "0" else f"_{number}"
        return folder / f"{stem}{ending}{suffix}"

    def _filled(self, source: Input, number: str, suffix: str) -> Path:
        values = {
            "dir": str(source.path.parent),
            "stem": split_suffix(source.relative.name)[0],
            "sample": number,
            "ext": suffix[1:],
            **{key: value.replace("/", "_") for key, value in self.words.items()},
        }
        return Path(_FIELD.sub(lambda found: values[found[1]], self._template or ""))


def _split(name: str) -> tuple[str, str]:
    return split_suffix(name, frozenset(OF_SUFFIX))


def plan_outputs(
    sources: Iterable[Input], naming: Naming, *, overwrite: bool, failed: Callable[[str], None]
) -> Iterator[tuple[Input, Outputs]]:
    """Each input with its outputs, so that no file is written twice and no JPEG file is replaced.

    An input whose outputs are also another's, or with ``overwrite`` are JPEG files themselves, is
    left out and told to ``failed`` in one line.
    """
    written = Seen()
    owners: dict[str, str] = {}
    for source in sources:
        outputs = naming.of(source)
        places = {_place(path): path for path in outputs}
        taken = next((place for place in places if place in written), None)
        if taken is not None:
            owner = owners.get(taken, "another input")
            failed(
                f"{source.name}: {places[taken]} is already the output of {owner}; "
                "keep their folders with --relative-to, or decode it with another -o"
            )
            continue
        replaced = next((path for path in outputs if overwrite and is_jpeg(path)), None)
        if replaced is not None:
            failed(f"{source.name}: {replaced} is a JPEG file itself; decode it with another -o")
            continue
        for place in places:
            written.add(place)
            owners[place] = source.name
        while len(owners) > _RECENT:
            del owners[next(iter(owners))]
        yield source, outputs


def is_jpeg(path: Path) -> bool:
    """Whether a file is there that begins as JPEG files do: none of ours, but somebody's photo."""
    try:
        with path.open("rb") as stream:
            return stream.read(2) == _JPEG
    except OSError:
        return False


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
    return os.path.join(_real(path.parent), path.name)


@lru_cache(maxsize=256)
def _real(folder: Path) -> str:
    return os.path.realpath(folder)
