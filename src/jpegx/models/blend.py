"""Weighted sums of weights: between a regression and a sampler, or what one learnt in another."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import isclose
from pathlib import Path

import torch

from jpegx import __version__
from jpegx.models.card import card_temperature
from jpegx.models.checkpoint import load, saved_state
from jpegx.models.checkpoint_header import BadCheckpoint
from jpegx.models.generator import Generator
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer


def blend(shares: Mapping[Path, float]) -> tuple[Generator, dict[str, object]]:
    """A generator whose every weight, or statistic, is the sum of shares of them, and its card.

    ``shares``: of checkpoints of one network, which add up to 1. Some may lack noise, dither or
    residual blocks: they count as networks whose weights of these are zero. It works where the
    weights have most of their training in common: r + s (g - r) lies between a regression r and the
    sampler g that was made from it (network interpolation, Wang et al. 2018, 3.4); r' + (g - r)
    gives a better regression r' what made r a sampler (task arithmetic, Ilharco et al. 2023).

    The card has the temperature of the samplers if all have the same. Raises ValueError if the
    shares do not add up to 1, BadCheckpoint if weights cannot be read or are of other networks.
    """
    total = sum(shares.values())
    if not isclose(total, 1, abs_tol=1e-6):
        raise ValueError(f"the shares add up to {total:.9g}; they must add up to 1")
    parts = {path: load(path) for path in shares}
    networks = [network for network, _ in parts.values()]
    silent = generators.create(networks[0].family, _widest(networks)).requires_grad_(False)
    for tensor in saved_state(silent).values():
        tensor.zero_()
    result = deepcopy(silent)
    for path, (generator, _) in parts.items():
        part = deepcopy(silent)
        try:
            transfer(generator, part)
        except ValueError as error:
            raise BadCheckpoint(f"{path}: {error}; blend files of one network") from error
        added = [list(saved_state(network).values()) for network in (result, part)]
        torch._foreach_add_(*added, alpha=shares[path])
    cards = {
        f"{number} {path.stem}": {**card, "share": shares[path]}
        for number, (path, (_, card)) in enumerate(parts.items(), 1)
    }
    own: dict[str, object] = {"made_with": f"jpegx {__version__}", "blend_of": cards}
    temperatures = {
        card_temperature(path, card) for path, (part, card) in parts.items() if part.stochastic
    }
    if len(temperatures) == 1:
        own["temperature"] = temperatures.pop()
    return result.eval(), own


def _widest(networks: Sequence[Generator]) -> dict[str, object]:
    """The configuration of the first, with all that any of them has."""
    configs = [network.config.to_dict() for network in networks]
    pairs = zip(configs, networks, strict=True)
    samplers = [config for config, network in pairs if network.stochastic]
    return networks[0].config_class.joined(configs, samplers)
