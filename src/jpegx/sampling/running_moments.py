"""Mean and standard deviation of pictures that are seen one at a time."""

import torch
from torch import Tensor


class Moments:
    """Running per-pixel moments (Welford 1962) of pictures of equal shape."""

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros(())
        self._squares = torch.zeros(())

    def add(self, picture: Tensor) -> None:
        """Takes in a picture, any shape and type."""
        self.count += 1
        value = picture.float()
        change = value - self._mean
        self._mean = self._mean + change / self.count
        self._squares = self._squares + change.mul_(value - self._mean)

    def mean(self) -> Tensor:
        """Mean of the pictures, float32. Raises ValueError if there is none."""
        if not self.count:
            raise ValueError("no picture to take the mean of")
        return self._mean

    def std(self) -> Tensor:
        """Standard deviation (divided by n, as Man et al. 2022, Eq. 15), float32.

        Raises ValueError if there are less than two pictures.
        """
        if self.count < 2:
            raise ValueError("a standard deviation needs two pictures")
        return (self._squares / self.count).clamp_(min=0).sqrt_()
