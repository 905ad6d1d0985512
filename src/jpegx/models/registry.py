"""Generator families by name."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TypeVar

from jpegx.models.config import Config
from jpegx.models.generator import Generator

# The modules that register a family, imported when a family is first asked for.
MODULES = ("jpegx.models.families.unet", "jpegx.models.families.rrdb")

G = TypeVar("G", bound=Generator)

_families: dict[str, type[Generator]] = {}


def register(family: str) -> Callable[[type[G]], type[G]]:
    """A class decorator that makes a generator known under a name."""

    def add(cls: type[G]) -> type[G]:
        cls.family = family
        _families[family] = cls
        return cls

    return add


def families() -> dict[str, type[Generator]]:
    """All generator families by name."""
    for module in MODULES:
        import_module(module)
    return dict(_families)


def create(family: str, config: Config | Mapping[str, object] | None = None) -> Generator:
    """A new generator with random weights, in float32, in training mode.

    ``config``: the family's configuration or its dictionary; None is the family's default.
    Raises ValueError for an unknown family or a configuration that is not one of its own.
    """
    known = families()
    if family not in known:
        raise ValueError(f"unknown family {family[:40]!r}, not one of {', '.join(known)}")
    cls = known[family]
    if not isinstance(config, Config):
        config = cls.config_class.from_dict(config or {})
    if not isinstance(config, cls.config_class):
        raise ValueError(f"{type(config).__name__} does not configure {family!r}")
    return cls(config)
