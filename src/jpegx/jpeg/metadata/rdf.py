"""Several XMP packets into one, property by property, in their own bytes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# Says that an extension belongs to the packet, which once they are joined is no longer so.
_HAS_EXTENSION = re.compile(rb"\s[\w.-]+:HasExtendedXMP\s*=\s*(?:\"[^\"]*\"|'[^']*')")

# No photograph's has so many; a hostile one would take time and memory without end.
_MOST_TAGS, _MOST_DESCRIPTIONS, _MOST_NAMESPACES, _DEEPEST = 200_000, 1000, 200, 200

_Names = tuple[str, str]  # namespace, local name


@dataclass
class _Description:
    """One rdf:Description: where it begins, its attributes, its properties with their places."""

    attributes: dict[str, str]
    namespaces: dict[str, str]
    properties: list[tuple[_Names, int]] = field(default_factory=list)
    end: int = 0


def join_packets(packets: Sequence[bytes]) -> bytes | None:
    """The first packet with the properties of the others that it, or one before, does not have.

    ``packets``: in UTF-8. Returns None if one is not well-formed, has a document type (whose
    entities could grow without end), is larger or deeper than any, or holds no RDF.
    """
    readers = [_Reader() for _ in packets]
    if not all(reader.read(packet) for reader, packet in zip(readers, packets, strict=True)):
        return None
    end = readers[0].end
    if packets[0][end : end + 2] != b"</":
        return None
    known = {name for d in readers[0].descriptions for name in _names(d)}
    added = b""
    for reader, packet in zip(readers[1:], packets[1:], strict=True):
        for description in reader.descriptions:
            added += _without(description, packet, known)
            known |= set(_names(description))
    return _HAS_EXTENSION.sub(b"", packets[0][:end]) + added + packets[0][end:]


class _Reader:
    """Finds the descriptions below the first rdf:RDF of a packet."""

    def __init__(self) -> None:
        self.descriptions: list[_Description] = []
        self.end = 0
        self._namespaces: list[dict[str, str]] = [{}]
        self._rdf: int | None = None  # its depth, while the parser is inside
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._close
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, packet: bytes) -> bool:
        """Whether the packet could be read and has an rdf:RDF."""
        if packet.count(b"<") > _MOST_TAGS:
            return False
        try:
            self._parser.Parse(packet, True)
        except (expat.ExpatError, ValueError):
            return False
        return self.end > 0

    def _refuse(self, *_: object) -> None:
        raise ValueError("a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        own = {k.partition(":")[2]: v for k, v in attributes.items() if k.split(":")[0] == "xmlns"}
        inside = {**self._namespaces[-1], **own} if own else self._namespaces[-1]
        self._namespaces.append(inside)
        depth = len(self._namespaces)
        many = len(self.descriptions) > _MOST_DESCRIPTIONS or len(inside) > _MOST_NAMESPACES
        if many or depth > _DEEPEST:
            raise ValueError("too much")
        if self._rdf is None:
            if not self.end and _resolved(name, inside) == (_RDF, "RDF"):
                self._rdf = depth
        elif depth == self._rdf + 1:
            self.descriptions.append(_Description(attributes, inside))
        elif depth == self._rdf + 2:
            place = self._parser.CurrentByteIndex
            self.descriptions[-1].properties.append((_resolved(name, inside), place))

    def _close(self, _: str) -> None:
        depth = len(self._namespaces)
        self._namespaces.pop()
        if self._rdf is None:
            return
        if depth == self._rdf + 1:
            self.descriptions[-1].end = self._parser.CurrentByteIndex
        elif depth == self._rdf:
            self.end = self._parser.CurrentByteIndex
            self._rdf = None


def _resolved(name: str, namespaces: Mapping[str, str]) -> _Names:
    prefix, _, local = name.rpartition(":")
    return namespaces.get(prefix, prefix), local


def _names(description: _Description) -> list[_Names]:
    """The properties: elements, and attributes in the short form."""
    names = [name for name, _ in description.properties]
    return names + [
        _resolved(key, description.namespaces)
        for key in description.attributes
        if _is_property(key, description)
    ]


def _is_property(key: str, description: _Description) -> bool:
    space = _resolved(key, description.namespaces)[0] if ":" in key else ""
    return space not in ("", "xml", "xmlns", _RDF)


def _without(description: _Description, packet: bytes, known: set[_Names]) -> bytes:
    """The description without what is known already; nothing if nothing is left."""
    spaces = description.namespaces
    kept = {
        key: value
        for key, value in description.attributes.items()
        if _is_property(key, description) and _resolved(key, spaces) not in known
    }
    places = [*(place for _, place in description.properties), description.end]
    body = b"".join(
        packet[start:stop]
        for (name, start), stop in zip(description.properties, places[1:], strict=True)
        if name not in known
    )
    if not kept and not body:
        return b""
    declared = {f"xmlns:{p}" if p else "xmlns": uri for p, uri in spaces.items()}
    declared["xmlns:rdf"] = _RDF
    about = {"rdf:about": description.attributes.get("rdf:about", "")}
    written = " ".join(f"{k}={quoteattr(v)}" for k, v in {**declared, **about, **kept}.items())
    return f"<rdf:Description {written}>".encode() + body + b"</rdf:Description>"
