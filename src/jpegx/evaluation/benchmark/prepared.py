"""The originals of one data set as a run measures them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.decoders import Task
from jpegx.evaluation.benchmark.figures import measure_alone
from jpegx.evaluation.benchmark.jpegs import CompressedHere, Jpegs
from jpegx.evaluation.benchmark.maps import maps
from jpegx.evaluation.benchmark.originals import DataSet, original_size, read_original
from jpegx.evaluation.benchmark.panels import choose_places, moved_into, panels
from jpegx.evaluation.benchmark.quality_curve import jpeg_curve
from jpegx.evaluation.benchmark.real_features import RealFeatures
from jpegx.evaluation.benchmark.request import Place
from jpegx.evaluation.benchmark.sets import Describer, feature_distances
from jpegx.evaluation.benchmark.store import key_of
from jpegx.io.paths import file_digest


class Originals:
    """The pictures of a data set, made gray or cropped as the options say.

    ``real``: what FID is measured against in their place, None for nothing else.
    """

    def __init__(
        self, data_set: DataSet, context: Context, real: RealFeatures | None = None
    ) -> None:
        self._request, instruments = context.request, context.instruments
        self.data_set = data_set
        self.describer = Describer(
            instruments.features, instruments.networks, self._request.seed, len(data_set.names)
        )
        self.places = {
            name: [place if place.corner is None else self._moved(place) for place in places]
            for name, places in choose_places(data_set.names, self._request.crops).items()
        }
        self._context = context
        self._real = real
        self._digests: dict[str, str] = {}
        self._described: dict[str, list[np.ndarray]] = {}

    def _moved(self, place: Place) -> Place:
        """A place that was asked for as it lies in its picture, where that can be read."""
        try:
            return moved_into(
                place, original_size(self.data_set.path(place.picture), self._request)
            )
        except JpegxError:  # the run tells of it
            return place

    def read(self, name: str) -> Tensor:
        """The pixels of a picture, uint8 (C, H, W). Raises JpegxError, one line."""
        return read_original(self.data_set.path(name), self._request)

    def facts(self, name: str) -> dict[str, object]:
        """What the figures of a picture depend on, whatever is measured. Raises OSError."""
        if name not in self._digests:
            self._digests[name] = file_digest(self.data_set.path(name))
        return {
            **self._context.facts,
            "name": name,  # it decides where patches are taken
            "original": self._digests[name],
            "shown": [(place.corner, place.size) for place in self.places.get(name, ())],
        }

    def measure_alone(self, jpegs: Sequence[Jpegs]) -> dict[str, str]:
        """Measures the originals themselves, and what they look like as plain JPEG files.

        Returns the keys of the figures by name; what cannot be read is told and left out.
        """
        keys = {}
        for name in self.data_set.names:
            try:
                keys[name] = self.measure_one(name, jpegs)
            except Exception as error:
                self._context.failed(error, str(self.data_set.path(name)))
            self._context.advance(f"{self.data_set.name}: originals")
        return keys

    def key_alone(self, name: str, jpegs: Sequence[Jpegs]) -> str:
        """The key of the figures of an original itself. Raises OSError."""
        made = [files.facts(name) for files in jpegs if isinstance(files, CompressedHere)]
        facts = {**self.facts(name), "curve": made, "smooth_chroma": self._shows_smooth_chroma}
        return key_of(facts)

    def measure_one(self, name: str, jpegs: Sequence[Jpegs]) -> str:
        """Measures one original itself, if it is not done; its key. Raises what hinders it."""
        here = [files for files in jpegs if isinstance(files, CompressedHere)]
        store, key = self._context.store, self.key_alone(name, jpegs)
        if key in store:
            return key
        picture = self.read(name)
        values = measure_alone(picture, self._context.instruments.niqe)
        if here:
            qualities, subsampling = [files.quality for files in here], here[0].subsampling
            smooth = self._shows_smooth_chroma
            values["curve"] = jpeg_curve(picture, qualities, subsampling, smooth_chroma=smooth)
        self.put_crops(name, key, picture[None])
        store.put(key, {"data_set": self.data_set.name, "picture": name}, values)
        return key

    @property
    def _shows_smooth_chroma(self) -> bool:
        return self._request.chroma != "replicated"

    def put_crops(self, name: str, key: str, samples: Tensor) -> None:
        """Keep the crops of what became of a picture, uint8 (n, C, H, W), for the report."""
        for index, place in enumerate(self.places.get(name, ())):
            self._context.store.put_crop(f"{key}.{index}", panels(samples, place))

    def put_maps(self, key: str, samples: Tensor, task: Task) -> None:
        """Keep the maps of what became of a picture, uint8 (n, C, H, W), for the report."""
        for index, place in enumerate(self.places.get(task.name, ())):
            self._context.store.put_crop(f"{key}.{index}.maps", maps(samples, task, place))

    def crops(self, keys: Mapping[str, str]) -> dict[str, str]:
        """The keys of the crops by title, of figures whose keys are given by name."""
        return {
            place.title: f"{keys[name]}.{index}"
            for name, places in self.places.items()
            for index, place in enumerate(places)
            if name in keys
        }

    def described(self, name: str, index: int) -> np.ndarray:
        """One of the arrays that describe the original itself; taken once, then kept."""
        if name not in self._described:
            picture = self.read(name)[None]
            self._described[name] = self.describer.describe(name, picture, original=True)
        return self._described[name][index]

    @property
    def real_facts(self) -> list[str]:
        """What distances depend on beside the pictures compared and the originals."""
        return [] if self._real is None else self._real.facts

    def compare(
        self, ours: Sequence[Sequence[np.ndarray]], names: Sequence[str], repeats: int
    ) -> dict[str, Any]:
        """The distances of a set (``Describer.compare``) from these originals.

        Those of Inception features from other real pictures, if there are any.
        """
        theirs: list[Sequence[np.ndarray]] = [
            [self.described(name, index) for name in names]
            for index in range(self.describer.arrays)
        ]
        if self._real is not None:
            theirs[1] = self._real.taken
        return self.describer.compare(ours, theirs, repeats)

    def compare_with_themselves(self, names: Sequence[str]) -> dict[str, Any]:
        """What a perfect decoder would have: sliced Wasserstein distance, and ground truth of FID.

        The one of patches from other places; the other if there are other real pictures.
        """
        store = self._context.store
        facts = [self.describer.facts(), *map(self.facts, names)]
        key = key_of({"itself": facts, "real": self.real_facts})
        if key not in store:
            ours = [self.describer.patches(name, self.read(name)) for name in names]
            theirs = [self.described(name, 0) for name in names]
            values = self.describer.compare_patches(ours, theirs)
            if self._real is not None:
                own = [self.described(name, 1) for name in names]
                values |= feature_distances(own, self._real.taken, 1, self._request.seed)
            store.put(key, {"data_set": self.data_set.name}, values)
        return store[key]
