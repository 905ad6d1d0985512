"""Random numbers of a step, the same whenever they are asked for."""

import torch


def random_numbers(device: torch.device, *key: int) -> torch.Generator:
    """A generator of random numbers on a device, a function of whole numbers from 0."""
    seed = 0
    for number in key:
        seed = (seed * 1_000_003 + number + 1) % (1 << 63)
    return torch.Generator(device).manual_seed(seed)
