"""What samples are to be drawn from, in words: a name and options. Needs no torch."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Literal, Self, get_args

from jpegx.errors import JpegxError
from jpegx.models import zoo
from jpegx.models.card import MAX_TEMPERATURE

Precision = Literal["auto", "float32", "bfloat16", "int8"]
Chroma = Literal["smooth", "replicated"]
MOST_SAMPLES = 9999  # that a mean is taken of

# What stands before the colon of what is not a model of jpegx: a program, a network of spandrel's.
COMMAND, RESTORER = "command", "restorer"
WITHOUT_WEIGHTS = ("laplace", "standard")

_BEHIND_NAMES = ("chroma", "mean")  # options that can be given behind the name of a model only
DEVICES = "auto, cpu, cuda or cuda:N"
_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,2})?")
# NAME or FILE, then what may be options; a file may have a colon in its name.
_WITH_OPTIONS = re.compile(r"(.+?):([a-z-]+=(?:cuda:|[^:/])*)", re.DOTALL)


class BadSpec(JpegxError):
    """Options behind the name of a model that cannot be read."""


class MeaninglessOption(JpegxError):
    """An option that means nothing for a model. ``hint``: where it was given.

    ``advice``: what else can be done than to leave it out.
    """

    def __init__(self, model: str, option: str, reason: str, advice: str | None = None) -> None:
        shown = f"{option}=" if option in _BEHIND_NAMES else f"--{option}"
        other = "" if advice is None else f"{advice}, or "
        super().__init__(f"{model}: {reason}; {other}leave out {shown}")
        self.hint = "--model" if option in _BEHIND_NAMES else shown


@dataclass(frozen=True)
class SamplerSpec:
    """What samples are drawn from, and how: few words, which can be sent to another process.

    ``model``: "laplace", "standard", the name of installed weights, a safetensors file, another
    program as "command:WORDS", or a restorer's safetensors file as "restorer:FILE".
    ``device``: where to compute, "auto", "cpu", "cuda" or one of several GPUs as "cuda:1".
    ``precision``: number type of a network. ``temperature``: strength of its noise, None for what
    the card of the weights says. ``self_ensemble``: a regression's picture is the mean of those of
    the file and its mirror images. ``chroma``: how "standard"
    enlarges it: "smooth" (libjpeg's own way, also for None), or "replicated", pixel by pixel, as
    the JPEG of many papers is measured. ``mean``: the picture is the mean of so many samples.
    Raises BadSpec for what is none of these.
    """

    model: str
    device: str = "auto"
    precision: Precision = "auto"
    temperature: float | None = None
    self_ensemble: bool = False
    chroma: Chroma | None = None
    mean: int | None = None

    def __post_init__(self) -> None:
        _place(self.model, self.device)
        _one_of(self.model, "precision", self.precision, get_args(Precision))
        if self.chroma is not None:
            _one_of(self.model, "chroma", self.chroma, get_args(Chroma))
        if self.mean is not None:
            _count(self.model, str(self.mean))
        if self.temperature is not None:
            _temperature(self.model, str(self.temperature))

    @classmethod
    def parse(cls, text: str, **others: object) -> Self:
        """The spec of ``NAME[:key=value,...]``, with ``others`` for what the text does not say.

        Keys are those of the options of ``jpegx decode``: device, precision, temperature,
        self-ensemble (yes or no); mean; and chroma, for "standard". Raises BadSpec.
        """
        found = None if text.startswith(f"{COMMAND}:") else _WITH_OPTIONS.fullmatch(text)
        model, given = found.groups() if found else (text, "")
        spec = cls(model)
        return replace(spec, **{**others, **_options(text, given)})  # type: ignore[arg-type]

    @property
    def other(self) -> tuple[str, str] | None:
        """What is not a model of jpegx: COMMAND or RESTORER, and its words or its file."""
        kind, colon, text = self.model.partition(":")
        return (kind, text) if kind in (COMMAND, RESTORER) and colon else None

    @property
    def memory(self) -> int:
        """Bytes that a job of its own takes at 12 megapixels (tests/benchmarks/job_memory.py).

        What all jobs share, PyTorch's code, is not counted.
        """
        if self.other is not None and self.other[0] == RESTORER:
            return 2 << 30
        return 600 << 20 if self.other is not None or self.model in WITHOUT_WEIGHTS else 7 << 28

    @property
    def label(self) -> str:
        """What tables, captions and logs call it: the model, "+" for a self-ensemble, the rest."""
        if self.other is not None:
            kind, text = self.other
            return Path(text.split()[0] if kind == COMMAND and text.split() else text).stem
        named = self.model.endswith(zoo.SUFFIX) or os.sep in self.model
        stem = Path(self.model).stem if named else self.model
        told = {
            "temperature": self.temperature,
            "precision": self.precision,
            "chroma": self.chroma,
            "mean": self.mean,
        }
        other = [f"{key}={value}" for key, value in told.items() if value not in (None, "auto")]
        plus = "+" if self.self_ensemble else ""
        return stem + plus + (f":{','.join(other)}" if other else "")

    def refuse(self, reason: str, *names: str) -> None:
        """Raise MeaninglessOption if one of these options is given; ``reason``: why it may not."""
        for name in names:
            field = next(f for f in fields(self) if f.name == name)
            if getattr(self, name) != field.default:
                raise MeaninglessOption(self.model, name.replace("_", "-"), reason)


def default_model() -> str:
    """The best installed weights, or "laplace" if there are none."""
    return zoo.default() or "laplace"


def _options(text: str, given: str) -> Mapping[str, object]:
    options: dict[str, object] = {}
    for pair in filter(None, given.split(",")):
        key, _, value = pair.partition("=")
        match key:
            case "temperature":
                options[key] = _temperature(text, value)
            case "precision":
                options[key] = _one_of(text, key, value, get_args(Precision))
            case "device":
                options[key] = _place(text, value)
            case "mean":
                options[key] = _count(text, value)
            case "chroma":
                options[key] = _one_of(text, key, value, get_args(Chroma))
            case "self-ensemble":
                options["self_ensemble"] = _one_of(text, key, value, ("yes", "no")) == "yes"
            case _:
                keys = "temperature, precision, device, self-ensemble, chroma, mean"
                raise BadSpec(f"{text}: unknown option {key!r}; there are {keys}")
    return options


def _temperature(text: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not (isfinite(number) and 0 <= number <= MAX_TEMPERATURE):
        raise BadSpec(f"{text}: temperature must be a number from 0 to {MAX_TEMPERATURE:g}")
    return number


def _count(text: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and 2 <= int(value[:5]) <= MOST_SAMPLES):
        raise BadSpec(f"{text}: mean must be a number of samples from 2 to {MOST_SAMPLES}")
    return int(value)


def is_device(value: str) -> bool:
    """Whether these are the words for a device, one that is there or not."""
    return _DEVICE.fullmatch(value) is not None


def _place(text: str, value: str) -> str:
    if not is_device(value):
        raise BadSpec(f"{text}: device must be {DEVICES}")
    return value


def _one_of(text: str, key: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise BadSpec(f"{text}: {key} must be one of {', '.join(choices)}")
    return value
