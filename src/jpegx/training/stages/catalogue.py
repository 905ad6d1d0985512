"""The stages of training by name, in the order in which a run goes through them."""

from importlib import import_module
from typing import Any, TypeVar

from jpegx.training.stages.stage import Stage

# The modules that register a stage, imported when a stage is first asked for.
MODULES = (
    "jpegx.training.stages.regression",
    "jpegx.training.stages.adversarial",
    "jpegx.training.stages.head",
    "jpegx.training.stages.control",
)

S = TypeVar("S", bound=type[Stage[Any]])

_stages: dict[str, type[Stage[Any]]] = {}


def register(stage: S) -> S:
    """A class decorator that makes a stage known by its name."""
    _stages[stage.name] = stage
    return stage


def stages() -> dict[str, type[Stage[Any]]]:
    """All stages by name, in their order."""
    for module in MODULES:
        import_module(module)
    return {s.name: s for s in sorted(_stages.values(), key=lambda s: MODULES.index(s.__module__))}
