"""The protocols as people read about them."""

from collections.abc import Iterator

from jpegx.evaluation.protocols.protocol import (
    Protocol,
    PublishedSet,
    protocol_names,
    read_protocol,
)
from jpegx.evaluation.report.columns import COLUMNS

_TITLES = {column.key: column.title for column in COLUMNS}


def protocol_list() -> str:
    """All protocols: what each measures, on what, and what the user must name."""
    return "\n\n".join("\n".join(_lines(read_protocol(name))) for name in protocol_names())


def _lines(protocol: Protocol) -> Iterator[str]:
    yield f"{protocol.name}: {protocol.source}"
    yield f"  {protocol.about}"
    fixed = protocol.fixed
    how = ["gray" if fixed.get("gray") else "colour"]
    if not fixed.get("gray"):
        how += [str(fixed[key]) for key in ("subsampling",) if key in fixed]
        how += ["the JPEG's chroma replicated"] if fixed.get("chroma") == "replicated" else []
    how.append("qualities " + ", ".join(map(str, protocol.qualities)))
    yield f"  files: {'; '.join(how)}"
    yield f"  figures: {', '.join(_TITLES[key] for key in protocol.columns)}"
    preset = (f"{name.replace('_', ' ')} {_word(v)}" for name, v in protocol.preset.items())
    yield f"  unless said otherwise: {', '.join(preset)}"
    for each in protocol.sets:
        yield f"  originals: {_set(each)}"
    for need in protocol.needs:
        yield f"  needs: {need}"


def _word(value: object) -> str:
    return "yes" if value is True else str(value)


def _set(published: PublishedSet) -> str:
    pictures = published.pictures
    count = "" if pictures is None else ", 1 picture" if pictures == 1 else f", {pictures} pictures"
    rows = f"; {len(published.figures)} published rows" if published.figures else ""
    names = " or ".join(published.folders)
    return f"{published.name}{count}, in a folder called {names}{rows}"
