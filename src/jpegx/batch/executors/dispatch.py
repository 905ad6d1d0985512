"""Tasks given to workers elsewhere, and what they tell brought into order."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from jpegx.batch.outcomes import Failed, Finished, Outcome
from jpegx.batch.tasks import NOBODY, Busy, Task, Watch
from jpegx.errors import JpegxError
from jpegx.io.atomic_file import remove_leftovers

_WINDOW = 1 << 10  # tasks whose outcomes may wait for those of an earlier one
_TRIES = 2


@dataclass(frozen=True)
class Ready:
    """A worker has opened the sampler."""


@dataclass(frozen=True)
class Refused:
    """A worker cannot open the sampler."""

    error: JpegxError


@dataclass(frozen=True)
class Done:
    """Nothing more comes of a task."""


@dataclass(frozen=True)
class Lost:
    """The worker that had a task has died. ``at_work``: it had begun with this one."""

    reason: str
    at_work: bool


@dataclass(frozen=True)
class Searched:
    """An exact picture of a task's file is searched for, in so many units."""

    units: int


Message = Outcome | Busy | Done | Lost | Searched


class Workers(Protocol):
    """Workers, each of which does the tasks that it is given one after the other."""

    @property
    def room(self) -> int:
        """How many more tasks may be given to them now."""

    def give(self, number: int, task: Task) -> None:
        """Give a task to one of them."""

    def messages(self) -> Iterable[tuple[int, Message]]:
        """What they tell, by the number of the task; waits until there is something."""


@dataclass
class _Told:
    """What was told of one task: what is still to be handed on, and all, to know it again."""

    waiting: deque[Outcome] = field(default_factory=deque)
    known: set[Outcome] = field(default_factory=set)
    is_complete: bool = False
    tries: int = 0


class Dispatcher:
    """Gives tasks to workers and hands on what they tell, in the order of the tasks.

    A task whose worker dies is given to another one, which replaces what is there of its pictures;
    after the second time it has failed. At the end the temporary files of the dead are removed,
    also of those of an earlier run that was killed, which may have outlived it a while.
    """

    def __init__(
        self, tasks: Iterator[Task | Outcome], workers: Workers, watch: Watch = NOBODY
    ) -> None:
        self._searching = watch.searching
        self._tasks = tasks
        self._workers = workers
        self._told: dict[int, _Told] = {}
        self._at_work: dict[int, Task] = {}
        self._again: deque[tuple[int, Task]] = deque()
        self._others: dict[int, Task] = {}
        self._first = self._next = 0
        self._is_exhausted = False
        self._disturbed: set[Path] = set()  # folders in which workers have died

    def run(self) -> Generator[Outcome, None, None]:
        """The outcomes; those of files that another process is at come last."""
        while True:
            self._feed()
            yield from self._ready()
            if not self._at_work and not self._again and self._is_exhausted:
                if not self._others:
                    for folder in self._disturbed:
                        remove_leftovers(folder)
                    return
                again = [
                    replace(task, wait=True)
                    for _, task in sorted(self._others.items(), key=lambda item: item[0])
                ]
                self._tasks, self._others, self._is_exhausted = iter(again), {}, False
                continue
            if self._at_work:
                for number, message in self._workers.messages():
                    self._take(number, message)

    def _feed(self) -> None:
        while self._workers.room > 0:
            if self._again:
                number, task = self._again.popleft()
            else:
                if self._is_exhausted or self._next >= self._first + _WINDOW:
                    return
                item = next(self._tasks, None)
                if item is None:
                    self._is_exhausted = True
                    return
                number = self._next
                self._next += 1
                self._told[number] = told = _Told()
                if not isinstance(item, Task):
                    told.waiting.append(item)
                    told.is_complete = True
                    continue
                task = item
            if task.replace:
                self._disturbed.add(task.outputs.samples[0].parent)
            self._at_work[number] = task
            self._workers.give(number, task)

    def _take(self, number: int, message: Message) -> None:
        told = self._told[number]
        match message:
            case Done():
                del self._at_work[number]
                told.is_complete = True
            case Busy():
                self._others[number] = self._at_work.pop(number)
                told.is_complete = True
            case Searched():
                if self._searching is not None:
                    self._searching(self._at_work[number].source.name, message.units)
            case Lost():
                self._lost(number, self._at_work.pop(number), message)
            case _:
                if message not in told.known:
                    told.known.add(message)
                    told.waiting.append(message)

    def _lost(self, number: int, task: Task, message: Lost) -> None:
        told = self._told[number]
        if Finished(task.source, skipped=False) in told.known:
            told.is_complete = True
            return
        self._disturbed.add(task.outputs.samples[0].parent)
        told.tries += message.at_work
        if told.tries < _TRIES:
            self._again.append((number, replace(task, replace=True)))
            return
        source = task.source
        told.waiting.append(Failed(source, f"{source.name}: {message.reason}"))
        told.waiting.append(Finished(source, skipped=False))
        told.is_complete = True

    def _ready(self) -> Iterator[Outcome]:
        while self._first in self._told:
            told = self._told[self._first]
            while told.waiting:
                yield told.waiting.popleft()
            if not told.is_complete:
                return
            del self._told[self._first]
            self._first += 1
