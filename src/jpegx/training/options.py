"""The keys of a recipe that all stages share: type, default and what each means."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from jpegx.errors import JpegxError
from jpegx.training.schedules import cosine, halving


class BadRecipe(JpegxError):
    """A recipe that cannot be used: unknown, not TOML, unknown keys, impossible values.

    ``problems``: each names the key. They are told together: ``where: one; another``.
    """

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        super().__init__(f"{where}: {'; '.join(problems)}")


def key(default: object, meaning: str) -> Any:  # noqa: ANN401 (stands for a value of any type)
    """A key of a recipe: its default, and one line that says what it means."""
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class DataOptions:
    """[data]: patches and their compression."""

    patch: int = key(128, "Pixels of a patch each way.")
    batch: int = key(32, "Patches per step, over all processes.")
    groups: int = key(4, "Parts of a batch, each with a sampling of its own.")
    native: float = key(0.0, "Share of patches at the image's own scale; others are reduced.")
    turn: bool = key(True, "Random flips and quarter turns.")
    flip: bool = key(False, "Random flips left to right alone, where turn is off.")
    quality: tuple[int, int] = key((5, 95), "Lowest and highest IJG quality.")
    qualities: tuple[int, ...] = key((), "If given, a patch has one of these, by chance.")
    quality_power: float = key(1.0, "Quality to this power is uniform: below 1, low ones prevail.")
    sampling: dict[str, float] = field(
        default_factory=lambda: {"4:4:4": 1.0},
        metadata={"meaning": "Weight of each sampling: 4:4:4, 4:2:2, 4:4:0, 4:2:0, 4:1:1, gray."},
    )
    other_tables: float = key(0.0, "Share of patches with tables that are not the IJG's.")
    workers: int = key(2, "Processes that read and cut, 0 for none.")
    cache_gigabytes: float = key(4.0, "Decoded images kept in memory.")


@dataclass(frozen=True)
class NetworkOptions:
    """[generator], or a critic of a stage: a network."""

    family: str = key("", "Name of the architecture.")
    config: dict[str, Any] = field(
        default_factory=dict,
        metadata={"meaning": "Its sizes; what is not given is the family's default."},
    )


@dataclass(frozen=True)
class OptimizerOptions:
    """How weights are changed."""

    optimizer: str = key("adam", "adam, or muon for the convolutions.")
    muon_rate: float = key(10.0, "Learning rate of Muon, relative to Adam's.")
    betas: tuple[float, float] = key((0.9, 0.999), "Of Adam.")

    def optimizer_problems(self, where: str) -> Iterator[str]:
        """What is wrong with them; ``where``: the table that they stand in."""
        if self.optimizer not in ("adam", "muon"):
            yield f"{where}.optimizer must be adam or muon"
        if max(self.betas) >= 1:
            yield f"{where}.betas must be below 1"


@dataclass(frozen=True)
class TrainingOptions(OptimizerOptions):
    """[training]: what the stages share; the optimizer is that of the generator and of a critic."""

    seed: int = key(0, "Same seed, same data, same noise, same start.")
    start: str = key("", "To start from: weights (file or name), or a run, with its critic.")
    needs_start: bool = key(False, "The recipe goes on from what start names: not without.")
    ema: float = key(0.999, "Decay of the moving average of the generator's weights.")
    precision: str = key("auto", "bfloat16, float32, or auto: bfloat16 where the device has it.")
    accumulate: int = key(1, "Parts of a batch that are worked on one after the other.")
    frozen: tuple[str, ...] = key((), "How names of weights begin that are not trained.")
    stand_in: bool = key(
        False, "Others may stand in for weights that are needed and not named (--stand-in)."
    )
    warm_up: int = key(0, "Steps over which a stage's learning rate rises to its full value.")


@dataclass(frozen=True)
class StageOptions:
    """The table of a stage: its length and learning rate; each stage adds keys of its own."""

    steps: int = key(0, "Steps; 0 leaves the stage out.")
    share: float = key(1.0, "Part of --max-minutes, relative to those of the others.")
    learning_rate: float = key(1e-4, "At the start.")
    final_learning_rate: float = key(1e-6, "At the end of a cosine.")
    schedule: str = key("cosine", "Of the learning rate: cosine, or halving.")
    halve_every: int = key(0, "Steps between two halvings.")

    def rate(self, step: int, progress: float) -> float:
        """The learning rate after some steps of the stage, at a progress of 0 to 1."""
        if self.schedule == "halving":
            return halving(self.learning_rate, self.halve_every, step)
        return cosine(self.learning_rate, self.final_learning_rate, progress)

    def problems(self, common: "CommonOptions") -> Iterator[str]:
        """What is wrong with the table of a stage that has steps; each names the key."""
        yield from ()

    def problems_of_start(
        self, common: "CommonOptions", *, regression: bool, started: bool
    ) -> Iterator[str]:
        """What is wrong with what the stage begins with.

        ``regression``: whether that is X̄(Y), by an earlier stage or by what the run starts from.
        ``started``: whether it was trained at all.
        """
        yield from ()

    def stand_ins(self) -> Iterator[str]:
        """What stands in for weights that the stage needs and that are not named, for the card."""
        yield from ()

    def with_whole_paths(self) -> Self:
        """The same with files named so that they are found from any folder."""
        return self

    def notes(self) -> Iterator[str]:
        """Lines for the user when a run begins or goes on."""
        yield from ()


@dataclass(frozen=True)
class ValidationOptions:
    """[validation]: what is measured while training."""

    images: int = key(8, "Images at most; without a folder they are kept back from the data.")
    crop: int = key(256, "Pixels each way at most, cut from the centre.")
    qualities: tuple[int, ...] = key((10, 40), "IJG qualities.")
    sampling: str = key("4:2:0", "One of those of data.sampling.")
    samples: int = key(4, "Samples per image.")


@dataclass(frozen=True)
class RunOptions:
    """[run]: steps between two of each; the last step of a run does all of them."""

    log_every: int = key(50, "Lines of the log; one comes before each of the others, too.")
    save_every: int = key(500, "Checkpoints to resume from.")
    validate_every: int = key(2000, "Validations.")
    strips_every: int = key(2000, "Pictures of samples to look at.")


@dataclass(frozen=True)
class CommonOptions:
    """What a recipe says to all stages; one field per table."""

    data: DataOptions = field(default_factory=DataOptions)
    generator: NetworkOptions = field(default_factory=NetworkOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    validation: ValidationOptions = field(default_factory=ValidationOptions)
    run: RunOptions = field(default_factory=RunOptions)
