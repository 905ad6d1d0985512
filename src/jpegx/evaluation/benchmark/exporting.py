"""The JPEG files that originals are compressed to, for programs that are not started from here."""

from collections.abc import Iterable, Iterator
from os.path import lexists
from pathlib import Path

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.jpegs import CompressedHere, without_suffix
from jpegx.evaluation.benchmark.originals import DataSet, read_original
from jpegx.evaluation.benchmark.plan import Plan
from jpegx.evaluation.benchmark.prepared import Originals
from jpegx.io.atomic_file import atomic_file
from jpegx.io.paths import check_folder


class NameTaken(JpegxError):
    """Another file lies where one is to be written."""


def check_places(plan: Plan, folder: Path) -> None:
    """Raise what hinders :func:`export_jpegs`, before anything is measured.

    NameTaken if another file is in the place of one, OSError if none can be written in the folder.
    What is wrong with an original is told when it is measured.
    """
    check_folder(folder)
    for data_set in plan.data_sets:
        for name in data_set.names:
            there = {p: files for p, files in _places(plan, data_set, name, folder) if lexists(p)}
            if not there:
                continue
            try:
                pixels = read_original(data_set.path(name), plan.request)
                made = {path: files.compress(pixels) for path, files in there.items()}
            except Exception:
                continue
            for path, content in made.items():
                _check_same(path, content)


def export_jpegs(
    plan: Plan, context: Context, originals: Originals, names: Iterable[str], folder: Path
) -> None:
    """Write the files of originals, q10/NAME.jpg and so on; those that are there already stay.

    Where the plan has several sets, each into a folder of its name. What fails is told. Raises
    NameTaken if another file is in the place of one.
    """
    for name in names:
        try:
            pixels = originals.read(name)
            for path, files in _places(plan, originals.data_set, name, folder):
                content = files.compress(pixels)
                if lexists(path):
                    _check_same(path, content)
                    continue
                with atomic_file(path, overwrite=False) as stream:
                    stream.write(content)
        except NameTaken:
            raise
        except Exception as error:
            context.failed(error, str(originals.data_set.path(name)))


def _places(
    plan: Plan, data_set: DataSet, name: str, folder: Path
) -> Iterator[tuple[Path, CompressedHere]]:
    """Where the files of an original go."""
    set_name = data_set.name if len(plan.data_sets) > 1 else ""
    for files in plan.jpegs:
        if isinstance(files, CompressedHere):
            yield (
                folder / set_name / f"q{files.quality}" / f"{without_suffix(name)}.jpg",
                files,
            )


def _check_same(path: Path, content: bytes) -> None:
    if path.is_file():
        with path.open("rb") as stream:
            if stream.read(len(content) + 1) == content:
                return
    raise NameTaken(
        f"{path}: another file is there, which is not replaced; remove it, or export into "
        "another folder"
    )
