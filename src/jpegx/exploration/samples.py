"""Pictures with given samples in some blocks of their components."""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.exploration.patch import Finisher
from jpegx.jpeg.color import to_components, to_pixels


def with_samples(
    finisher: Finisher, samples: Mapping[int, tuple[np.ndarray, np.ndarray]]
) -> Tensor:
    """What a decoder shows of the units' box, float32 (C, H, W), with other samples in blocks.

    ``samples``: by component which blocks, bool (block rows, block columns), and their samples, 0
    to 255, (blocks, 8, 8). Those of a down-sampled component are repeated.
    """
    layout = finisher.jpeg.layout
    shown = to_components(finisher.decoded()[None], layout)[0]
    for component, (used, values) in samples.items():
        wide, high = layout.reduction(component)
        plane = torch.zeros(*used.shape, 8, 8)
        plane[torch.tensor(used)] = torch.tensor(values - 128).float()
        inside = torch.tensor(used)[..., None, None].expand(plane.shape)
        full, mask = (
            F.interpolate(
                v.transpose(1, 2).flatten(2).flatten(0, 1)[None, None].float(),
                scale_factor=(high, wide),
                mode="nearest",
            )[0, 0, : layout.height, : layout.width]
            for v in (plane, inside)
        )
        shown[component] = torch.where(mask > 0, full, shown[component])
    return to_pixels(shown[None], layout)[0]
