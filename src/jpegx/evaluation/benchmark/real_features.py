"""Other real pictures that FID is measured against, as Man et al. 2022 measure it."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.originals import DataSet, read_original
from jpegx.io.paths import file_digest


class RealFeatures:
    """The Inception features of a folder of real pictures, made gray and cropped as originals are.

    The originals' own distance from them is the ground truth: what no decoder can be expected to go
    below (the rows of 10.28 and 2.67 in Tables 4 and 5 of Man et al. 2022).
    """

    def __init__(self, data_set: DataSet, context: Context) -> None:
        self._data_set = data_set
        self._context = context

    @cached_property
    def facts(self) -> list[str]:
        """What the features depend on beside the network and the request: the pictures."""
        return [file_digest(self._data_set.path(name)) for name in self._data_set.names]

    @cached_property
    def taken(self) -> Sequence[np.ndarray]:
        """Features (1, patches, D) of each picture; one that cannot be read is told, once."""
        request, features = self._context.request, self._context.instruments.features
        assert features is not None
        found = []
        for name in self._data_set.names:
            path = self._data_set.path(name)
            try:
                found.append(features.of(read_original(path, request))[None])
            except Exception as error:
                self._context.failed(error, str(path))
        return found
