"""Contrast around each pixel against loops."""

import numpy as np
import torch

from jpegx.metrics.contrast import local_contrast


def test_the_contrast_is_the_standard_deviation_of_the_window() -> None:
    images = torch.rand(2, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    found = local_contrast(images, 5).numpy()
    assert found.shape == (2, 1, 7, 9)
    brightness = images.mean(dim=1).numpy()
    for n, y, x in np.ndindex(2, 7, 9):
        window = brightness[n, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        np.testing.assert_allclose(found[n, 0, y, x], window.std(), atol=1e-5)
