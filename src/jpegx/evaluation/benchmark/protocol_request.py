"""A request as a protocol wants it: what the paper fixed, and the row of the JPEG. Needs no torch.

Options that contradict a protocol are refused rather than followed: its figures would stand beside
others that are not of their kind.
"""

from collections.abc import Set
from dataclasses import replace
from typing import Any

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.request import Request
from jpegx.evaluation.protocols.protocol import Protocol
from jpegx.sampling.spec import SamplerSpec

JPEG = "standard"  # whose row is that of the JPEG in a paper's table


class Contradiction(JpegxError):
    """An option that a protocol does not leave open. ``option``: its name on the command line."""

    def __init__(self, option: str, protocol: Protocol, wanted: str) -> None:
        super().__init__(
            f"--{option} contradicts --protocol {protocol.name}, which has {wanted} "
            f"({protocol.source}); leave it out"
        )


class Missing(JpegxError):
    """What a protocol needs, and is not given."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(f"--protocol {protocol.name} needs {'; '.join(protocol.needs)}")


def follow(protocol: Protocol, request: Request, named: Set[str]) -> Request:
    """The request with what the protocol fixes, and its values for options that are not given.

    ``named``: the fields that were given. The qualities may be some of the protocol's. The JPEG's
    own row always stands first, its chroma as in the paper. Raises Contradiction, Missing.
    """
    wanted = {name: value or None for name, value in protocol.fixed.items()}
    for name, value in wanted.items():
        if name in named and (getattr(request, name) or None) != value:
            raise Contradiction(name, protocol, _in_words(name, value))
    if "qualities" in named and not set(request.qualities) <= set(protocol.qualities):
        numbers = ", ".join(map(str, protocol.qualities))
        raise Contradiction("quality", protocol, f"the qualities {numbers}")
    for name in protocol.requires:
        if getattr(request, name) is None:
            raise Missing(protocol)
    if request.decoded and request.jpegs is None:
        raise Contradiction("decoded", protocol, "files of known qualities: give --jpegs too")
    values: dict[str, Any] = {
        **{name: value for name, value in protocol.preset.items() if name not in named},
        **{name: _default(name) if value is None else value for name, value in wanted.items()},
    }
    if "qualities" not in named:
        values["qualities"] = protocol.qualities
    request = replace(request, **values, protocol=protocol)
    return replace(request, models=_with_jpeg(request))


def _with_jpeg(request: Request) -> tuple[Any, ...]:
    own = SamplerSpec(JPEG, device=request.defaults.device, chroma=request.chroma)
    if not request.models and not request.decoded:
        return ()  # the defaults, among which it is
    others = [
        model
        for model in request.models
        if not (isinstance(model, SamplerSpec) and model.model == JPEG)
    ]
    return own, *others


def _default(name: str) -> Any:  # noqa: ANN401 (the value of any field)
    return Request.__dataclass_fields__[name].default


def _in_words(name: str, value: object) -> str:
    match name:
        case "gray":
            return "gray pictures" if value else "pictures in colour"
        case "crop":
            return f"crops of {value} pixels" if value else "whole pictures"
    return f"{name} {value}"
