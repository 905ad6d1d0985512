"""A session: what was tried on a file, as a tree of steps that can be gone back and made again.

On disk it is one JSON file, and beside it a folder of the pictures' new pixels. Everything in them
is data, checked when it is read: names of files are made from the numbers of steps, and the pixels
are held against the JPEG file again, so that nobody's session can claim what is not so.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from jpegx import __version__
from jpegx.errors import JpegxError
from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.region_spec import RegionSpec, parse_region
from jpegx.exploration.selection import Touched, touched
from jpegx.exploration.session_pictures import (
    BadSession,
    picture_path,
    read_pixels,
    remove_pixels,
    write_pixels,
)
from jpegx.exploration.state import State
from jpegx.exploration.statements import Answer
from jpegx.exploration.step import Json, Step, make_step
from jpegx.exploration.wire import finite
from jpegx.exploration.workbench import Workbench
from jpegx.io.atomic_file import atomic_file
from jpegx.io.failures import reason_of
from jpegx.jpeg.box import Box


class NotKept(JpegxError):
    """A step that a session could not keep."""


SCHEMA = "jpegx session 1"


class Session:
    """The steps of a file. ``path``: of the JSON file; None keeps it in memory."""

    def __init__(self, workbench: Workbench, path: Path | None = None) -> None:
        self.workbench = workbench
        self.path = path
        self.steps: dict[int, Step] = {}
        self.head = 0
        self.bookmarks: dict[str, int] = {}
        self.answers: list[Json] = []
        self._patches: dict[int, Patch] = {}
        self._boxes: dict[int, Box] = {}

    @property
    def state(self) -> State:
        """The picture of the head."""
        return self.state_of(self.head)

    def state_of(self, number: int) -> State:
        """The picture of a step. Raises BadSession if it, or its pixels, are not there."""
        if number != 0 and number not in self.steps:
            raise BadSession(f"{self.name}: there is no step {number}")
        return State(self.workbench, [self.patch(step) for step in self.line(number)])

    def line(self, number: int) -> list[int]:
        """The steps from the start to a step."""
        found: list[int] = []
        while number:
            found.append(number)
            number = self.steps[number].parent
        return found[::-1]

    def children(self, number: int) -> list[int]:
        """The steps that were made of a step, oldest first."""
        return [step.id for step in tuple(self.steps.values()) if step.parent == number]

    def patch(self, number: int) -> Patch:
        """The new pixels of a step. Raises BadSession."""
        if number not in self._patches:
            self._patches[number] = self._read_patch(self.steps[number])
        return self._patches[number]

    def box(self, number: int) -> Box:
        """The box of the units that a step changed. Raises BadRegion."""
        if number not in self._boxes:
            self._boxes[number] = self._units(self.steps[number]).box
        return self._boxes[number]

    def _units(self, step: Step) -> Touched:
        layout = self.workbench.jpeg.layout
        return touched(parse_region(step.place, layout).select(layout))

    def add(
        self,
        edits: Sequence[Edit],
        region: RegionSpec,
        request: Request,
        parent: int | None = None,
    ) -> list[Step]:
        """Keep pictures that a request made of a step, by default the head.

        If the head is still there, it goes on to the first of them. Raises NotKept if they cannot
        all be written: then none is there, and nothing of them on the disk.
        """
        head, added = self.head, list[Step]()
        try:
            self._add(added, edits, region, request, head if parent is None else parent)
            self.save()
        except BaseException as error:
            self._forget(added, head)
            if isinstance(error, OSError):
                place, what = error.filename or self.name, "step was"
                what = what if len(edits) == 1 else "steps were"
                raise NotKept(f"{place}: {reason_of(error)}; the {what} not kept") from None
            raise
        return added

    def _add(
        self,
        added: list[Step],
        edits: Sequence[Edit],
        region: RegionSpec,
        request: Request,
        origin: int,
    ) -> None:
        for index, edit in enumerate(edits):
            number = max(self.steps, default=0) + 1
            step = make_step(self.workbench, number, origin, edit, index, region, request)
            if self.path is not None:  # first: a step without its picture would spoil the session
                write_pixels(self._picture(number), edit.patch.pixels)
            self._patches[number] = edit.patch
            self.steps[number] = step
            added.append(step)
        if added and self.head == origin:
            self.head = added[0].id

    def _forget(self, added: Sequence[Step], head: int) -> None:
        """Undo what was added before it failed."""
        self.head = head
        for step in added:
            del self.steps[step.id], self._patches[step.id]
        if self.path is not None:
            for step in added:
                with suppress(OSError, BadSession):
                    remove_pixels(self._picture(step.id))
            with suppress(OSError):  # a folder that was made for them
                self._picture(0).parent.rmdir()

    def record(self, answer: Answer) -> None:
        """Keep what was answered without a picture: also what was found impossible."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        self.answers.append(finite(answer.json()) | {"time": when})
        self.save()

    def undo(self) -> int:
        """To the step before the head; stays at the start."""
        return self.go(self.steps[self.head].parent if self.head else 0)

    def redo(self) -> int:
        """To the newest step made of the head, if there is one."""
        return self.go(max(self.children(self.head), default=self.head))

    def go(self, number: int) -> int:
        """To any step; 0 is the start. Raises BadSession if there is none."""
        if number != 0 and number not in self.steps:
            raise BadSession(f"{self.name}: there is no step {number}")
        self.head = number
        self.save()
        return number

    def bookmark(self, name: str) -> None:
        """Give the head a name."""
        if not name or len(name) > 100 or len(self.bookmarks) >= 1000:
            raise BadSession("a bookmark has a name of 1 to 100 letters")
        self.bookmarks[name] = self.head
        self.save()

    def prune(self) -> list[int]:
        """Forget all steps that neither the head nor a bookmark needs; which."""
        needed = {n for end in (self.head, *self.bookmarks.values()) for n in self.line(end)}
        gone = [number for number in self.steps if number not in needed]
        for number in gone:
            del self.steps[number]
            self._patches.pop(number, None)
            self._boxes.pop(number, None)
        self.save()
        if self.path is not None:
            for number in gone:
                remove_pixels(self._picture(number))
        return gone

    def tree(self, number: int = 0, depth: int = 0) -> Iterator[tuple[int, Step]]:
        """All steps with their depths, children behind their parents."""
        waiting = [(child, depth) for child in reversed(self.children(number))]
        while waiting:
            found, level = waiting.pop()
            yield level, self.steps[found]
            waiting += [(child, level + 1) for child in reversed(self.children(found))]

    def json(self) -> Json:
        """As the file holds it."""
        bench = self.workbench
        layout = bench.jpeg.layout
        spec = bench.spec
        return {
            "schema": SCHEMA,
            "jpegx": __version__,
            "file": {
                "name": Path(bench.name).name,
                "sha256": bench.file_hash,
                "width": layout.width,
                "height": layout.height,
            },
            "sampler": {
                "model": spec.model,
                "temperature": spec.temperature,
                "start": bench.start if isinstance(bench.start, str) else "picture",
                "seed": bench.seed,
            },
            "head": self.head,
            "bookmarks": self.bookmarks,
            "steps": [vars(step) for step in self.steps.values()],
            "answers": self.answers,
        }

    def save(self) -> None:
        """Write the file, whole or not at all. Raises OSError."""
        if self.path is None:
            return
        start, picture = self.workbench.start, self._picture(0)
        begins = not isinstance(start, str) and not picture.exists()
        text = json.dumps(self.json(), allow_nan=False)
        try:
            if not isinstance(start, str) and begins:
                write_pixels(picture, start)
            with atomic_file(self.path, overwrite=True) as stream:
                stream.write(text.encode())
        except BaseException:
            if begins:
                with suppress(OSError, BadSession):
                    remove_pixels(picture)
            raise

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the session" if self.path is None else str(self.path)

    def _picture(self, number: int) -> Path:
        assert self.path is not None
        return picture_path(self.path, number)

    def _read_patch(self, step: Step) -> Patch:
        jpeg, units = self.workbench.jpeg, self._units(step)
        box = units.box
        size = (box.right - box.left, box.bottom - box.top)
        pixels = read_pixels(self._picture(step.id), size, jpeg.layout.channels)
        patch = Finisher(jpeg, units).judge(pixels)
        if patch.digest != step.sha256:
            raise BadSession(f"{self._picture(step.id)}: it is not the picture of step {step.id}")
        return patch
