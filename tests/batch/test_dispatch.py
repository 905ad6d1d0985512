"""Tasks given to workers that die: everything is told once, in order."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpegx.batch.executors.dispatch import Dispatcher, Done, Lost, Message
from jpegx.batch.outcomes import Failed, Finished, Outcome, Warned, Written
from jpegx.batch.outputs import Outputs
from jpegx.batch.tasks import Busy, Task
from jpegx.io.inputs import Input


def make_task(number: int) -> Task:
    source = Input(Path(f"{number}.jpg"), Path(f"{number}.jpg"))
    outputs = Outputs((Path(f"{number}_0.png"), Path(f"{number}_1.png")), None, None)
    return Task(source, outputs, frozenset(outputs))


def outcomes_of(task: Task) -> list[Outcome]:
    written = [Written(task.source, path, "sample", 1, 1) for path in task.outputs]
    return [Warned(task.source, "w"), *written, Finished(task.source, skipped=False)]


class Unreliable:
    """Workers that do a part of a task now and then, and die or find files busy by chance."""

    def __init__(self, random: Random, deaths: int, busy: set[str], bound: int) -> None:
        self.random = random
        self.deaths = deaths
        self.busy = busy
        self.bound = bound
        self.queues: list[list[tuple[int, Task, list[Outcome]]]] = [[], [], []]
        self.most = 0
        self.first_tries: list[bool] = []

    @property
    def room(self) -> int:
        return self.bound - sum(map(len, self.queues))

    def give(self, number: int, task: Task) -> None:
        self.first_tries.append(not task.replace)
        queue = min(self.queues, key=len)
        queue.append((number, task, outcomes_of(task)))
        self.most = max(self.most, sum(map(len, self.queues)))

    def messages(self) -> Iterator[tuple[int, Message]]:
        queue = self.random.choice([queue for queue in self.queues if queue])
        number, task, left = queue[0]
        if str(task.source.path) in self.busy and not task.wait:
            queue.pop(0)
            yield number, Busy()
        elif self.deaths and self.random.random() < 0.3:
            self.deaths -= 1
            lost, queue[:] = list(queue), []
            for index, (other, _, _) in enumerate(lost):
                yield other, Lost("died", at_work=index == 0)
        elif left:
            yield number, left.pop(0)
        else:
            queue.pop(0)
            yield number, Done()


@given(st.integers(0, 999), st.integers(0, 12), st.integers(0, 5), st.sets(st.integers(0, 11)))
def test_all_is_told_once_in_order(seed: int, tasks: int, deaths: int, busy: set[int]) -> None:
    workers = Unreliable(Random(seed), deaths, {f"{number}.jpg" for number in busy}, bound=5)
    given_tasks = [make_task(number) for number in range(tasks)]
    told = list(Dispatcher(iter(given_tasks), workers).run())
    finished = [outcome.source for outcome in told if isinstance(outcome, Finished)]
    late = [task for number, task in enumerate(given_tasks) if number in busy]
    prompt = [task for number, task in enumerate(given_tasks) if number not in busy]
    assert finished == [task.source for task in (*prompt, *late)]
    for task in given_tasks:
        own = [outcome for outcome in told if outcome.source == task.source]
        if any(isinstance(outcome, Failed) for outcome in own):
            assert deaths >= 2
            assert own[-2:] == [Failed(task.source, f"{task.source.name}: died"), own[-1]]
        else:
            assert own == outcomes_of(task)
    assert workers.most <= 5


def test_what_the_dead_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    left = tmp_path / ".jpegx-0123456789ab.part"
    for earlier, deaths, stays in ((False, 0, True), (False, 1, False), (True, 0, False)):
        left.touch()
        tasks = [replace(make_task(number), replace=earlier) for number in range(8)]
        list(Dispatcher(iter(tasks), Unreliable(Random(0), deaths, set(), bound=5)).run())
        assert left.exists() == stays


def test_tasks_are_taken_as_they_are_done() -> None:
    workers = Unreliable(Random(0), 0, set(), bound=5)
    taken: list[int] = []

    def tasks() -> Iterator[Task]:
        for number in range(1000):
            taken.append(number)
            yield make_task(number)

    told = Dispatcher(tasks(), workers).run()
    next(told)
    assert len(taken) < 10
    assert sum(isinstance(outcome, Finished) for outcome in told) == 1000


def test_what_is_told_among_tasks_keeps_its_place() -> None:
    workers = Unreliable(Random(0), 0, set(), bound=5)
    a, b = make_task(0), make_task(1)
    skipped = Finished(Input(Path("s"), Path("s")), skipped=True)
    told = list(Dispatcher(iter([a, skipped, b]), workers).run())
    assert told == [*outcomes_of(a), skipped, *outcomes_of(b)]
