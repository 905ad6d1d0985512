"""The card of trained weights: what people should know who use them."""

from pathlib import Path

from jpegx import __version__
from jpegx.models.zoo import SUFFIX
from jpegx.training.folder import RunFolder
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.run_checkpoint import Position


def make_card(folder: RunFolder, recipe: Recipe, position: Position) -> dict[str, object]:
    """The card of the weights at a position of a run: recipe, data, length, last figures."""
    settings = folder.settings()
    stage = recipe.last_stage(position.stage)
    start = recipe.training.start
    stand_ins = [line for name in recipe.active for line in recipe.stages[name].stand_ins()]
    return {
        "made_with": f"jpegx {__version__}",
        "recipe": settings.name,
        "data": f"{settings.data.name}, {folder.images()} images",
        "stage": stage,
        "steps": position.step,
        "minutes": round(position.seconds / 60, 1),
        **({"start": Path(start).name.removesuffix(SUFFIX)} if start else {}),
        **({"stand_ins": "; ".join(stand_ins)} if stand_ins else {}),
        "seed": recipe.training.seed,
        "quality": list(recipe.data.qualities or recipe.data.quality),
        "sampling": sorted(recipe.data.sampling),
        "validation": folder.last_figures(),
    }
