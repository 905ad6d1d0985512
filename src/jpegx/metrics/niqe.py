"""NIQE: how far the statistics of a picture are from those of natural pictures.

Mittal, Soundararajan and Bovik 2013 ("Making a completely blind image quality analyzer"). The
pristine model is fitted here, to pictures of our choice: the scores rank decoders as the published
model's do, but are not its numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import nan
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.io.atomic_file import atomic_file
from jpegx.metrics.natural_scenes import FEATURES, scene_features

_FORMAT = "jpegx niqe 1"
_SHARP = 0.75  # of the sharpest patch of a picture: published threshold of what pristine means
_LEAST = FEATURES + 1  # patches that a covariance of the features needs


class BadNiqe(JpegxError):
    """A pristine model that cannot be read, or cannot be fitted."""


@dataclass(frozen=True)
class Niqe:
    """A pristine model: a Gaussian of natural scene features.

    ``mean``: float64 (36,), ``covariance``: float64 (36, 36). ``fitted_on``: words for people.
    """

    mean: Tensor
    covariance: Tensor
    fitted_on: str

    @classmethod
    def fit(cls, images: Iterable[Tensor], fitted_on: str) -> "Niqe":
        """A model of the sharp patches of pictures (section II.C of the paper).

        ``images``: (1 or 3, H, W), whole numbers from 0 to 255, of good quality. Patches count that
        are sharper than 0.75 of the sharpest of their picture; pictures without two patches are
        passed over. Raises BadNiqe if there are less than 37 such patches in all.
        """
        parts = []
        for image in images:
            features, sharpness = scene_features(image)
            if len(features) > 1:
                parts.append(features[sharpness > _SHARP * sharpness.max()])
        patches = torch.cat(parts) if parts else torch.empty(0, FEATURES)
        patches = patches[patches.isfinite().all(dim=1)]
        if len(patches) < _LEAST:
            raise BadNiqe(
                f"{fitted_on}: {len(patches)} sharp patches of 96x96 pixels are too few to fit "
                f"NIQE; give pictures that hold {_LEAST} or more"
            )
        return cls(patches.mean(dim=0), patches.T.cov(), fitted_on)

    def score(self, image: Tensor) -> float:
        """Distance from the model, 0 or more, low is natural (Eq. 10 of the paper).

        ``image``: (1 or 3, H, W), whole numbers from 0 to 255. Not a number for a picture that
        holds less than two patches of 96x96 pixels with any texture.
        """
        features, _ = scene_features(image)
        features = features[features.isfinite().all(dim=1)]
        if len(features) < 2:
            return nan
        change = features.mean(dim=0) - self.mean
        pooled = (features.T.cov() + self.covariance) / 2
        squared = change @ torch.linalg.pinv(pooled, hermitian=True) @ change
        return float(squared.clamp(min=0).sqrt())

    def save(self, path: Path) -> None:
        """Writes the model as safetensors; a file of this name is replaced when it is whole."""
        tensors = {"mean": self.mean, "covariance": self.covariance}
        metadata = {"format": _FORMAT, "fitted_on": self.fitted_on}
        with atomic_file(path, overwrite=True) as stream:
            stream.write(to_bytes(tensors, metadata))

    @classmethod
    def load(cls, path: Path) -> "Niqe":
        """A model that :meth:`save` wrote. Raises BadNiqe, one line, for any other file."""
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                model = cls(
                    file.get_tensor("mean"),
                    file.get_tensor("covariance"),
                    metadata.get("fitted_on", "unknown"),
                )
        except (SafetensorError, OSError) as error:
            reason = "no such file" if not path.is_file() else str(error).partition("\n")[0]
            raise BadNiqe(f"{path}: not a NIQE model ({reason}); name another file") from None
        shapes = (FEATURES,), (FEATURES, FEATURES)
        values = (model.mean, model.covariance)
        whole = all(v.dtype == torch.float64 and bool(v.isfinite().all()) for v in values)
        if (
            metadata.get("format") != _FORMAT
            or tuple(v.shape for v in values) != shapes
            or not whole
        ):
            raise BadNiqe(f"{path}: not a NIQE model of jpegx; fit it again")
        return model


@cache
def default_niqe() -> Niqe:
    """The model that comes with jpegx; ``fitted_on`` says to what."""
    return Niqe.load(Path(__file__).with_name("niqe.safetensors"))
