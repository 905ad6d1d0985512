"""A session made again, step by step, from the file, the seeds and the parameters alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.minimise import Limits, Watch, unwatched
from jpegx.exploration.parameters import BadParameter
from jpegx.exploration.region_spec import parse_region
from jpegx.exploration.run_edit import run
from jpegx.exploration.session import Session
from jpegx.exploration.step import Step
from jpegx.exploration.tools import OVERS, find_tool
from jpegx.exploration.wire import parse_values
from jpegx.models.glyph_classifier import NamedClassifier

_NO_LIMIT = 86400.0


@dataclass(frozen=True)
class Replayed:
    """A step made again. ``same``: its pixels are those of before, bit for bit."""

    step: Step
    edit: Edit

    @property
    def same(self) -> bool:
        """Whether the pixels are the same."""
        return self.edit.patch.digest == self.step.sha256


def replay(
    session: Session, watch: Watch = unwatched, classifiers: Sequence[NamedClassifier] = ()
) -> Iterator[Replayed]:
    """All steps of a session, each made again of the picture that it was made of.

    ``classifiers``: those of one's own that steps asked. On the same machine the pixels come out
    the same, unless the time had ended the search; on another one numbers are rounded otherwise.
    Raises JpegxError.
    """
    asked, edits = None, []
    for step in session.steps.values():
        if _asked(step) != asked:  # alternatives come of one request
            asked = _asked(step)
            request = request_of(session, step, classifiers)
            edits = run(session.state_of(step.parent), request, watch)
        yield Replayed(step, edits[min(step.index, len(edits) - 1)])


def _asked(step: Step) -> Step:
    """A step without what came of it."""
    return replace(
        step, id=0, time="", index=0, placed=None, different=0, units=0, sha256="",
        numbers={}, statements=[], notes=[],
    )  # fmt: skip


def request_of(
    session: Session, step: Step, classifiers: Sequence[NamedClassifier] = ()
) -> Request:
    """What was asked for when a step was made. Raises JpegxError."""
    tool, layout = find_tool(step.tool), session.workbench.jpeg.layout
    if step.over and step.over not in OVERS:
        raise BadParameter("over", f"{step.over[:40]!r} cannot be varied")
    return Request(
        step.tool,
        parse_region(step.region, layout).select(layout),
        parse_values(tool, step.parameters, layout, classifiers),
        step.over or None,
        step.seed,
        step.alternatives,
        step.draws,
        Limits(min(step.iterations, 10_000), _NO_LIMIT),
    )
