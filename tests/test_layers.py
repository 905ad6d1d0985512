"""The floors of the house: who may import whom (pyproject.toml, [tool.importlinter])."""

import subprocess
import sys
from pathlib import Path

from conftest import Run

ROOT = Path(__file__).parents[1]
WITHOUT_TORCH = (
    "jpegx.io.any_picture",
    "jpegx.io.picture_reader",
    "jpegx.jpeg.describe",
    "jpegx.jpeg.file",
    "jpegx.models.zoo",
    "jpegx.sampling.spec",
    "jpegx.cli.main",
    "jpegx.front_door",
)


def test_a_folder_imports_only_from_floors_below_it() -> None:
    program = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_what_needs_no_torch_does_not_import_it() -> None:
    program = (
        "import sys\nfor name in sys.argv[1:]:\n    __import__(name)\n"
        "    if 'torch' in sys.modules: raise SystemExit(name)"
    )
    subprocess.run([sys.executable, "-c", program, *WITHOUT_TORCH], check=True)


def test_a_file_name_stands_once() -> None:
    names = [path.name for path in (ROOT / "src" / "jpegx").rglob("*.py")]
    twice = {name for name in names if names.count(name) > 1} - {"__init__.py"}
    assert not twice, twice


def test_no_file_is_long() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "src").rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 300
    }
    assert not long, long


def test_verify_of_an_exact_picture_and_info_need_no_torch(
    run: Run, example: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "exact.png"
    assert run("decode", example, "-o", picture).exit_code == 0
    for words in (("info", example), ("verify", example, picture)):
        program = (
            "import sys; from jpegx.cli.main import main\n"
            "try: main(sys.argv[1:])\n"
            "except SystemExit as end: assert not end.code, end.code\n"
            "raise SystemExit('torch' in sys.modules)"
        )
        result = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
