"""Every key of a recipe: its type, its default and what it means."""

from dataclasses import dataclass, field
from typing import Any


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
    quality: tuple[int, int] = key((5, 95), "Lowest and highest IJG quality.")
    quality_power: float = key(1.0, "Quality to this power is uniform: below 1, low ones prevail.")
    sampling: dict[str, float] = field(
        default_factory=lambda: {"4:4:4": 1.0},
        metadata={"meaning": "Weight of each sampling: 4:4:4, 4:2:2, 4:4:0, 4:2:0, 4:1:1, gray."},
    )
    workers: int = key(2, "Processes that read and cut, 0 for none.")
    cache_gigabytes: float = key(4.0, "Decoded images kept in memory.")


@dataclass(frozen=True)
class NetworkOptions:
    """[generator] or [critic]: a network."""

    family: str = key("", "Name of the architecture.")
    config: dict[str, Any] = field(
        default_factory=dict,
        metadata={"meaning": "Its sizes; what is not given is the family's default."},
    )


@dataclass(frozen=True)
class TrainingOptions:
    """[training]: what the stages share."""

    seed: int = key(0, "Same seed, same data, same noise, same start.")
    start: str = key("", "To start from: weights (file or name), or a run, with its critic.")
    ema: float = key(0.999, "Decay of the moving average of the generator's weights.")
    optimizer: str = key("adam", "adam, or muon for the convolutions, of both networks.")
    muon_rate: float = key(10.0, "Learning rate of Muon, relative to Adam's.")
    betas: tuple[float, float] = key((0.9, 0.999), "Of Adam, for both networks.")
    critic_rate: float = key(1.0, "Learning rate of the critic, relative to the generator's.")
    precision: str = key("auto", "bfloat16, float32, or auto: bfloat16 where the device has it.")
    accumulate: int = key(1, "Parts of a batch that are worked on one after the other.")
    warm_up: int = key(0, "Steps over which a stage's learning rate rises to its full value.")


@dataclass(frozen=True)
class StageOptions:
    """[adversarial] and others: length and learning rate of a stage."""

    steps: int = key(0, "Steps; 0 leaves the stage out.")
    share: float = key(1.0, "Part of --max-minutes, relative to those of the others.")
    learning_rate: float = key(1e-4, "At the start; cosine from there.")
    final_learning_rate: float = key(1e-6, "At the end.")


@dataclass(frozen=True)
class RegressionOptions(StageOptions):
    """[regression]: also what it minimizes."""

    loss: str = key("mse", "mse, whose minimum is X̄(Y), or log_mse, which is closer to PSNR.")


@dataclass(frozen=True)
class LossOptions:
    """[losses]: weights of the adversarial stage (Eq. 8 of paper 1), images from 0 to 1."""

    adversarial: float = key(1e-3, "Scale of V in the generator's loss (Eq. 10).")
    r1: float = key(1.0, "Gradient penalty of the critic.")
    r1_every: int = key(1, "Steps between two gradient penalties; each then counts as often.")
    consistency: tuple[float, float] = key((1.0, 1e3), "Eq. 4: first and last weight, cosine.")
    first_moment: float = key(0.0, "Eq. 5.")
    second_moment: float = key(0.0, "Eq. 7 and 16.")
    crps: float = key(0.0, "Sliced CRPS of the samples of [moments].")
    perceptual: float = key(0.0, "Eq. 6; needs the file vgg19.")
    vgg19: str = key("", "Weights of VGG-19, a safetensors file with torchvision's names.")
    feature_matching: float = key(0.0, "On the critic's features, where vgg19 names no file.")


@dataclass(frozen=True)
class MomentOptions:
    """[moments]: the samples that moments (App. A.2) and sliced CRPS are estimated from."""

    every: int = key(8, "Steps between two estimates, unless shared.")
    images: int = key(8, "Of each batch, so many of the first images, unless shared.")
    samples: int = key(16, "Samples of each image.")
    filters: int = key(8, "Random directions of the sliced CRPS, at each scale.")
    shared: bool = key(
        False, "Draw them once a step, of every image, and let the critic rate the same."
    )
    guided: bool = key(
        False, "First moment: distance from X̄(Y), whose noise is less than the source's."
    )
    unbiased: bool = key(False, "Correct both estimates for the number of samples.")
    reference: str = key(
        "",
        "Regression X̄(Y) of Eq. 7 and guided: file or name; without, what it started as.",
    )


@dataclass(frozen=True)
class ValidationOptions:
    """[validation]: what is measured while training."""

    images: int = key(8, "Images at most; without a folder they are kept back from the data.")
    crop: int = key(256, "Pixels each way at most, cut from the centre.")
    qualities: tuple[int, ...] = key((10, 40), "IJG qualities, 4:2:0.")
    samples: int = key(4, "Samples per image.")


@dataclass(frozen=True)
class RunOptions:
    """[run]: steps between two of each; the last step of a run does all of them."""

    log_every: int = key(50, "Lines of the log; one comes before each of the others, too.")
    save_every: int = key(500, "Checkpoints to resume from.")
    validate_every: int = key(2000, "Validations.")
    strips_every: int = key(2000, "Pictures of samples to look at.")
