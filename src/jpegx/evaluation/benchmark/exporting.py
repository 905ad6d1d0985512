"""The JPEG files that originals are compressed to, for programs that are not started from here."""

from collections.abc import Iterable
from pathlib import Path

from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.jpegs import CompressedHere, without_suffix
from jpegx.evaluation.benchmark.plan import Plan
from jpegx.evaluation.benchmark.prepared import Originals
from jpegx.io.atomic_file import atomic_file


def export_jpegs(
    plan: Plan, context: Context, originals: Originals, names: Iterable[str], folder: Path
) -> None:
    """Write the files of originals, q10/NAME.jpg and so on, what is there already anew.

    Where the plan has several sets, each into a folder of its name. What fails is told.
    """
    set_name = originals.data_set.name if len(plan.data_sets) > 1 else ""
    made = [files for files in plan.jpegs if isinstance(files, CompressedHere)]
    for name in names:
        try:
            pixels = originals.read(name)
            for files in made:
                path = folder / set_name / f"q{files.quality}" / f"{without_suffix(name)}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                with atomic_file(path, overwrite=True) as stream:
                    stream.write(files.compress(pixels))
        except Exception as error:
            context.failed(error, str(originals.data_set.path(name)))
