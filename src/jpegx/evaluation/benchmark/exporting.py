"""The JPEG files that originals are compressed to, for programs that are not started from here."""

from collections.abc import Iterable
from pathlib import Path

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.jpegs import CompressedHere, without_suffix
from jpegx.evaluation.benchmark.plan import Plan
from jpegx.evaluation.benchmark.prepared import Originals
from jpegx.io.atomic_file import atomic_file


class NameTaken(JpegxError):
    """Another file lies where one is to be written."""


def export_jpegs(
    plan: Plan, context: Context, originals: Originals, names: Iterable[str], folder: Path
) -> None:
    """Write the files of originals, q10/NAME.jpg and so on; those that are there already stay.

    Where the plan has several sets, each into a folder of its name. What fails is told. Raises
    NameTaken if another file is in the place of one.
    """
    set_name = originals.data_set.name if len(plan.data_sets) > 1 else ""
    made = [files for files in plan.jpegs if isinstance(files, CompressedHere)]
    for name in names:
        try:
            pixels = originals.read(name)
            for files in made:
                path = folder / set_name / f"q{files.quality}" / f"{without_suffix(name)}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                content = files.compress(pixels)
                if path.is_file():
                    _check_same(path, content)
                    continue
                with atomic_file(path, overwrite=False) as stream:
                    stream.write(content)
        except NameTaken:
            raise
        except Exception as error:
            context.failed(error, str(originals.data_set.path(name)))


def _check_same(path: Path, content: bytes) -> None:
    with path.open("rb") as stream:
        if stream.read(len(content) + 1) != content:
            raise NameTaken(
                f"{path}: another file is there, which is not replaced; remove it, or export into "
                "another folder"
            )
