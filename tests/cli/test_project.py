"""jpegx project, and other programs as samplers, as their users run them."""

import json
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from conftest import MakeJpeg, Run
from processes import wait_for

# Other programs: one that blurs, by name of its files or on standard input and output.
BLUR = """
import sys
from PIL import Image, ImageFilter
given, made = sys.argv[1:] if len(sys.argv) > 1 else (sys.stdin.buffer, sys.stdout.buffer)
Image.open(given).filter(ImageFilter.GaussianBlur(1)).save(made, "PNG")
"""


@pytest.fixture
def example(example: Path, tmp_path: Path) -> Path:
    """A part of the example, so that the tests are quick."""
    with Image.open(example) as image:
        image.crop((100, 60, 196, 124)).save(tmp_path / "photo.jpg", quality=30)
    return tmp_path / "photo.jpg"


@pytest.fixture
def blurred(example: Path, tmp_path: Path) -> Path:
    path = tmp_path / "theirs.png"
    with Image.open(example) as image:
        image.filter(ImageFilter.GaussianBlur(1)).save(path)
    return path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "blur.py"
    path.write_text(f"#!{sys.executable}\n{BLUR}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_picture_of_another_program(
    run: Run, example: Path, blurred: Path, tmp_path: Path
) -> None:
    where = tmp_path / "where.png"
    result = run("project", example, blurred, "--map", where)
    assert (result.exit_code, result.stderr) == (0, "")
    made = tmp_path / "theirs_projected.png"
    assert result.stdout.startswith(f"{blurred}: ")
    assert "moved by RMSE" in result.stdout
    assert result.stdout.endswith(f"{made}: exact\n")
    assert run("verify", example, made).exit_code == 0
    with Image.open(where) as shown:
        assert (shown.mode, shown.size) == ("L", (96, 64))
        assert "plain projection" in shown.info["Description"]
        moved = np.asarray(shown)
    assert 0.02 < (moved > 0).mean() < 0.98


def test_json_tells_how_far(run: Run, example: Path, blurred: Path, tmp_path: Path) -> None:
    result = run("project", example, blurred, "--json", "-o", tmp_path / "a.png")
    told = json.loads(result.stdout)
    with Image.open(blurred) as before, Image.open(tmp_path / "a.png") as after:
        change = np.asarray(after, float) - np.asarray(before, float)
    assert told["rmse_moved"] == pytest.approx(np.sqrt((change**2).mean()), rel=1e-5)
    assert told["largest_moved"] == np.abs(change).max()
    before = json.loads(run("verify", example, blurred, "--json").stdout)
    assert told["outside"] == sum(part["different"] for part in before["components"]) > 0
    assert told["consistency_rmse_before"] == pytest.approx(before["consistency_rmse"])
    assert (told["different"], told["consistency_rmse"], told["map"]) == (0, 0, None)


def test_what_is_exact_already_stays(run: Run, example: Path, tmp_path: Path) -> None:
    assert run("decode", example, "-o", tmp_path / "a.png").exit_code == 0
    where = tmp_path / "where.png"
    result = run("project", example, tmp_path / "a.png", "--json", "--map", where)
    told = json.loads(result.stdout)
    assert (told["outside"], told["different"]) == (0, 0)
    assert told["rmse_moved"] < 0.5
    with Image.open(where) as shown:
        assert np.asarray(shown).max() <= 1  # roundings at the walls of the cells


