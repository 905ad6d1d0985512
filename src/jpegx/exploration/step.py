"""The steps of a session: how each picture was made, as JSON holds it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.region_spec import RegionSpec
from jpegx.exploration.tools import find_tool
from jpegx.exploration.wire import values_json
from jpegx.exploration.workbench import Workbench

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One picture that was made: of the step ``parent`` (0: the start), by a tool.

    ``parameters``, ``region``: as JSON holds them; ``placed``: the region that a tool chose itself;
    ``index`` of so many ``alternatives``. ``statements``, ``numbers``: what was said of it.
    ``sha256``: of its new pixels.
    """

    id: int
    parent: int
    time: str
    tool: str
    parameters: Json
    region: Json
    placed: Json | None
    over: str
    seed: int
    draws: int
    alternatives: int
    index: int
    iterations: int
    different: int
    units: int
    sha256: str
    numbers: Json = field(default_factory=dict)
    statements: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def place(self) -> Json:
        """The region whose units it changed."""
        return self.region if self.placed is None else self.placed


def make_step(
    bench: Workbench,
    number: int,
    parent: int,
    edit: Edit,
    index: int,
    region: RegionSpec,
    request: Request,
) -> Step:
    """The step of this number: a picture that a request made, of its alternatives the one at index.

    ``region``: what was asked for.
    """
    box = edit.region.box
    moved = box != region.select(bench.jpeg.layout).box
    place = f"{box.left},{box.top},{box.right - box.left}x{box.bottom - box.top}"
    answer = edit.answer(bench.name)
    return Step(
        number,
        parent,
        datetime.now(UTC).isoformat(timespec="seconds"),
        edit.tool,
        values_json(find_tool(edit.tool), request.values),
        region.json(),
        {"shapes": [{"rectangle": place}]} if moved else None,
        edit.over,
        request.seed,
        request.draws,
        request.alternatives,
        index,
        request.limits.iterations,
        edit.patch.different,
        len(edit.patch.touched.units),
        edit.patch.digest,
        edit.numbers,
        [statement.json() for statement in answer.statements],
        list(answer.notes),
    )
