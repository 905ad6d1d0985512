"""Families of networks by name: generators and critics."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, TypeVar

from jpegx.models.config import Config
from jpegx.models.critic import Critic
from jpegx.models.generator import Generator

F = TypeVar("F", Generator, Critic)


class Registry(Generic[F]):
    """The families of one kind of network: every module of a package may register some.

    ``kind``: what messages call them. ``package``: imported when a family is first asked for.
    """

    def __init__(self, kind: str, package: str) -> None:
        self._kind = kind
        self._package = package
        self._families: dict[str, type[F]] = {}

    def register(self, family: str) -> Callable[[type[F]], type[F]]:
        """A class decorator that makes a family known under a name."""

        def add(cls: type[F]) -> type[F]:
            cls.family = family
            self._families[family] = cls
            return cls

        return add

    def families(self) -> dict[str, type[F]]:
        """All families by name."""
        for module in iter_modules(import_module(self._package).__path__):
            import_module(f"{self._package}.{module.name}")
        return dict(self._families)

    def find(self, family: str) -> type[F]:
        """The class of a name. Raises ValueError if there is none."""
        known = self.families()
        if family not in known:
            names = ", ".join(sorted(known))
            raise ValueError(f"unknown {self._kind} {family[:40]!r}, not one of {names}")
        return known[family]

    def create(self, family: str, config: Config | Mapping[str, object] | None = None) -> F:
        """A new network with random weights, in float32, in training mode.

        ``config``: the family's configuration or its dictionary; None is the family's default.
        Raises ValueError for an unknown family or a configuration that is not one of its own.
        """
        cls = self.find(family)
        if not isinstance(config, Config):
            config = cls.config_class.from_dict(config or {})
        if not isinstance(config, cls.config_class):
            raise ValueError(f"{type(config).__name__} does not configure {family!r}")
        return cls(config)


generators: Registry[Generator] = Registry("family", "jpegx.models.families")
critics: Registry[Critic] = Registry("critic", "jpegx.models.critics")
