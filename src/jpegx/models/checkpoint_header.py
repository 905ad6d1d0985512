"""The header of a checkpoint: which generator it holds. Read without the tensors, and no torch."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from jpegx.errors import JpegxError
from jpegx.io.failures import reason_of
from jpegx.io.paths import is_pipe_or_device

MAX_HEADER_BYTES = 8 << 20  # the largest generator has some thousand tensors, 100 bytes each
FORMAT = "jpegx 1"
# How files begin that people take for weights: pickles by protocol, zip (torch.save).
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


class BadCheckpoint(JpegxError):
    """A file of weights that cannot be used; the message is one line that begins with its name."""


@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says about itself.

    ``family``, ``config``: what the generator is built from. ``card``: what people should know
    (data, recipe, steps, seed, figures, licence). ``shapes``: of each tensor by name. ``ranges``:
    what int8 is fitted to, if it was measured.
    """

    family: str
    config: dict[str, object]
    card: dict[str, object]
    shapes: dict[str, tuple[int, ...]]
    ranges: dict[str, object] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Numbers in all tensors together."""
        total = 0
        for shape in self.shapes.values():
            count = 1
            for length in shape:
                count *= length
            total += count
        return total


def read_header(path: Path) -> CheckpointHeader:
    """The header of a checkpoint (safetensors with jpegx's metadata).

    Raises BadCheckpoint if the file is not there or is not such a checkpoint.
    """
    if is_pipe_or_device(path):
        raise BadCheckpoint(f"{path}: not a file but a pipe or a device; name a file")
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            if start.startswith(_PICKLES):
                raise BadCheckpoint(
                    f"{path}: a pickle, which could run any code; weights must be safetensors"
                )
            length = int.from_bytes(start, "little")
            size = path.stat().st_size
            if len(start) < 8 or length < 2:
                raise BadCheckpoint(f"{path}: not a safetensors file; get an undamaged copy")
            if length > MAX_HEADER_BYTES:
                raise BadCheckpoint(
                    f"{path}: not a safetensors file of jpegx: its header would have {length} bytes"
                )
            if length + 8 > size:
                raise BadCheckpoint(f"{path}: truncated in its header; get an undamaged copy")
            text = stream.read(length)
    except OSError as error:
        raise BadCheckpoint(f"{path}: {reason_of(error)}") from None
    try:
        header = _parse(text, size - 8 - length)
    except (ValueError, RecursionError) as error:
        advice = "" if ";" in str(error) else "; get an undamaged copy"
        raise BadCheckpoint(f"{path}: {error}{advice}") from None
    return header


def _parse(text: bytes, data_bytes: int) -> CheckpointHeader:
    try:
        entries = json.loads(text)
    except ValueError:
        raise ValueError("not a safetensors file: its header cannot be read") from None
    if not isinstance(entries, dict):
        raise ValueError("not a safetensors file: its header is no table")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ValueError(
            f"no weights of jpegx, its metadata does not say {FORMAT!r}; of a run jpegx train "
            "export makes some, and --restorer takes other networks"
        )
    shapes = {}
    for name, entry in entries.items():
        shape, end = _tensor(entry)
        if end > data_bytes:
            raise ValueError(f"truncated: {data_bytes} of {end} bytes of tensors are there")
        shapes[name] = shape
    family = metadata.get("family")
    if not isinstance(family, str):
        raise ValueError("its metadata names no family")
    config, card = _table(metadata, "config"), _table(metadata, "card")
    ranges = _table(metadata, "ranges") if "ranges" in metadata else {}
    return CheckpointHeader(family, config, card, shapes, ranges)


def _tensor(entry: object) -> tuple[tuple[int, ...], int]:
    """Shape of a tensor and where its data ends."""
    match entry:
        case {"shape": list(shape), "data_offsets": [int(), int(end)]}:
            if all(isinstance(n, int) and n >= 0 for n in shape):
                return tuple(shape), end
    raise ValueError("the header describes a tensor wrongly")


def _table(metadata: dict[str, object], key: str) -> dict[str, object]:
    text = metadata.get(key)
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"its metadata has no table {key!r}")
    return value
