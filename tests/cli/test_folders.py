"""Folders and lists of files, as people have them, and several processes at once."""

import os
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import MakeJpeg, Run, closed
from forked import Forked
from jpegx.batch.outputs import Naming
from jpegx.io.inputs import Input, NameList, UnreadableList, find_inputs, find_pictures
from jpegx.io.png import encode_png


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_every_legal_name(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg")
    folder = tmp_path / "in"
    folder.mkdir()
    odd = ["..jpg", "...jpg", " .jpg", "a..jpg", "-n.jpg", "a\nb.jpg", "\udcff.jpg", "%s{}.JPG"]
    for name in odd:
        shutil.copy(photo, folder / name)
    shutil.copy(photo, folder / ".jpg")  # hidden, and without an ending
    result = run("decode", folder, "-n", 2, "-o", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    expected = [f"{name[:-4]}_{sample}.png" for name in odd for sample in (0, 1)]
    assert names(tmp_path / "out") == sorted(expected)
    compared = run("verify", folder, tmp_path / "out")
    assert compared.exit_code == 0, compared.stderr
    assert "._0.png" in compared.stdout
    assert run("decode", folder / "..jpg", "-o", tmp_path / "..png").exit_code == 0
    assert (tmp_path / "..png").exists()


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20))
def test_names_of_outputs(name: str) -> None:
    if name in (".", ".."):
        return
    for output in (None, Path("out")):
        outputs = Naming(output, 2, mean=True, std_map=True).of(Input(Path(name), Path(name)))
        assert len({path.name for path in outputs}) == 4
        assert all(path.parent == (output or Path()) for path in outputs)


def test_closed_sub_folders_are_told(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("in/a.jpg", "in/sub/b.jpg"):
        make_jpeg(name)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # what is above is closed to others
    assert run("decode", "in", "-r", "-o", "out").exit_code == 0
    denied = "Permission denied; check its permissions and those of its folder\n"
    with closed(Path("in/sub")):
        result = run("info", "in", "-r")
    assert (result.exit_code, result.stderr) == (1, f"in/sub: {denied}")
    assert result.stdout.startswith("in/a.jpg")
    with closed(Path("out/sub")):
        result = run("verify", "in", "out", "-r")
        with pytest.raises(PermissionError):
            find_pictures(Path("out"))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"out/sub: {denied}in/sub/b.jpg: no picture of it in out\n")
    assert "1 pictures exact" in result.stderr


