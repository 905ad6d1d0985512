"""jpegx eval as its users run it."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import Run
from eval_results import compressed, pixels, rows
from jpegx.errors import UnreadablePicture
from jpegx.evaluation.benchmark import figures
from jpegx.evaluation.benchmark.originals import read_pixels, video_luma

pytestmark = pytest.mark.usefixtures("quick_eval")


def test_models_at_two_qualities(run: Run, originals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    models = ("--model", "standard", "--model", "laplace", "--quality", "10,40", "-n", 3)
    result = run("eval", originals, *models, "-o", out)
    assert result.exit_code == 0, result.output
    found = rows(out)
    names = ["standard", "standard projected", "laplace", "laplace projected"]
    assert list(found) == [("", "originals"), *((q, name) for q in ("10", "40") for name in names)]
    for (_, name), row in found.items():
        assert row["pictures"] == "3"
        if name != "originals":
            assert float(row["swd"]) > 0
            assert float(row["niqe"]) > 0
            assert name == "standard" or (float(row["outside"]) == 0) == ("projected" in name)
            assert (row["std"] != "") == name.startswith("laplace")
    for quality in ("10", "40"):
        errors = []
        for path in sorted(originals.iterdir()):
            shown = pixels(BytesIO(compressed(path, int(quality))))  # type: ignore[arg-type]
            errors.append(np.mean((shown - pixels(path)) ** 2))
        psnr = np.mean(10 * np.log10(255**2 / np.array(errors)))
        plain = found[quality, "standard"]
        assert float(plain["psnr"]) == pytest.approx(psnr, abs=0.02)
        assert float(plain["equivalent"]) == pytest.approx(int(quality), abs=0.01)
        assert float(plain["saved"]) == pytest.approx(0, abs=0.01)
        assert 0 < float(found[quality, "laplace"]["std"]) < 0.1
        one, mean = (float(found[quality, "laplace"][key]) for key in ("psnr", "psnr_mean"))
        assert one < mean
    assert "laplace projected" in result.output
    assert "birds: 3 pictures" in result.output
    assert not (out / "work").exists()


def test_killed_run_goes_on(
    run: Run, originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, calls, most = figures.measure_picture, 0, 3

    def counted(*arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        nonlocal calls
        if calls == most:
            raise KeyboardInterrupt
        calls += 1
        return measure(*arguments)

    monkeypatch.setattr("jpegx.evaluation.benchmark.measuring.measure_picture", counted)
    command = ("eval", originals, "--model", "laplace", "--quality", 10, "-n", 2, "-o")
    assert run(*command, tmp_path / "killed").exit_code != 0
    assert calls == most
    with (tmp_path / "killed" / "measurements.jsonl").open("a") as lines:
        lines.write('{"key": "half a li')
    most = 1000
    assert run(*command, tmp_path / "killed").exit_code == 0
    assert calls == 6  # three pictures, with and without projection
    assert run(*command, tmp_path / "killed").exit_code == 0
    assert calls == 6
    assert run(*command, tmp_path / "whole").exit_code == 0
    for name in ("results.csv", "results.json"):
        whole, killed = ((tmp_path / way / name).read_bytes() for way in ("whole", "killed"))
        assert whole == killed
    # Another picture, and other options, are measured; what is the same is kept.
    Image.open(originals / "bird0.png").rotate(180).save(originals / "bird9.png")
    calls = 0
    assert run(*command, tmp_path / "killed").exit_code == 0
    assert rows(tmp_path / "killed")["10", "laplace"]["pictures"] == "4"
    assert calls > 0


def test_distances_of_a_part_are_not_kept_for_the_whole(
    run: Run, originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--projection", "with", "--quality", 10, "-n", 2, "-o")
    command = ("eval", originals, "--model", "laplace", *options)
    assert run(*command, tmp_path / "out").exit_code == 0
    Image.open(originals / "bird0.png").rotate(180).save(originals / "bird9.png")
    measure, calls = figures.measure_picture, 0

    def once(*arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        nonlocal calls
        calls += 1
        if calls == 2:  # the new picture is the first
            raise OSError(28, "No space left on device")
        return measure(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr("jpegx.evaluation.benchmark.measuring.measure_picture", once)
        assert run(*command, tmp_path / "out").exit_code == 1
    assert run(*command, tmp_path / "out").exit_code == 0
    assert run(*command, tmp_path / "whole").exit_code == 0
    assert rows(tmp_path / "out") == rows(tmp_path / "whole")


def test_pictures_of_other_programs(run: Run, originals: Path, tmp_path: Path) -> None:
    jpegs = tmp_path / "jpegs"
    jpegs.mkdir()
    for path in originals.iterdir():
        (jpegs / f"{path.stem}.jpg").write_bytes(compressed(path, 15))
    plain, drawn = tmp_path / "plain", tmp_path / "drawn"
    assert run("decode", jpegs, "--model", "standard", "--no-project", "-o", plain).exit_code == 0
    assert run("decode", jpegs, "--model", "laplace", "-n", 3, "-o", drawn).exit_code == 0
    models = ("--model", "standard", "--model", "laplace", "--jpegs", jpegs, "-n", 3)
    result = run(
        "eval", originals, "--decoded", plain, "--decoded", drawn, *models, "-o", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "out")
    for ours, theirs in (("standard", "plain"), ("laplace projected", "drawn")):
        for key, value in found["15", ours].items():
            if key not in ("decoder", "quality"):
                assert found["15", theirs][key] == value, key


def test_without_jpegs_nothing_is_said_of_consistency(
    run: Run, originals: Path, tmp_path: Path
) -> None:
    result = run("eval", originals, "--decoded", originals, "-o", tmp_path / "out")
    # The folder has the name of the data set, not of a row.
    assert result.exit_code == 0, result.output
    row = rows(tmp_path / "out")["", "birds"]
    assert row["psnr"] == "inf"
    assert float(row["ssim"]) == pytest.approx(1)
    assert row["swd"] == rows(tmp_path / "out")["", "originals"]["swd"]
    assert row["consistency"] == row["outside"] == ""
    figures = json.loads((tmp_path / "out" / "results.json").read_text())["rows"][-1]["figures"]
    assert figures["psnr"] is None


def test_what_cannot_be_measured_is_named(run: Run, originals: Path, tmp_path: Path) -> None:
    (originals / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    Image.new("RGB", (8, 8)).save(originals / "tiny.png")
    decoded = tmp_path / "decoded"
    decoded.mkdir()
    for name in ("bird0.png", "bird1.png"):
        Image.open(originals / name).save(decoded / name)
    Image.new("RGB", (9, 9)).save(decoded / "bird1.png")
    result = run("eval", originals, "--decoded", decoded, "-o", tmp_path / "out")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()[:-1]
    assert [Path(line.partition(":")[0]).name for line in lines] == [
        "broken.png",
        "tiny.png",
        "bird1.png",
        "bird2.png",
    ]
    assert "internal error" not in result.stderr
    assert rows(tmp_path / "out")["", "decoded"]["pictures"] == "1"


def test_gray(run: Run, originals: Path, tmp_path: Path) -> None:
    options = ("--model", "laplace", "--quality", 20, "--gray", "-n", 2, "-o", tmp_path)
    assert run("eval", originals, *options).exit_code == 0
    found = rows(tmp_path)["20", "laplace"]
    assert found["psnr"] == found["psnr_y"]


def test_gray_pictures_of_other_programs(run: Run, originals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("eval", originals, "--decoded", originals, "--gray", "-o", out)
    assert result.exit_code == 0, result.output
    assert rows(out)["", "birds"]["psnr"] == "inf"


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_of_deep_originals_the_upper_bits_are_taken(tmp_path: Path, suffix: str) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (40, 30), np.uint16)
    Image.fromarray(gray * 256 + 99).save(tmp_path / f"deep.{suffix}")
    pixels = read_pixels(tmp_path / f"deep.{suffix}", gray=False)
    assert np.array_equal(pixels.numpy(), np.stack([gray] * 3))
    Image.fromarray(gray.astype(np.float32)).save(tmp_path / "real.tif")
    with pytest.raises(UnreadablePicture, match="more than 16 bits"):
        read_pixels(tmp_path / "real.tif", gray=False)


def test_output_among_the_originals_is_refused(
    run: Run, originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(originals)
    result = run("eval", ".", "--model", "standard", "-o", "out")
    assert result.exit_code == 2
    assert "-o out lies in ." in result.stderr
    assert not Path("out").exists()


def test_luma_for_gray_figures() -> None:
    colors = torch.tensor([[0, 0, 0], [255, 255, 255], [255, 0, 0]], dtype=torch.uint8)
    assert video_luma(colors.T[:, :, None]).flatten().tolist() == [16, 235, 81]
    gray = torch.tensor([0, 7, 255], dtype=torch.uint8)[None, :, None].expand(3, 3, 1)
    assert video_luma(gray).flatten().tolist() == [0, 7, 255]


def test_no_inception(run: Run, originals: Path, tmp_path: Path) -> None:
    result = run("eval", originals, "--fid", "--inception", tmp_path / "none.pt")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "none.pt" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--quality", "0"], "1 to 100"),
        (["--quality", "ten"], "whole numbers"),
        (["--patches", "64"], "--fid"),
        (["--decoded", "x", "--model", "laplace"], "--jpegs"),
        (["--decoded", "x", "--crop", "64"], "--crop"),
        (["--decoded", "x", "--subsampling", "4:4:4"], "--subsampling"),
        (["--temperature", "nan"], "not a number"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage(run: Run, tmp_path: Path, options: list[str], words: str) -> None:
    result = run("eval", *([tmp_path] if options else []), *options)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize("options", [["--model", "standard", "--model", "standard"]])
def test_names_must_differ(run: Run, originals: Path, options: list[str]) -> None:
    result = run("eval", originals, *options)
    assert result.exit_code == 1
    assert "standard: two rows" in result.stderr


def test_niqe_fitted_to_a_folder(run: Run, originals: Path, tmp_path: Path) -> None:
    result = run("eval", originals, "--niqe", originals, "--model", "standard")
    assert result.exit_code == 1
    assert "too few to fit" in result.stderr
