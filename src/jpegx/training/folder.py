"""The folder of a run: what it was started with, its log, its checkpoints, its pictures."""

import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jpegx.errors import JpegxError
from jpegx.io.atomic_file import atomic_file, make_folder, remove_leftovers
from jpegx.training.recipe.recipe import Recipe, parse_recipe
from jpegx.training.recipe.text import recipe_text, toml_value


class BadRun(JpegxError):
    """A run that cannot be started here, or that cannot be resumed."""


@dataclass(frozen=True)
class Settings:
    """What a run was started with: ``name`` of the recipe, ``limit`` in minutes, None for none."""

    name: str
    data: Path
    validation: Path | None
    limit: float | None
    recipe: Recipe


@dataclass(frozen=True)
class Names:
    """Of the images to train on, below their folder, and of those to validate on, below theirs."""

    train: tuple[str, ...]
    validate: tuple[str, ...]


class RunFolder:
    """Paths in the folder of a run, its settings and its log."""

    SETTINGS = "run.toml"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last = path / "last.safetensors"
        self.best = path / "best.safetensors"
        self.strips = path / "strips"
        self._recipe = path / "recipe.toml"
        self._settings = path / self.SETTINGS
        self._names = path / "images.json"
        self._log = path / "log.jsonl"

    def check_new(self) -> None:
        """Raise BadRun if there is a run already."""
        if self._settings.exists():
            raise BadRun(f"{self.path}: a run is here already; resume it, or name another folder")

    def create(self, settings: Settings, names: Names) -> None:
        """Make the folder and write down the settings. Raises BadRun if a name cannot be."""
        recipe = recipe_text(settings.recipe)
        lines = {"recipe": settings.name, "data": str(settings.data.absolute())}
        if settings.validation is not None:
            lines["validation"] = str(settings.validation.absolute())
        text = "".join(f"{key} = {toml_value(value)}\n" for key, value in lines.items())
        if settings.limit is not None:
            text += f"max_minutes = {settings.limit}\n"
        try:
            (recipe + text).encode()
        except UnicodeEncodeError as error:
            begin = error.object.rfind("\n", 0, error.start) + 1
            line = error.object[begin:].partition("\n")[0]
            raise BadRun(f"{self.path}: {line}: a name that is no text; rename it") from None
        make_folder(self.path)
        self._recipe.write_text(recipe, "utf-8")
        self._names.write_text(json.dumps(asdict(names)), "utf-8")
        # Last, because it is what says that a run is here.
        write_whole(self._settings, text)

    def names(self) -> Names:
        """Of the images that the run was started with. Raises BadRun."""
        try:
            read = json.loads(self._names.read_text("utf-8"))
            return Names(*(tuple(map(str, read[key])) for key in ("train", "validate")))
        except FileNotFoundError as error:
            raise BadRun(
                f"{self._names}: is missing, as in runs of older versions; start another run from "
                f"this one with --set training.start={self.path}"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise BadRun(f"{self._names}: damaged: {error}") from error

    def settings(self) -> Settings:
        """What the run was started with. Raises BadRun if there is no run; BadRecipe."""
        try:
            lines = tomllib.loads(self._settings.read_text("utf-8"))
            text = self._recipe.read_text("utf-8")
            limit = lines.get("max_minutes")
            validation = lines.get("validation")
            return Settings(
                lines["recipe"],
                Path(lines["data"]),
                None if validation is None else Path(validation),
                None if limit is None else float(limit),
                parse_recipe(text, str(self._recipe)),
            )
        except FileNotFoundError as error:
            raise BadRun(
                f"{self.path}: no run of jpegx train here; name the folder of one"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise BadRun(f"{self._settings}: damaged: {error}") from error

    def log(self, **values: object) -> None:
        """Add a line of JSON to the log."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(values) + "\n")

    def remove_leftovers(self) -> None:
        """Remove what was half written when the run was killed."""
        for place in (self.path, self.strips):
            remove_leftovers(place)

    def clear_log(self) -> None:
        """Drop what a run wrote that was killed before its first checkpoint."""
        self._log.unlink(missing_ok=True)

    def images(self) -> int:
        """Number of images that the run trains on, as its log says; 0 if it does not."""
        return max((line["images"] for line in self._lines() if "images" in line), default=0)

    def last_figures(self) -> list[object]:
        """The figures of the last validation, one entry per quality."""
        found = [line for line in self._lines() if "validation" in line]
        return [line["validation"] for line in found if line["step"] == found[-1]["step"]]

    def _lines(self) -> list[dict[str, Any]]:
        """The whole lines of the log; a kill can leave half a line."""
        lines = []
        if self._log.exists():
            for text in self._log.read_text("utf-8").splitlines():
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if isinstance(line, dict) and isinstance(line.get("step"), int):
                    lines.append(line)
        return lines

    def rewind_log(self, step: int) -> None:
        """Drop the lines of the log after a step: those steps will be done again."""
        kept = [line for line in self._lines() if line["step"] <= step]
        write_whole(self._log, "".join(json.dumps(line) + "\n" for line in kept))


def write_whole(path: Path, text: str) -> None:
    """Write a text file: whole, or not at all."""
    with atomic_file(path, overwrite=True) as stream:
        stream.write(text.encode())
