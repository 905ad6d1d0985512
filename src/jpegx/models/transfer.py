"""Weights carried over between networks that are the same but for parts that one may lack."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn


class Addable:
    """A part that a network may have where the one that its weights come from has none.

    It begins near the identity.
    """


class Droppable(Addable):
    """A part, such as an input for noise, that either of two networks may be without."""


@runtime_checkable
class TakesNoise(Protocol):
    """A layer whose ``weight`` has another shape where there is no noise."""

    def matched(self, weight: Tensor) -> Tensor:
        """The weight of such a layer with or without noise, in this layer's own shape.

        What belongs to noise that the other lacks is this layer's own.
        """


def transfer(source: nn.Module, target: nn.Module) -> None:
    """Give ``target`` the weights of ``source``, of which one may have parts that the other lacks.

    Weights of parts that ``source`` lacks stay as they are in ``target``; those that ``target``
    lacks are left out. Raises ValueError if they are otherwise different networks.
    """
    weights = dict(source.state_dict())
    for prefix, module in target.named_modules():
        name = f"{prefix}.weight"
        if isinstance(module, TakesNoise) and name in weights:
            weights[name] = module.matched(weights[name])
    own = target.state_dict()
    added, dropped = _prefixes(target, Addable), _prefixes(source, Droppable)
    other = [name for name in own.keys() - weights.keys() if not name.startswith(added)]
    other += [name for name in weights.keys() - own.keys() if not name.startswith(dropped)]
    other += [n for n in weights.keys() & own.keys() if weights[n].shape != own[n].shape]
    if other:
        raise ValueError(f"weights of another network: {min(other)} differs")
    target.load_state_dict(weights, strict=False)


def _prefixes(network: nn.Module, kind: type) -> tuple[str, ...]:
    """How the names of weights begin that belong to a kind of parts."""
    return tuple(f"{name}." for name, part in network.named_modules() if isinstance(part, kind))
