"""Weights carried over between networks that are the same but for their noise and their depth."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

from jpegx.models.generator import Generator
from jpegx.models.layers import ResidualBlock


@runtime_checkable
class TakesNoise(Protocol):
    """A layer whose ``weight`` has another shape where there is no noise."""

    def matched(self, weight: Tensor) -> Tensor:
        """The weight of such a layer with or without noise, in this layer's own shape.

        What belongs to noise that the other lacks is this layer's own.
        """


def transfer(source: Generator, target: Generator) -> None:
    """Give ``target`` the weights of ``source``, of which one may have noise and the other not.

    Weights of noise that ``source`` lacks stay as they are in ``target``; those that ``target``
    lacks are left out. Residual blocks that ``source`` lacks stay as well: they begin near the
    identity. Raises ValueError if they are otherwise different networks.
    """
    weights = dict(source.state_dict())
    for prefix, module in target.named_modules():
        name = f"{prefix}.weight"
        if isinstance(module, TakesNoise) and name in weights:
            weights[name] = module.matched(weights[name])
    own = target.state_dict()
    added = tuple(
        f"{prefix}."
        for prefix, module in target.named_modules()
        if isinstance(module, ResidualBlock) and f"{prefix}.first.weight" not in weights
    )
    other = [
        name
        for name in weights.keys() ^ own.keys()
        if "noise" not in name.split(".") and not name.startswith(added)
    ]
    other += [n for n in weights.keys() & own.keys() if weights[n].shape != own[n].shape]
    if other:
        raise ValueError(f"weights of another network: {min(other)} differs")
    target.load_state_dict(weights, strict=False)


def deeper(config: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """A configuration with, at each scale, the residual blocks of the one that has more.

    So that :func:`transfer` can add them. Where the number of scales differs, or there are none, it
    is ``config`` as it was. What is not a number comes through, to be refused with the network.
    """
    result = dict(config)
    for name in ("encoder", "decoder"):
        ours, theirs = config.get(name), other.get(name)
        if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            try:
                result[name] = [max(pair) for pair in zip(ours, theirs, strict=True)]
            except TypeError:
                result[name] = theirs
    return result
