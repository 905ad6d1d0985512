"""jpegx decode as its users run it."""

import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import MakeJpeg, Run, closed
from jpegx.batch.executors import ray_cluster
from jpegx.batch.executors.ray_cluster import NoRay
from jpegx.batch.settings import DecodeSettings
from jpegx.consistency.causes import Causes
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.sampling.decoding import Decoded, decode
from jpegx.sampling.hardware import choose_device
from jpegx.sampling.sampler import Sampler, open_sampler
from jpegx.sampling.spec import SamplerSpec


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_one_sample_beside_the_input(run: Run, make_jpeg: MakeJpeg) -> None:
    photo = make_jpeg("photo.jpg", size=(33, 17))
    result = run("decode", photo)
    assert (result.exit_code, result.output) == (0, "")
    with Image.open(photo.with_suffix(".png")) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (33, 17))


def test_samples_mean_and_map(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg")
    out = tmp_path / "out"
    result = run("decode", photo, "-n", 8, "--mean", "--std-map", "-o", out)
    assert (result.exit_code, result.output) == (0, "")
    samples = [f"photo_{index}.png" for index in range(8)]
    assert names(out) == sorted([*samples, "photo_mean.png", "photo_std.png"])
    pixels = [np.array(Image.open(out / name), np.int16) for name in samples]
    assert all((a != b).any() for a, b in pairwise(pixels))
    deviation = np.std(np.array(pixels) / 255, axis=0).mean(-1)
    levels = np.array(Image.open(out / "photo_std.png"), np.int16)
    assert np.abs(levels - np.clip(deviation * 2550, 0, 255)).mean() < 10


def test_many_samples_sort(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    result = run("decode", make_jpeg("a.jpg", size=(8, 8)), "-n", 11, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert names(tmp_path / "out") == [f"a_{index:02}.png" for index in range(11)]


def test_gray_stays_gray(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    assert run("decode", make_jpeg("a.jpg", mode="L"), "-o", tmp_path / "b.png").exit_code == 0
    assert Image.open(tmp_path / "b.png").mode == "L"


def test_file_name_as_output_names_all_samples(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    photo = make_jpeg("in/photo.jpg")
    assert run("decode", photo, "-n", 2, "-o", tmp_path / "x" / "y.png").exit_code == 0
    assert names(tmp_path / "x") == ["y_0.png", "y_1.png"]


def test_file_name_as_output_keeps_its_suffix(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    photo = make_jpeg("in/photo.jpg")
    assert run("decode", photo, "-o", tmp_path / "x" / "Y.PNG").exit_code == 0
    assert names(tmp_path / "x") == ["Y.PNG"]
    assert "Y.PNG exists" in run("decode", photo, "-o", tmp_path / "x" / "Y.PNG").stderr


def test_folder_takes_only_jpeg_files_in_it(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for name in ("in/a.jpg", "in/B.JPEG", "in/c.jfif", "in/deep/d.jpg"):
        make_jpeg(name)
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    assert run("decode", tmp_path / "in", "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == ["B.png", "a.png", "c.png"]


def test_recursive_keeps_the_structure(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for name in ("in/a.jpg", "in/x/a.jpg", "in/x/y/a.jpg"):
        make_jpeg(name)
    assert run("decode", tmp_path / "in", "-r", "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == ["a.png", "x/a.png", "x/y/a.png"]


def test_folder_without_jpegs_says_so(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("in/deep/a.jpg")
    result = run("decode", tmp_path / "in")
    assert result.exit_code == 1
    assert result.stderr == (
        f"{tmp_path / 'in'}: no JPEG files in this folder; -r looks into its sub-folders\n"
    )


def test_explicit_files_whatever_the_suffix(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    files = [make_jpeg("in/scan.1"), make_jpeg("in/scan.2"), make_jpeg("in/really.png")]
    assert run("decode", *files, "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == ["really.png.png", "scan.1.png", "scan.2.png"]


@pytest.mark.parametrize(("null", "end"), [(False, b"\n"), (False, b"\r\n"), (True, b"\0")])
def test_list_on_standard_input(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, null: bool, end: bytes
) -> None:
    files = [make_jpeg("a b.jpg"), make_jpeg("ä.jpg")] + ([make_jpeg("c\nd.jpg")] if null else [])
    listing = b"".join(os.fsencode(file) + end for file in files)
    options = ["-0"] if null else []
    out = tmp_path / "out"
    result = run("decode", "--files-from", "-", *options, "-o", out, input=listing)
    assert result.exit_code == 0
    assert names(out) == sorted(file.with_suffix(".png").name for file in files)


def test_list_in_a_file_with_inputs_beside_it(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    a, b = make_jpeg("a.jpg"), make_jpeg("b.jpg")
    listing = tmp_path / "list"
    listing.write_text(f"{b}\n\n{a}\n")  # a twice, and an empty line
    result = run("decode", a, "--files-from", listing, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0
    written = [json.loads(line) for line in result.stdout.splitlines()]
    assert [entry["input"] for entry in written] == [str(a), str(b)]


def test_names_that_are_none(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg")
    without_0 = run("decode", "--files-from", "-", input=os.fsencode(photo) + b"\0")
    assert without_0.exit_code == 1
    assert without_0.stderr.startswith(f"{photo}\\x00: a zero byte in a name (-0 ")
    empty = run("decode", "")  # as from an unset variable: not the current folder
    assert (empty.exit_code, empty.stderr) == (1, ": No such file or directory; check the name\n")
    endless = run("decode", "x" * 300)
    assert endless.stderr.endswith(": File name too long; give a shorter name\n")
    assert names(tmp_path) == ["photo.jpg"]


def test_empty_list_is_said(run: Run) -> None:
    result = run("decode", "--files-from", "-", input=b"")
    assert (result.exit_code, result.stderr) == (1, "jpegx: the list of inputs is empty\n")


def test_standard_input_to_output(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg")
    result = run("decode", "-", "-o", "-", input=photo.read_bytes())
    assert (result.exit_code, result.stderr) == (0, "")
    run("decode", photo)
    assert result.stdout_bytes == photo.with_suffix(".png").read_bytes()
    assert names(tmp_path) == ["photo.jpg", "photo.png"]


def test_standard_input_to_a_folder(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg").read_bytes()
    assert run("decode", "-", "-n", 2, "-o", tmp_path / "out", input=photo).exit_code == 0
    assert names(tmp_path / "out") == ["stdin_0.png", "stdin_1.png"]


def test_bad_standard_input_writes_nothing(run: Run) -> None:
    result = run("decode", "-", "-o", "-", input=b"no JPEG")
    assert (result.exit_code, result.stdout_bytes) == (1, b"")
    assert result.stderr.startswith("standard input: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Missing argument"),
        (["a.jpg", "-0"], "--files-from"),
        (["-"], "needs -o"),
        (["-", "a.jpg", "-o", "x"], "only input"),
        (["-", "--files-from", "-", "-o", "x"], "only input"),
        (["a.jpg", "-o", "-", "-n", "2"], "one picture"),
        (["a.jpg", "-o", "-", "--json"], "one picture"),
        (["a.jpg", "-o", "-", "--jobs", "2"], "leave out --jobs"),
        (["a.jpg", "-o", "-", "--executor", "ray"], "leave out --executor ray"),
        (["a.jpg", "-o", "-", "--manifest", "m.jsonl"], "leave out --manifest"),
        (["a.jpg", "b.jpg", "-o", "-"], "one file"),
        (["a.jpg", "b.jpg", "-o", "x.png"], "one file"),
        (["a.jpg", "-o", "x.jpg"], "not as .jpg"),
        (["a.jpg", "-o", "b.jpg/"], "not as .jpg"),
        (["a.jpg", "-o", "list"], "not a folder"),
        (["a.jpg", "--mean"], "at least two"),
        (["a.jpg", "--std-map"], "at least two"),
        (["a.jpg", "-n", "0"], "--samples"),
        (["a.jpg", "--seed", "-1"], "--seed"),
        (["a.jpg", "--temperature", "nan"], "not a number"),
        (["a.jpg", "--compress-level", "10"], "--compress-level"),
        (["a.jpg", "--model", "nonsense"], "no weights of this name"),
        (["a.jpg", "--files-from", "missing"], "missing"),
    ],
)
def test_misuse(
    run: Run,
    make_jpeg: MakeJpeg,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    reason: str,
) -> None:
    make_jpeg("a.jpg")
    make_jpeg("b.jpg")
    (tmp_path / "list").touch()
    monkeypatch.chdir(tmp_path)
    result = run("decode", *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert names(tmp_path) == ["a.jpg", "b.jpg", "list"]


def test_bad_files_in_the_middle(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("in/a.jpg")
    make_jpeg("in/e.jpg")
    (tmp_path / "in" / "b.jpg").write_bytes(b"")
    (tmp_path / "in" / "c.jpg").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("CMYK", (8, 8)).save(tmp_path / "in" / "d.jpg")
    result = run("decode", tmp_path / "in", tmp_path / "missing.jpg", "-o", tmp_path / "out")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    # Names are looked up ahead of the work.
    assert lines[0] == f"{tmp_path / 'missing.jpg'}: No such file or directory; check the name"
    assert [line.split(":")[0] for line in lines[1:]] == [
        str(tmp_path / "in" / name) for name in ("b.jpg", "c.jpg", "d.jpg")
    ]
    assert names(tmp_path / "out") == ["a.png", "e.png"]


def test_pipes_in_folders_are_not_opened(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("in/a.jpg")
    make_jpeg("in/c.jpg")
    os.mkfifo(tmp_path / "in" / "b.jpg")
    result = run("decode", tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 1
    pipe = tmp_path / "in" / "b.jpg"
    assert result.stderr == f"{pipe}: not a file but a pipe or a device\n"
    assert names(tmp_path / "out") == ["a.png", "c.png"]


def test_a_folder_in_the_place_of_a_picture(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("in/a.jpg")
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    result = run("decode", photo, "--overwrite", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr == f"{photo}: {tmp_path / 'out' / 'a.png'}: Is a directory; name a file\n"
    assert names(tmp_path / "out") == []


def test_nothing_is_made_for_a_bad_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert run("decode", tmp_path / "a.jpg", "-o", tmp_path / "out").exit_code == 1
    assert not (tmp_path / "out").exists()


def test_truncated_file(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg", size=(64, 64), mode="L", quality=10)
    photo.write_bytes(photo.read_bytes()[:-60])
    strict = run("decode", photo, "--strict")
    assert strict.exit_code == 1
    assert names(tmp_path) == ["photo.jpg"]
    lenient = run("decode", photo, "--quiet")
    assert lenient.exit_code in (0, 3)  # the damaged block may be one that no pixels give
    assert lenient.stderr
    assert strict.stderr.startswith(f"{photo}: ")
    assert strict.stderr.count("\n") == 1
    for line in lenient.stderr.splitlines():
        assert line.startswith(f"{photo}: warning: ")
    assert names(tmp_path) == ["photo.jpg", "photo.png"]


def test_max_pixels(run: Run, make_jpeg: MakeJpeg) -> None:
    photo = make_jpeg("photo.jpg", size=(30, 20))
    result = run("decode", photo, "--max-pixels", 599)
    assert result.exit_code == 1
    assert "--max-pixels" in result.stderr
    assert run("decode", photo, "--max-pixels", 600).exit_code == 0


def test_existing_pictures(run: Run, make_jpeg: MakeJpeg) -> None:
    photo, other = make_jpeg("photo.jpg"), make_jpeg("other.jpg")
    sample = photo.with_name("photo_1.png")
    sample.write_bytes(b"mine")

    refused = run("decode", photo, other, "-n", 2)
    assert refused.exit_code == 1
    assert refused.stderr == f"{photo}: {sample} exists (use --overwrite or --skip-existing)\n"
    assert sample.read_bytes() == b"mine"
    assert not photo.with_name("photo_0.png").exists()
    assert other.with_name("other_1.png").exists()

    kept = run("decode", photo, other, "-n", 2, "--skip-existing", "--json")
    assert kept.exit_code == 0
    assert kept.stderr == "jpegx: 1 of 2 files skipped: their pictures exist\n"
    assert [json.loads(line)["sample"] for line in kept.stdout.splitlines()] == [0]
    assert sample.read_bytes() == b"mine"

    assert run("decode", photo, "-n", 2, "--overwrite").exit_code == 0
    assert sample.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("option", ["--overwrite", "--skip-existing", None])
@pytest.mark.parametrize(
    "files", [("in/photo.jpg", "in/photo.jpeg"), ("a/photo.jpg", "b/photo.jpg")]
)
def test_outputs_never_collide(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, option: str | None, files: tuple[str, str]
) -> None:
    first, second = make_jpeg(files[0]), make_jpeg(files[1], size=(9, 9))
    options = [option] if option else []
    result = run("decode", first, second, *options, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{second}: ")
    assert f"already the output of {first}" in result.stderr
    assert Image.open(tmp_path / "out" / "photo.png").size == (24, 16)


def test_sample_names_never_collide(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    a, b = make_jpeg("in/a.jpg"), make_jpeg("in/a_0.jpg")
    out = tmp_path / "out"
    assert run("decode", b, "-o", out).exit_code == 0
    assert run("decode", a, b, "-n", 2, "-o", out).exit_code == 1
    assert names(out) == ["a_0.png", "a_0_0.png", "a_0_1.png"]


def test_an_input_is_never_overwritten(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo, trap = make_jpeg("photo.jpg"), make_jpeg("photo.png")
    before = trap.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (tmp_path, tmp_path / "link"):
        result = run("decode", photo, trap, "--overwrite", "-o", folder)
        assert result.exit_code == 1
        assert "is a JPEG file itself" in result.stderr
        assert trap.read_bytes() == before


def test_same_seed_same_bytes(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("in/photo.jpg", size=(50, 30))
    make_jpeg("in/before.jpg")

    def decoded(folder: str, *arguments: object) -> bytes:
        assert run("decode", *arguments, "-o", tmp_path / folder).exit_code == 0
        return (tmp_path / folder / "photo_1.png").read_bytes()

    first = decoded("a", photo, "-n", 2, "--seed", 7)
    assert decoded("b", tmp_path / "in", "-n", 5, "--mean", "--seed", 7) == first
    assert decoded("c", photo, "-n", 2, "--seed", 8) != first


def test_same_samples_with_any_threads(make_jpeg: MakeJpeg) -> None:
    jpeg = read_jpeg(make_jpeg("photo.jpg", size=(120, 80), quality=20))
    sampler = open_sampler(SamplerSpec("general"))
    before = torch.get_num_threads()
    made = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        try:
            made.append(next(sampler.sample(jpeg, 1, 0)))
        finally:
            torch.set_num_threads(before)
    assert torch.equal(made[0], made[1])
    assert torch.equal(made[0], made[2])


def test_json(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg", size=(30, 20))
    options = ("-n", 2, "--mean", "--std-map", "--seed", 3, "--json", "-o", tmp_path / "out")
    result = run("decode", photo, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(entry["kind"], entry["sample"]) for entry in entries] == [
        ("sample", 0),
        ("sample", 1),
        ("mean", None),
        ("std", None),
    ]
    for entry in entries:
        assert entry["input"] == str(photo)
        assert (entry["width"], entry["height"]) == (30, 20)
        assert (entry["seed"], entry["model"], entry["projected"]) == (3, "laplace", True)
        assert Image.open(entry["output"]).size == (30, 20)
    assert all(entry["different"] == 0 < entry["total"] for entry in entries[:3])
    assert entries[3]["different"] is None
    unprojected = run("decode", photo, "--no-project", "--json", "-o", tmp_path / "raw")
    entry = json.loads(unprojected.stdout)
    assert (entry["projected"], entry["rmse_added"]) == (False, None)


def test_pictures_that_are_not_exact(
    run: Run, make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inexact(
        jpeg: QuantizedJpeg,
        sampler: Sampler,
        *,
        samples: int,
        seed: int,
        **options: Any,  # noqa: ANN401
    ) -> Decoded:
        decoded = decode(jpeg, sampler, samples=samples, seed=seed, **options)
        causes = Causes(gamut=2, search=3)
        pictures = (replace(p, different=5, total=99, causes=causes) for p in decoded.pictures)
        return replace(decoded, pictures=pictures)

    monkeypatch.setattr("jpegx.batch.file_work.decode", inexact)
    photo = make_jpeg("photo.jpg")
    result = run("decode", photo, "-n", 2)
    assert result.exit_code == 3
    assert result.stderr == (
        f"{photo}: warning: pictures that are not exact: 2; "
        "in photo_0.png 5 of 99 coefficients differ from the file's: "
        "2 where no 8-bit picture has the file's colours (gamut), 3 not found (search)\n"
    )
    assert photo.with_name("photo_1.png").exists()
    assert run("decode", photo, "-n", 2, "--no-project", "--overwrite").exit_code == 0


def test_a_failure_inside_is_one_line(
    run: Run, make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(jpeg: QuantizedJpeg, sampler: Sampler, **options: object) -> Decoded:
        raise ZeroDivisionError("a bug\nof two lines")

    monkeypatch.setattr("jpegx.batch.file_work.decode", broken)
    photo = make_jpeg("photo.jpg")
    result = run("decode", photo)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{photo}: internal error (ZeroDivisionError: a bug\\nof two lines); please report it\n"
    )


def test_names_are_printed_on_one_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "two\nlines[red]:smile:.jpg"
    path.write_bytes(b"")
    result = run("decode", path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{tmp_path}/two\\nlines[red]:smile:.jpg: ")
    assert result.stderr.count("\n") == 1


def test_folder_that_cannot_be_written(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photos = [make_jpeg("in/a.jpg"), make_jpeg("in/b.jpg")]
    (tmp_path / "file").touch()
    # Where a template leads to is known of each file alone.
    result = run("decode", *photos, "-n", 3, "-o", f"{tmp_path}/file/{{stem}}_{{sample}}.png")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [str(p) for p in photos]
    assert names(tmp_path) == ["file", "in/a.jpg", "in/b.jpg"]


def test_read_only_folder(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    photo = make_jpeg("photo.jpg")
    assert run("decode", photo, "-o", tmp_path / "first.png").exit_code == 0  # all is imported
    (tmp_path / "first.png").unlink()
    with closed(tmp_path, 0o555):
        result = run("decode", photo)
    assert result.exit_code == 1
    assert "Permission denied; check its permissions and those of its folder" in result.stderr
    assert result.stderr.count("\n") == 1
    assert names(tmp_path) == ["photo.jpg"]


def test_device_that_is_not_there(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for words in (
        ("decode", make_jpeg("a.jpg")),
        ("explore", "serve", make_jpeg("a.jpg")),
        ("train", "--data", tmp_path, "-o", tmp_path / "run"),
    ):
        result = run(*words, "--device", "cuda")
        assert result.exit_code == 2
        assert "Invalid value for '--device': PyTorch finds no CUDA GPU" in result.stderr
    assert names(tmp_path) == ["a.jpg"]


def test_devices_of_a_cluster_are_not_looked_for_here(
    run: Run, make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    photo = make_jpeg("a.jpg")

    def asked(settings: DecodeSettings, *_: object) -> None:
        raise NoRay(f"workers on {settings.spec.device}")

    monkeypatch.setattr(ray_cluster, "RayExecutor", asked)
    on_ray = ("--executor", "ray")
    for words in (("--device", "cuda", *on_ray), (*on_ray, "--device", "cuda")):
        result = run("decode", photo, *words)
        assert (result.exit_code, result.stderr) == (1, "jpegx: workers on cuda\n")
    result = run("decode", photo, "--device", "cuda:1", *on_ray)
    assert result.exit_code == 2
    assert "'--device': Ray gives each worker a GPU of its own; say cuda." in result.stderr
    result = run("eval", photo.parent, "--device", "cuda", *on_ray)  # compares the sets itself
    assert result.exit_code == 2
    assert "Invalid value for '--device': PyTorch finds no CUDA GPU" in result.stderr


def test_one_of_several_gpus(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    photo = make_jpeg("a.jpg")
    result = run("decode", photo, "--device", "cuda:2")
    assert result.exit_code == 2
    assert "PyTorch finds no cuda:2; use one of cuda:0 to cuda:1, or cpu" in result.stderr
    for word in ("cuda:", "cuda:x", "gpu", "mps"):
        result = run("decode", photo, "--device", word)
        assert result.exit_code == 2
        assert f"'{word}' is not auto, cpu, cuda or cuda:N" in result.stderr
    result = run("eval", tmp_path, "--model", "laplace:device=cuda:x", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "device must be auto, cpu, cuda or cuda:N" in result.stderr
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert SamplerSpec.parse("laplace:device=cuda:1,temperature=1").device == "cuda:1"
    assert names(tmp_path) == ["a.jpg"]
