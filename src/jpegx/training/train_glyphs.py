"""Training of the classifier of glyphs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.exploration.rendered_glyphs import Font
from jpegx.models.glyph_classifier import NONE, GlyphClassifier, normalized
from jpegx.training.glyph_examples import Atlas, GlyphExamples, draw_atlas

_BATCH = 64
_RATE, _WARM = 3e-3, 0.05
_PUSH = 2.0  # of 32, the length of what is seen: the longest change that must not matter
_MISLED = 3  # one example in so many is
_HELD = 8  # batches for a figure
_QUALITIES = (5, 10, 20, 50)


@dataclass(frozen=True)
class GlyphTraining:
    """``steps`` on ``fonts``, and what is measured on fonts that were ``kept`` back."""

    fonts: Sequence[Font]
    kept: Sequence[Font]
    steps: int
    seed: int


def train_glyphs(
    training: GlyphTraining, tell: Callable[[int, float], None]
) -> tuple[GlyphClassifier, dict[str, object]]:
    """The classifier, and its card. ``tell``: step and loss, from time to time.

    A third of each batch is changed a little in the direction that misleads the network most: what
    then still counts are shapes, so that steering towards a class draws it instead of noise.
    Raises JpegxError if the fonts have no letters.
    """
    torch.manual_seed(training.seed)
    network = GlyphClassifier().train()
    examples = GlyphExamples(draw_atlas(training.fonts), training.seed)
    held = draw_atlas(training.kept)
    adam = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=1e-3)
    steps = max(2, training.steps + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, _RATE, steps, pct_start=_WARM)
    mean = 0.0
    for step in range(1, training.steps + 1):
        crops, classes = examples.batch(_BATCH)
        seen = normalized(crops)
        part = _BATCH // _MISLED
        seen[:part] = _misled(network, seen[:part], classes[:part])
        loss = F.cross_entropy(network.logits(seen), classes)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        schedule.step()
        number = float(loss.detach())
        if not number < float("inf"):
            raise JpegxError("the training has diverged; take another --seed")
        mean = number if step == 1 else 0.98 * mean + 0.02 * number
        if step % 50 == 0 or step == training.steps:
            tell(step, mean)
    network.eval().requires_grad_(False)
    network.temperature.fill_(_best_temperature(network, held, training.seed))
    card: dict[str, object] = {
        "what": "opinions on letters and digits in crops (jpegx explore glyphs, classify)",
        "data": f"{len(training.fonts)} fonts, drawn, degraded and compressed at quality 5 to 95",
        "fonts": sorted(font.name for font in training.fonts),
        "fonts_kept_back": sorted(font.name for font in training.kept),
        "steps": training.steps,
        "seed": training.seed,
        "validation": [dict(_measured(network, held, q, training.seed)) for q in _QUALITIES],
    }
    return network, card


def _misled(network: GlyphClassifier, seen: Tensor, classes: Tensor) -> Tensor:
    """What is seen, changed so far that the loss rises most, to first order."""
    seen = seen.detach().requires_grad_()
    loss = F.cross_entropy(network.logits(seen), classes, reduction="sum")
    (slope,) = torch.autograd.grad(loss, seen)
    size = slope.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
    length = torch.rand(len(seen), 1, 1, 1) * _PUSH
    changed: Tensor = seen + length * slope / size
    return changed.detach()


def _answers(
    network: GlyphClassifier, atlas: Atlas, quality: int | None, seed: int
) -> tuple[Tensor, Tensor]:
    """Logits and classes of examples that no training has seen."""
    examples = GlyphExamples(atlas, seed + 1)
    logits, classes = [], []
    with torch.no_grad():
        for _ in range(_HELD):
            crops, truth = examples.batch(128, quality)
            logits.append(network(crops))
            classes.append(truth)
    return torch.cat(logits), torch.cat(classes)


def _best_temperature(network: GlyphClassifier, atlas: Atlas, seed: int) -> float:
    logits, classes = _answers(network, atlas, None, seed)
    candidates = [0.5 * 1.1**power for power in range(20)]
    return min(candidates, key=lambda t: float(F.cross_entropy(logits / t, classes)))


def _measured(
    network: GlyphClassifier, atlas: Atlas, quality: int, seed: int
) -> Mapping[str, object]:
    """How often opinions are right at a quality, and how sure they are of it."""
    logits, classes = _answers(network, atlas, quality, seed + 1)
    sure, said = logits.softmax(dim=1).max(dim=1)
    right = said == classes
    digits = classes < 10
    among = logits[:, :10].argmax(dim=1) == classes
    return {
        "quality": quality,
        "right": round(float(right.double().mean()), 3),
        "mean_certainty": round(float(sure.double().mean()), 3),
        "digits_among_digits_right": round(float(among[digits].double().mean()), 3),
        "none_right": round(float(right[classes == NONE].double().mean()), 3),
    }
