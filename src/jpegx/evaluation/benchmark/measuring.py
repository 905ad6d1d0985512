"""One decoder on the files of one data set: every picture, then the set as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.decoders import Decoder, Task
from jpegx.evaluation.benchmark.figures import measure_picture
from jpegx.evaluation.benchmark.jpegs import Jpegs
from jpegx.evaluation.benchmark.prepared import Originals
from jpegx.evaluation.benchmark.quality_curve import worth
from jpegx.evaluation.benchmark.rows import Row, make_row
from jpegx.evaluation.benchmark.store import key_of

Keys = dict[str, str]


class Trial:
    """A decoder on the files of a data set: measures into the store, and makes the rows."""

    def __init__(
        self, context: Context, originals: Originals, files: Jpegs, decoder: Decoder
    ) -> None:
        self._context = context
        self._originals = originals
        self._files = files
        self._decoder = decoder
        self._keys: dict[str, Keys] = {}  # by name, then by row

    def rows(self, alone: Mapping[str, str]) -> Iterator[Row]:
        """The rows of the decoder on the pictures in ``alone``, which has the originals' keys."""
        for name in alone:
            self._try(name, missing_only=True)
            self._context.advance(f"{self._originals.data_set.name}: {self._decoder.rows[0]}")
        for row in self._decoder.rows:
            distances = self._distances(row)
            units, done = [], self._done(row)
            for name, key in done.items():
                values = self._context.store[key]
                curve = self._context.store[alone[name]].get("curve")
                if curve and self._files.quality is not None:
                    values = values | worth(curve, self._files.quality, values["ssim_uniform"])
                units.append(values)
            if units:
                quality, data_set = self._files.quality, self._originals.data_set.name
                crops = self._originals.crops(done)
                made = make_row(data_set, quality, row, units, distances, crops)
                yield replace(made, interpolation=self._decoder.interpolation)

    def missing(self, name: str) -> list[str]:
        """The rows of which there are no figures of a picture yet. Raises what hinders them."""
        keys = self._find_keys(name)
        return [row for row, key in keys.items() if key not in self._context.store]

    def measure(self, name: str, rows: Sequence[str]) -> None:
        """Measure some rows of one picture. Raises what hinders it."""
        self._keys[name] = self._find_keys(name)
        self._measure(name, rows)

    def _done(self, row: str) -> Keys:
        """The keys of the figures that are there, by name."""
        keys = {name: found[row] for name, found in self._keys.items()}
        return {name: key for name, key in keys.items() if key in self._context.store}

    def _try(self, name: str, *, missing_only: bool) -> None:
        try:
            self._keys[name] = keys = self._find_keys(name)
            store = self._context.store
            rows = [row for row, key in keys.items() if not missing_only or key not in store]
            if rows:
                self._measure(name, rows)
        except Exception as error:
            self._context.failed(error, str(self._originals.data_set.path(name)))

    def _find_keys(self, name: str) -> Keys:
        facts = {
            **self._originals.facts(name),
            **self._originals.describer.facts(),
            **self._files.facts(name),
            **self._decoder.facts(name),
            "maps": self._context.request.maps,
        }
        return {row: key_of({**facts, "row": row}) for row in self._decoder.rows}

    def _measure(self, name: str, rows: Sequence[str]) -> None:
        request, store = self._context.request, self._context.store
        original = self._originals.read(name)
        task = Task(name, original, self._files.open(name, original))
        decoded = self._decoder.decode(
            task, rows, max(request.samples, self._context.instruments.repeats)
        )
        for row, samples in decoded.items():
            key, used = self._keys[name][row], samples[: request.samples]
            described = self._originals.describer.describe(name, samples, original=False)
            store.put_arrays(key, described)
            self._originals.put_crops(name, key, used)
            if request.maps:
                self._originals.put_maps(key, used, task)
            about = {
                "data_set": self._originals.data_set.name,
                "picture": name,
                "quality": self._files.quality,
                "decoder": row,
            }
            store.put(key, about, measure_picture(used, task, self._context.instruments))

    def _set_key(self, keys: Keys) -> str:
        """The key of the distances of a set of pictures, each under a key of its own."""
        return key_of({"pictures": list(keys.values()), "real": self._originals.real_facts})

    def _distances(self, row: str) -> dict[str, Any]:
        """The distances between the set of a row's pictures and that of the originals."""
        store, count = self._context.store, self._originals.describer.arrays
        key = self._set_key(self._done(row))
        if key not in store:
            for name, unit in self._done(row).items():
                if not store.has_arrays(unit, count):
                    self._try(name, missing_only=False)
            done = {n: k for n, k in self._done(row).items() if store.has_arrays(k, count)}
            # Where some could not be made again, it is not the key of the whole set.
            key = self._set_key(done)
            about = {"data_set": self._originals.data_set.name, "decoder": row}
            store.put(key, {**about, "quality": self._files.quality}, self._compare(done))
        for unit in self._done(row).values():
            store.drop_arrays(unit, count)
        return store[key]

    def _compare(self, done: Keys) -> dict[str, Any]:
        indices = range(self._originals.describer.arrays)
        ours = [[self._context.store.array(key, i) for key in done.values()] for i in indices]
        return self._originals.compare(ours, list(done), self._context.instruments.repeats)