@pytest.mark.parametrize("form", ["--ycbcr", "--float"])
def test_other_forms(run: Run, example: Path, blurred: Path, tmp_path: Path, form: str) -> None:
    result = run("project", example, blurred, form, "--json")
    assert result.exit_code == 0
    made = tmp_path / "theirs_projected.tif"
    assert run("verify", example, made).exit_code == 0
    assert 0 < json.loads(result.stdout)["rmse_moved"] < 20
    again = run("project", example, made, "-o", tmp_path / "again.png", "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["rmse_moved"] < (1 if form == "--float" else 3)


def test_gray_and_colour(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    gray, colour = make_jpeg("gray.jpg", mode="L"), make_jpeg("colour.jpg")
    Image.effect_noise((24, 16), 20).convert("RGB").save(tmp_path / "noise.png")
    for jpeg, mode in ((gray, "L"), (colour, "RGB")):
        made = tmp_path / f"{mode}.png"
        assert run("project", jpeg, tmp_path / "noise.png", "-o", made).exit_code == 0
        assert run("verify", jpeg, made).exit_code == 0
        with Image.open(made) as shown:
            assert shown.mode == mode


def test_two_folders(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for name in ("a.jpg", "deep/b.jpg", "lonely.jpg"):
        make_jpeg(f"in/{name}")
    (tmp_path / "theirs/deep").mkdir(parents=True)
    for name in ("a_0.png", "a_1.webp", "deep/b.bmp", "stray.png"):
        Image.effect_noise((24, 16), 50).convert("RGB").save(tmp_path / "theirs" / name)
    out = tmp_path / "out"
    options = ("-r", "-o", out, "--map", tmp_path / "maps")
    result = run("project", tmp_path / "in", tmp_path / "theirs", *options)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "jpegx: 3 files, 3 pictures projected, 0 of them not exact, 0 failed, "
        "1 files without a picture"
    )
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    assert found == ["a_0.png", "a_1.png", "deep/b.png"]
    maps = sorted(path.name for path in (tmp_path / "maps").rglob("*.*"))
    assert maps == ["a_0_map.png", "a_1_map.png", "b_map.png"]
    result = run("verify", tmp_path / "in", out, "-r")
    assert "3 pictures exact, 0 not exact" in result.stderr


def test_standard_streams(run: Run, example: Path, blurred: Path, tmp_path: Path) -> None:
    result = run("project", example, "-", "-o", "-", input=blurred.read_bytes())
    assert result.exit_code == 0
    (tmp_path / "out.png").write_bytes(result.stdout_bytes)
    assert run("verify", example, tmp_path / "out.png").exit_code == 0
    assert "standard input: " in result.stderr


def test_nothing_is_replaced_unasked(run: Run, example: Path, blurred: Path) -> None:
    assert run("project", example, blurred, "-o", blurred).exit_code == 1
    assert run("project", example, blurred).exit_code == 0
    result = run("project", example, blurred)
    assert result.exit_code == 1
    assert result.stderr == f"{blurred}: {_projected(blurred)} exists (use --overwrite)\n"
    assert run("project", example, blurred, "--overwrite").exit_code == 0
    result = run("project", example, blurred, blurred, "--overwrite")
    assert "already another picture" in result.stderr


def test_the_file_itself_is_never_replaced(run: Run, example: Path, blurred: Path) -> None:
    named = example.rename(example.with_suffix(".png"))
    before = named.read_bytes()
    for words in (("-o", named), ("-o", example.with_name("x.png"), "--map", named)):
        result = run("project", named, blurred, "--overwrite", *words)
        assert result.exit_code == 1
        assert f"{named} is a JPEG file itself; give another {words[-2]}" in result.stderr
        assert named.read_bytes() == before


def _projected(path: Path) -> Path:
    return path.with_name(f"{path.stem}_projected.png")


def test_bad_pictures_in_the_middle(run: Run, example: Path, blurred: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png")
    names = [tmp_path / "text.png", tmp_path / "small.png", tmp_path / "missing.png", blurred]
    result = run("project", example, *names, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        str(name) for name in names[:3]
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["theirs.png"]


@pytest.mark.parametrize(
    "words",
    [
        ("F", "theirs.png"),
        ("example", "a.png", "b.png", "-o", "one.png"),
        ("example", "a.png", "b.png", "--map", "one.png"),
        ("example", "-"),
        ("F", "F"),
        ("example", "a.png", "-r"),
        ("example", "a.png", "-o", "x.bmp"),
        ("example", "a.png", "--float", "-o", "x.png"),
        ("example", "a.png", "--float", "--ycbcr"),
    ],
)
def test_misuse(run: Run, example: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    meant = {"F": str(tmp_path), "example": str(example)}
    assert run("project", *(meant.get(word, word) for word in words)).exit_code == 2


@pytest.mark.parametrize("words", ["{program} {{input}} {{output}}", "{program}"])
def test_another_program_as_a_sampler(
    run: Run, example: Path, program: Path, tmp_path: Path, words: str
) -> None:
    command = words.format(program=program)
    options = ("--restorer-command", command, "-n", 2, "--json", "-o", tmp_path / "out")
    result = run("decode", example, *options)
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["model"], row["different"]) for row in rows] == [("blur", 0)] * 2
    pictures = [path.read_bytes() for path in sorted((tmp_path / "out").iterdir())]
    assert len(pictures) == 2


def test_the_seed_of_another_program(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    program = tmp_path / "noise.py"
    program.write_text(
        "import sys, numpy as np\nfrom PIL import Image\n"
        "random = np.random.default_rng(int(sys.argv[1]))\n"
        "pixels = random.integers(110, 140, (16, 24, 3), np.uint8)\n"
        "Image.fromarray(pixels).save(sys.argv[2])\n"
    )
    command = f"{sys.executable} {program} {{seed}} {{output}}"
    words = ("--restorer-command", command, "-n", 2)
    for out in ("a", "b"):
        assert run("decode", make_jpeg("a.jpg"), *words, "-o", tmp_path / out).exit_code == 0
    first, second = (tmp_path / "a" / f"a_{i}.png" for i in range(2))
    assert first.read_bytes() != second.read_bytes()
    assert first.read_bytes() == (tmp_path / "b/a_0.png").read_bytes()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sys.exit('no weights')", "exit status 1 (no weights)"),
        ("os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("pass", "its picture: not a picture of a known format"),
        ("Image.new('RGB', (3, 3)).save(sys.stdout.buffer, 'PNG')", "3x3 pixels"),
    ],
)
def test_another_program_fails(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, text: str, reason: str
) -> None:
    program = tmp_path / "bad.py"
    program.write_text(f"import os, sys\nfrom PIL import Image\n{text}\n")
    for name in ("a.jpg", "b.jpg"):
        make_jpeg(f"in/{name}")
    words = ("--restorer-command", f"{sys.executable} {program}", "-o", tmp_path / "out")
    result = run("decode", tmp_path / "in", *words)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    for line, name in zip(lines, ("a.jpg", "b.jpg"), strict=True):
        assert line.startswith(f"{tmp_path / 'in' / name}: ")
        assert reason in line
    assert not list(tmp_path.glob("out/*"))


def test_words_are_not_given_to_a_shell(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    words = f"{sys.executable} -c pass ; touch {touched}"
    assert run("decode", make_jpeg("a.jpg"), "--restorer-command", words).exit_code == 1
    assert not touched.exists()


@pytest.mark.parametrize("words", ["no-such-program {input}", "", "'open"])
def test_a_command_that_is_none(run: Run, make_jpeg: MakeJpeg, words: str) -> None:
    result = run("decode", make_jpeg("a.jpg"), "--restorer-command", words)
    assert result.exit_code == 2
    assert "--restorer-command" in result.stderr


def test_one_source_of_samples(run: Run, make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("a.jpg")
    words = ("--restorer-command", "cat", "--model", "standard")
    assert run("decode", path, *words).exit_code == 2
    assert run("decode", path, "--restorer-command", "cat", "--temperature", 1).exit_code == 2


def test_another_program_is_measured(
    run: Run, originals: Path, program: Path, quick_eval: None
) -> None:
    words = ("--model", f"command:{program} {{input}} {{output}}", "--quality", 10, "-n", 1)
    result = run("eval", originals, *words)
    assert result.exit_code == 0, result.stderr
    assert "blur projected" in result.stdout


def test_interrupting_ends_the_program(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    told = tmp_path / "pid"
    program = tmp_path / "slow.py"
    program.write_text(
        f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )

    def interrupted(process: subprocess.Popen[bytes], png: bytes) -> None:
        wait_for(lambda: told.exists() and told.read_text())
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    path = make_jpeg("a.jpg")
    run("decode", path, "--restorer-command", f"{sys.executable} {program}")
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_maps_replace_nothing(run: Run, example: Path, blurred: Path, tmp_path: Path) -> None:
    out, there = tmp_path / "out.png", tmp_path / "there.png"
    there.write_bytes(b"mine")
    source = blurred.read_bytes()
    words = ("project", example, blurred, "-o", out)
    for place, why, more in (
        (there, "use --overwrite", ()),
        (out, "give another --map", ("--overwrite",)),
        (blurred, "give another --map", ("--overwrite",)),
    ):
        result = run(*words, "--map", place, *more)
        assert result.exit_code == 1
        assert why in result.stderr
        assert not out.exists()
    assert (there.read_bytes(), blurred.read_bytes()) == (b"mine", source)
