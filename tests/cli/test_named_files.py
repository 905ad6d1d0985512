"""Files that options name, of which nothing can be made: one line that says so, before any work."""

import errno
from pathlib import Path

import pytest

from conftest import Run, closed
from jpegx.cli import explore_bench
from jpegx.errors import JpegxError
from jpegx.exploration import bounds_answer, run_edit
from jpegx.exploration.rendered_glyphs import Font
from jpegx.io.inputs import find_pictures
from jpegx.io.paths import check_place

EDIT = ("explore", "random", "{jpeg}", "--region", "0,0,16x16", "--model", "laplace")
BOUNDS = ("explore", "bounds", "{jpeg}", "--region", "0,0,16x16")


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((run_edit, "run"), (bounds_answer, "answer_bounds")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("it was worked on"))


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("decode", "{jpeg}"), "-o"),
        (("project", "{jpeg}", "{jpeg}"), "-o"),
        (("project", "{jpeg}", "{jpeg}"), "--map"),
        (EDIT, "-o"),
        (EDIT, "--session"),
        (BOUNDS, "-o"),
        (BOUNDS, "--session"),
        (("explore", "draws", "{jpeg}", "--model", "laplace"), "-o"),
        (("explore", "nearest", "{jpeg}", "--image", "{jpeg}"), "-o"),
        (("explore", "compat", "{jpeg}", "{jpeg}"), "-o"),
    ],
)
def test_places_below_a_file(
    run: Run, example: Path, tmp_path: Path, words: tuple[str, ...], option: str
) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "new" / "a.png"
    result = run(*(word.format(jpeg=example) for word in words), option, place)
    assert result.exit_code == 2
    line = result.stderr.splitlines()[-1]
    assert f"{place}: Not a directory; a part of its name is a file, check the name." in line
    assert option in line or "--output" in line


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("decode", "{jpeg}"), "-o"),
        (("decode", "{jpeg}"), "--manifest"),
        (("project", "{jpeg}", "{jpeg}"), "-o"),
        (("project", "{jpeg}", "{jpeg}"), "--map"),
        (EDIT, "-o"),
        (EDIT, "--session"),
        (BOUNDS, "-o"),
        (("eval", "{jpeg}"), "-o"),
        (("eval", "{jpeg}"), "--export-jpegs"),
        (("train",), "-o"),
    ],
)
def test_outputs_without_a_name(
    run: Run, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...], option: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    words = tuple(word.format(jpeg=example) for word in words)
    result = run(*words, option, "")
    assert result.exit_code == 2
    assert "an empty name; a variable may not be set." in result.stderr.splitlines()[-1]
    assert option in result.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("decode", "{jpeg}", "-o"),
        ("project", "{jpeg}", "{jpeg}", "-o"),
        ("project", "{jpeg}", "{jpeg}", "--map"),
        (*EDIT, "-o"),
        ("explore", "nearest", "{jpeg}", "--image", "{jpeg}", "-o"),
    ],
)
def test_pictures_that_have_only_a_suffix(
    run: Run, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for bare in (".png", "new/.PNG", ".webp"):
        result = run(*(word.format(jpeg=example) for word in words), bare)
        assert result.exit_code == 2
        assert f"{bare}: it has no name before its suffix." in result.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_files_and_folders_that_are_in_the_way(run: Run, example: Path, tmp_path: Path) -> None:
    edit = [word.format(jpeg=example) for word in EDIT]
    there, folder = tmp_path / "there.png", tmp_path / "folder.png"
    there.touch()
    folder.mkdir()
    result = run(*edit, "-n", 1, "-o", there)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{example}: {there}: File exists; use --overwrite, or name another place\n"
    )
    result = run("explore", "nearest", example, "--image", example, "-o", folder)
    assert (result.exit_code, "Is a directory; name a file." in result.stderr) == (2, True)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_devices_are_not_read_to_no_end(run: Run, example: Path, device: str) -> None:
    edit = [word.format(jpeg=example) for word in EDIT]
    for words, code in (
        (("decode", example, "--manifest", device), 2),
        ((*edit, "--session", device), 1),
        (("models", device), 1),
    ):
        result = run(*words)
        assert result.exit_code == code, result.output
        assert f"{device}: not a file but a pipe or a device; " in result.stderr


def test_a_session_that_cannot_be_written_can_be_read(
    run: Run, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tmp_path / "s.json"
    words = ("explore", "bounds", example, "--region", "0,0,16x16", "--session", session)
    monkeypatch.undo()
    assert run(*words, "--quick").exit_code == 0

    def read_only(path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(explore_bench, "check_place", read_only)
    result = run(*words, "--quick")
    assert result.exit_code == 2
    assert f"--session: {session}: Read-only file system; use another place." in result.stderr
    assert run("explore", "history", example, "--session", session).exit_code == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--niqe", "none"), "'--niqe': none: No such file or directory; check the name."),
        (("--jpegs", "{jpeg}"), "'--jpegs': {jpeg}: a file; name a folder."),
        (("--lpips", "."), "'--lpips': .: a folder; name a file."),
    ],
)
def test_files_of_options(
    run: Run, example: Path, originals: Path, words: tuple[str, ...], reason: str
) -> None:
    result = run("eval", originals, *(word.format(jpeg=example) for word in words))
    assert result.exit_code == 2
    assert reason.format(jpeg=example) in result.stderr


def test_a_closed_folder_is_no_empty_one(tmp_path: Path) -> None:
    with closed(tmp_path):
        with pytest.raises(PermissionError):
            find_pictures(tmp_path)
        with pytest.raises(JpegxError, match="Permission denied; check its permissions"):
            Font(tmp_path / "a.ttf")


def test_nothing_is_left_of_the_look(tmp_path: Path) -> None:
    check_place(tmp_path / "new" / "deep" / "a.png")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(IsADirectoryError):
        check_place(tmp_path)
