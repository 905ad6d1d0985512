"""The rows that a paper printed, to stand beside those that are measured."""

from collections.abc import Sequence
from itertools import groupby

from jpegx.evaluation.benchmark.plan import Plan
from jpegx.evaluation.benchmark.rows import PUBLISHED, Row
from jpegx.evaluation.protocols.protocol import PublishedSet


def with_published(plan: Plan, rows: Sequence[Row]) -> list[Row]:
    """The measured rows, and behind those of each quality the rows of the plan's protocol.

    The rows of a set of the paper's that no folder is called like stand at the end, under its own
    name, if nothing that was measured is one of its sets. Without a protocol nothing is added.
    """
    protocol, found = plan.request.protocol, list[Row]()
    if protocol is None:
        return list(rows)
    met = {data_set.name: protocol.set_in(data_set.folder) for data_set in plan.data_sets}
    for (name, quality), several in groupby(rows, lambda row: (row.data_set, row.quality)):
        found += several
        published = met[name]
        if published is not None and quality is not None:
            found += _rows(published, name, quality)
    if not any(met.values()):
        for each in protocol.sets:
            for quality in plan.request.qualities:
                found += _rows(each, each.name, quality)
    return found


def remarks(plan: Plan) -> list[str]:
    """What must be said of the protocol of a plan, one line each."""
    protocol = plan.request.protocol
    if protocol is None:
        return []
    lines = [f"protocol {protocol.name}: {protocol.source}: {protocol.about}"]
    if any(each.figures for each in protocol.sets):
        lines.append(f'rows called "{PUBLISHED.strip()}" are printed there, not measured here')
    for data_set in plan.data_sets:
        published, count = protocol.set_in(data_set.folder), len(data_set.names)
        if published is None:
            names = ", ".join(each.name for each in protocol.sets)
            lines.append(
                f"{data_set.name}: not called like one of the paper's sets ({names}), so none of "
                "its rows stand beside it"
            )
        elif published.pictures not in (None, count):
            others = ": its rows are of other pictures" if published.figures else ""
            lines.append(
                f"{data_set.name}: {count} pictures, {published.pictures} in the paper's "
                f"{published.name}{others}"
            )
    request = plan.request
    for name, value in protocol.preset.items():
        if getattr(request, name) != value:
            lines.append(f"{name} {getattr(request, name)}; the protocol has {value}")
    return lines + list(protocol.remarks)


def _rows(published: PublishedSet, name: str, quality: int) -> list[Row]:
    return [
        Row(
            name,
            quality,
            method + PUBLISHED,
            published.pictures or 0,
            0,
            dict(figures[quality]),
            [],
            None,
            {},
            published=True,
        )
        for method, figures in published.figures.items()
        if quality in figures
    ]
