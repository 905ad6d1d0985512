"""Pictures measured by workers of a Ray cluster, into the store of a run on one machine.

What is found under a key is what this machine would find, so that the run itself then only has to
compare the sets, and measures what no worker could, to tell why. Originals and outputs are on disks
that all machines share; a key says how a worker computes, so that all must be of one kind.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from jpegx.batch.executors.ray_cluster import NoRay, connect, workers_of
from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.measuring import Trial
from jpegx.evaluation.benchmark.plan import Plan, make_plan
from jpegx.evaluation.benchmark.prepared import Originals
from jpegx.evaluation.benchmark.request import Request
from jpegx.evaluation.benchmark.store import Store

_AHEAD = 2  # pictures that a worker has: one at work, one so that it need not wait
_TRIES = 2


@dataclass(frozen=True)
class Unit:
    """One picture to be measured: of which set, as which file, by which decoder of the plan.

    ``rows``: those of the decoder that are missing; without a decoder the original itself is meant.
    """

    data_set: int
    name: str
    files: int = 0
    decoder: int | None = None
    rows: tuple[str, ...] = ()


@dataclass
class Found:
    """What measuring a unit has put into the store: see :class:`Store`."""

    results: list[tuple[str, Mapping[str, object], dict[str, Any]]] = field(default_factory=list)
    arrays: list[tuple[str, Sequence[np.ndarray]]] = field(default_factory=list)
    crops: list[tuple[str, bytes]] = field(default_factory=list)

    def keep(self, store: Store) -> None:
        """Put it into another store; results last, as they say that the rest is there."""
        for key, arrays in self.arrays:
            store.put_arrays(key, arrays)
        for key, picture in self.crops:
            store.put_crop(key, picture)
        for key, about, values in self.results:
            store.put(key, about, values)


class _Recorder(Store):
    """A store that only remembers what is put into it, until it is taken."""

    def __init__(self) -> None:
        self._results: dict[str, dict[str, Any]] = {}
        self._found = Found()

    def put(self, key: str, about: Mapping[str, object], values: dict[str, Any]) -> None:
        self._found.results.append((key, about, values))

    def put_arrays(self, key: str, arrays: Sequence[np.ndarray]) -> None:
        self._found.arrays.append((key, arrays))

    def put_crop(self, key: str, picture: bytes) -> None:
        self._found.crops.append((key, picture))

    def take(self) -> Found:
        """What was put into it since it was last asked."""
        found, self._found = self._found, Found()
        return found


class Measurer:
    """What a worker does: it opens all that a request names, once."""

    def __init__(self, request: Request) -> None:
        self._plan = make_plan(request)
        self._store = _Recorder()
        self._context = Context(
            request, self._plan.instruments, self._store, lambda what: None, lambda line: None
        )
        self._originals = [Originals(each, self._context) for each in self._plan.data_sets]

    def is_ready(self) -> bool:
        """True, once it is open."""
        return True

    def measure(self, unit: Unit) -> Found:
        """Measure a picture. Raises what hinders it."""
        originals = self._originals[unit.data_set]
        try:
            if unit.decoder is None:
                originals.measure_one(unit.name, self._plan.jpegs)
            else:
                files, decoder = self._plan.jpegs[unit.files], self._plan.decoders[unit.decoder]
                Trial(self._context, originals, files, decoder).measure(unit.name, unit.rows)
        finally:
            found = self._store.take()
        return found


def missing_units(plan: Plan, context: Context) -> Iterator[Unit]:
    """What is not in the store of a run; what cannot be read is left to the run."""
    for number, data_set in enumerate(plan.data_sets):
        originals = Originals(data_set, context)
        for name in data_set.names:
            try:
                if originals.key_alone(name, plan.jpegs) not in context.store:
                    yield Unit(number, name)
            except OSError:
                continue
            for f, files in enumerate(plan.jpegs):
                for d, decoder in enumerate(plan.decoders):
                    try:
                        rows = Trial(context, originals, files, decoder).missing(name)
                    except Exception:  # the run tells of it, when its turn comes
                        continue
                    if rows:
                        yield Unit(number, name, f, d, tuple(rows))


def measure_remotely(
    units: Sequence[Unit],
    context: Context,
    advance: Callable[[str], None],
    *,
    address: str | None,
    jobs: int | None,
) -> None:
    """Measure units on a cluster, into the store of a run. A unit whose worker dies is done again.

    ``address``, ``jobs``: as of :class:`jpegx.batch.executors.ray_cluster.RayExecutor`. ``advance``
    is called with the name after each. What fails is left to the run. Raises NoRay.
    """
    if not units:
        return
    ray = connect(address, jobs)
    try:
        pool = _Pool(ray, context.request, jobs)
        for unit, found in pool.run(units):
            if found is not None:
                found.keep(context.store)
            advance(unit.name)
    finally:
        ray.shutdown()


class _Pool:
    """Workers of a cluster; one that dies is replaced."""

    def __init__(self, ray: ModuleType, request: Request, jobs: int | None) -> None:
        self._ray = ray
        self._request = request
        self._options, self._jobs = workers_of(ray, request.defaults.device, jobs)
        self._at_work: dict[Any, tuple[int, Unit]] = {}
        self._workers = [self._start()]
        try:
            ray.get(self._workers[0].is_ready.remote())
        except ray.exceptions.RayError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise NoRay(f"a worker could not open what is to be measured ({reason})") from None

    def _start(self) -> Any:  # noqa: ANN401 (Ray's)
        return self._ray.remote(**self._options)(Measurer).remote(self._request)

    def run(self, units: Sequence[Unit]) -> Iterator[tuple[Unit, Found | None]]:
        """What is found of each unit, in the order in which they are done; None if it failed."""
        waiting, tries = deque(units), dict.fromkeys(units, 0)
        self._workers += [self._start() for _ in range(min(self._jobs, len(units)) - 1)]
        while waiting or self._at_work:
            while waiting and len(self._at_work) < _AHEAD * len(self._workers):
                self._give(waiting.popleft())
            for reference in self._ray.wait(list(self._at_work), num_returns=1)[0]:
                place, unit = self._at_work.pop(reference)
                try:
                    yield unit, self._ray.get(reference)
                except self._ray.exceptions.RayActorError:
                    again = [unit, *self._lost(place)]
                    tries[unit] += 1
                    waiting.extendleft(one for one in again if tries[one] < _TRIES)
                    if tries[unit] >= _TRIES:
                        yield unit, None
                except self._ray.exceptions.RayError:
                    yield unit, None

    def _give(self, unit: Unit) -> None:
        busy = [place for place, _ in self._at_work.values()]
        place = min(range(len(self._workers)), key=busy.count)
        self._at_work[self._workers[place].measure.remote(unit)] = place, unit

    def _lost(self, place: int) -> list[Unit]:
        """The other units that a dead worker had; it is replaced."""
        self._workers[place] = self._start()
        lost = {ref: unit for ref, (where, unit) in self._at_work.items() if where == place}
        for reference in lost:
            del self._at_work[reference]
        return list(lost.values())