def test_what_macos_leaves_is_skipped(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("in/a.jpg")
    for name in ("in/._a.jpg", "in/__MACOSX/in/._a.jpg", "in/__MACOSX/b.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        ")
    result = run("decode", tmp_path / "in", "-r", "-o", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert names(tmp_path / "out") == ["a.png"]
    named = run("decode", tmp_path / "in" / "._a.jpg", "-o", tmp_path / "out")
    assert "not a JPEG file" in named.stderr


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_with_a_mark(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    make_jpeg("a.jpg")
    make_jpeg("ä.jpg")
    monkeypatch.chdir(tmp_path)
    text = end.join(("a.jpg", "ä.jpg", ""))
    listing = tmp_path / "list.txt"
    listing.write_bytes(text.encode("utf-8-sig"))
    result = run("decode", "--files-from", listing, "-o", "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert names(tmp_path / "out") == ["a.png", "ä.png"]
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        listing.write_bytes(text.encode(encoding))
        result = run("decode", "--files-from", listing, "-o", "out")
        assert result.exit_code == 2
        assert "in UTF-16; save it in UTF-8" in result.stderr


@given(st.binary(max_size=300), st.booleans())
def test_any_list(data: bytes, null: bool) -> None:
    try:
        found = list(NameList(BytesIO(data), null=null))
    except UnreadableList:
        return
    assert all(found)


def test_relative_to(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    files = [make_jpeg(f"in/{name}/a.jpg") for name in ("x", "y", "y/z")]
    other = make_jpeg("other/a.jpg")
    listing = tmp_path / "list"
    listing.write_text("\n".join(map(str, [*files, other])))
    options = ("--relative-to", tmp_path / "in", "-o", tmp_path / "out")
    result = run("decode", "--files-from", listing, *options)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{other}: is not below {tmp_path / 'in'}, the folder of --relative-to\n"
    )
    assert names(tmp_path / "out") == ["x/a.png", "y/a.png", "y/z/a.png"]


def test_the_same_name_in_several_folders(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for name in ("a/x.jpg", "b/x.jpg", "c/a/x.jpg"):
        make_jpeg(f"in/{name}")
    folders = [tmp_path / "in" / name for name in ("a", "b", "c/a")]
    result = run("decode", *folders, "-o", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert names(tmp_path / "out") == ["a/x.png", "b/x.png", "c/a/x.png"]
    twice = run("decode", folders[0], tmp_path / "in", "-r", "-o", tmp_path / "again")
    assert (twice.exit_code, twice.stderr) == (0, "")
    assert names(tmp_path / "again") == ["a/x.png", "b/x.png", "c/a/x.png"]
    files = run("decode", *(folder / "x.jpg" for folder in folders), "-o", tmp_path / "flat")
    assert files.exit_code == 1
    assert "keep their folders with --relative-to" in files.stderr


def test_links_to_folders_are_said(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("in/a.jpg")
    make_jpeg("other/b.jpg")
    link = tmp_path / "in" / "link"
    link.symlink_to(tmp_path / "other")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    result = run("decode", tmp_path / "in", "-r", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"{path}: a link to a folder, not followed; name it itself"
        for path in (link, tmp_path / "in" / "loop")
    ]
    assert names(tmp_path / "out") == ["a.png"]
    assert run("decode", link, "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == ["a.png", "b.png"]


def test_times_are_kept(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("a.jpg")
    os.utime(photo, ns=(5 * 10**9, 7 * 10**9 + 3))
    assert run("decode", photo, "--preserve", "-n", 2, "--std-map").exit_code == 0
    for name in ("a_0", "a_1", "a_std"):
        assert (tmp_path / f"{name}.png").stat().st_mtime_ns == 7 * 10**9 + 3
    assert run("decode", photo, "-o", tmp_path / "now.png").exit_code == 0
    assert (tmp_path / "now.png").stat().st_mtime_ns > 10**18
    refused = run("decode", "-", "--preserve", "-o", tmp_path, input=photo.read_bytes())
    assert refused.exit_code == 2


def test_a_log(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photos = [make_jpeg("a.jpg"), make_jpeg("b.jpg")]
    (tmp_path / "c.jpg").write_bytes(b"")
    assert run("decode", photos[1]).exit_code == 0
    result = run("decode", *photos, tmp_path / "c.jpg", "-v", "--skip-existing")
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"[1/3] {photos[0]}: ")
    assert lines[0].endswith(" s")
    assert lines[1] == f"[2/3] {photos[1]}: skipped"
    assert lines[2].startswith(f"{tmp_path / 'c.jpg'}: the file is empty")
    assert lines[4].startswith("jpegx: 3 files, 1 picture written, 1 skipped, 1 failed, 0 not ex")


def test_left_over_files_are_removed(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("in/a.jpg")
    out = tmp_path / "out"
    out.mkdir()
    for left in (".jpegx-0123456789ab.part", ".jpegx-0123456789abcdef.claim"):
        (out / left).write_bytes(b"half")
    assert run("decode", photo, "-o", out).exit_code == 0
    assert os.listdir(out) == ["a.png"]  # noqa: PTH208


def test_a_picture_that_appears_is_not_replaced(
    run: Run, make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program writes the picture while it is decoded."""
    photo = make_jpeg("a.jpg")
    picture = photo.with_suffix(".png")

    def slow(*arguments: object, **options: object) -> None:
        encode_png(*arguments, **options)  # type: ignore[arg-type]
        picture.write_bytes(b"theirs")

    monkeypatch.setattr("jpegx.batch.writing.encode_png", slow)
    refused = run("decode", photo)
    assert (refused.exit_code, picture.read_bytes()) == (1, b"theirs")
    advice = "use --overwrite, or name another place"
    assert refused.stderr == f"{photo}: {picture}: appeared while it was being made; {advice}\n"
    picture.unlink()
    kept = run("decode", photo, "--skip-existing")
    assert (kept.exit_code, kept.stderr, picture.read_bytes()) == (0, "", b"theirs")
    assert run("decode", photo, "--overwrite").exit_code == 0
    assert names(photo.parent) == ["a.jpg", "a.png"]


@pytest.mark.usefixtures("one_thread")
def test_two_processes_share_the_work(make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for index in range(40):
        make_jpeg(f"in/{index:02}.jpg", size=(16, 16))
    (tmp_path / "out").mkdir()
    words = ["decode", "--model", "laplace", tmp_path / "in", "--skip-existing"]
    words += ["-o", tmp_path / "out", "--json"]
    processes = [Forked(words, tmp_path / f"said{number}") for number in range(2)]
    told = [process.end() for process in processes]
    assert [process.code for process in processes] == [0, 0]
    assert all("Traceback" not in said for said in told)
    assert names(tmp_path / "out") == [f"{index:02}.png" for index in range(40)]
    # Each picture was made once.
    assert sum(said.count('"input"') for said in told) == 40
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as picture:
            picture.load()


def test_inputs_are_found_once(make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("in/a.jpg")
    said: list[str] = []
    found = find_inputs(
        [str(tmp_path / "in"), str(photo)], recursive=True, failed=said.append, noted=said.append
    )
    assert [source.path for source in found] == [photo]
    assert said == []
