"""jpegx in Python, as a first user and a researcher use it."""

import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import jpegx
from conftest import MakeJpeg, Run
from eval_results import rows
from jpegx.errors import JpegxError, PictureMismatch, UnreadableJpeg, UnreadablePicture
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.sampling.spec import SamplerSpec
from tiny_weights import write_weights

pytestmark = pytest.mark.usefixtures("one_thread")


def test_nothing_is_imported_before_it_is_used() -> None:
    program = (
        "import sys, jpegx; assert 'decode' in dir(jpegx)\n"
        "raise SystemExit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'encode'"):
        jpegx.encode  # noqa: B018


def test_samples_mean_deviation_and_exactness(make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("a.jpg", size=(45, 31))
    result = jpegx.decode(path, "laplace", samples=4, seed=3)
    assert result.pictures.shape == (4, 31, 45, 3)
    assert result.pictures.dtype == np.uint8
    assert result.exact
    assert result.different == (0,) * 4
    assert result.consistency_rmse == (0.0,) * 4
    assert np.allclose(result.mean, result.pictures.astype(float).mean(axis=0), atol=1e-4)
    deviation = result.pictures.astype(float).std(axis=0).mean(axis=-1)
    assert result.std.shape == (31, 45)
    assert np.allclose(result.std, deviation, atol=1e-3)
    assert result.std.max() > 1
    again = jpegx.decode(path.read_bytes(), "laplace", samples=2, seed=3)
    assert np.array_equal(again.pictures, result.pictures[:2])
    plain = jpegx.decode(path, "laplace", project=False)
    assert not plain.exact
    assert plain.consistency_rmse[0] > 0
    with pytest.raises(ValueError, match="two samples"):
        plain.std  # noqa: B018
    impossible: list[tuple[type[Exception], dict[str, Any]]] = [
        (ValueError, {"samples": 0}),
        (ValueError, {"seed": -1}),
        (TypeError, {"samples": 1.5}),
        (TypeError, {"seed": None}),
    ]
    for error, wrong in impossible:
        with pytest.raises(error, match=r"at least|no whole number"):
            jpegx.decode(path, "laplace", **wrong)


def test_pictures_are_those_of_the_command(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "tiny.safetensors", 0, {})
    path = make_jpeg("a.jpg", size=(40, 24))
    options = ("--model", weights, "--temperature", 0.5, "--seed", 7, "-n", 2)
    assert run("decode", path, *options).exit_code == 0
    sampler = jpegx.open_sampler(weights, temperature=0.5)
    pictures = jpegx.decode(jpegx.read_jpeg(path), sampler, samples=2, seed=7).pictures
    for number, picture in enumerate(pictures):
        with Image.open(tmp_path / f"a_{number}.png") as written:
            assert np.array_equal(picture, np.asarray(written))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_any_picture_is_made_consistent(make_jpeg: MakeJpeg, tmp_path: Path, mode: str) -> None:
    path = make_jpeg("a.jpg", size=(45, 31), mode=mode)
    jpeg = jpegx.read_jpeg(path)
    with Image.open(path) as shown:
        other = shown.resize((22, 15)).resize((45, 31))
    other.save(tmp_path / "theirs.png")
    found = [
        jpegx.project(jpeg, picture)
        for picture in (
            other,
            np.asarray(other),
            tmp_path / "theirs.png",
            np.asarray(other, np.float64),
        )
    ]
    for result in found:
        assert result.exact
        assert result.pixels.shape == (31, 45, jpeg.layout.channels)
        assert np.array_equal(result.pixels, found[0].pixels)
        assert jpegx.verify(str(path), result.pixels).exact
    report = jpegx.verify(jpeg, other)
    assert not report.exact
    assert report.consistency_rmse > 0
    wide = jpegx.project(jpeg, 2.0 * np.asarray(other) - 128)  # beyond 0 to 255
    assert wide.exact
    in_colour = jpegx.project(jpeg, np.asarray(other.convert("RGB")))
    assert np.array_equal(in_colour.pixels, found[0].pixels)


def test_pictures_of_pillow_in_other_modes(make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("a.jpg", size=(24, 16))
    with Image.open(path) as shown:
        image = shown.convert("P", palette=Image.Palette.ADAPTIVE)
    assert jpegx.verify(path, image) == jpegx.verify(path, image.convert("RGB"))
    opaque = image.convert("RGBA")
    assert jpegx.verify(path, opaque) == jpegx.verify(path, image.convert("RGB"))
    opaque.putalpha(9)
    for unfit, message in ((opaque, "transparent"), (image.convert("HSV"), "in HSV")):
        with pytest.raises(PictureMismatch, match=message):
            jpegx.project(path, unfit)


def test_files_are_judged_as_the_command_judges_them(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    path = make_jpeg("a.jpg", size=(45, 31))
    for options in ("--format=png16", "--format=tiff16"), ("--ycbcr", "--float"):
        for option in options:
            assert run("decode", path, option, "-o", tmp_path / option).exit_code == 0
    for written in tmp_path.glob("--*/*"):
        assert run("verify", path, written).exit_code == 0
        assert jpegx.verify(path, written).exact
        assert jpegx.project(path, written).exact


def test_numbers_of_any_type(make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("a.jpg", size=(24, 16))
    pixels = jpegx.decode(path, "laplace").pictures[0]
    for same in (pixels.astype(np.int64), pixels.tolist(), torch.tensor(pixels)):
        assert jpegx.verify(path, same).exact
    real = torch.tensor(pixels, dtype=torch.bfloat16, requires_grad=True)
    assert jpegx.project(path, real).exact
    with pytest.raises(PictureMismatch, match=r"16 bits, .*: divide by 257"):
        jpegx.project(path, pixels.astype(np.uint16) * 257)
    with pytest.raises(PictureMismatch, match="of bool"):
        jpegx.project(path, pixels > 9)


def test_what_does_not_fit_is_one_line(make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    path = make_jpeg("a.jpg", size=(24, 16))
    with pytest.raises(PictureMismatch, match=r"shape \(24, 16, 3\).* 16 rows, 24 columns"):
        jpegx.project(path, np.zeros((24, 16, 3), np.uint8))
    with pytest.raises(PictureMismatch, match="uint8"):
        jpegx.verify(path, np.zeros((16, 24, 3)))
    Image.new("RGB", (16, 24)).save(tmp_path / "turned.png")
    with pytest.raises(PictureMismatch, match=r"turned\.png: it has 16x24 .*; turn it back"):
        jpegx.verify(path, tmp_path / "turned.png")
    for source in (None, np.zeros(3), StringIO("")):
        with pytest.raises(TypeError, match="give the name of a JPEG file, its bytes, or"):
            jpegx.read_jpeg(source)  # type: ignore[arg-type]
    assert jpegx.read_jpeg(memoryview(path.read_bytes())).layout.width == 24
    with pytest.raises(PictureMismatch, match="not finite"):
        jpegx.project(path, np.full((16, 24), np.nan))
    with pytest.raises(PictureMismatch, match="of complex128"):
        jpegx.project(path, np.zeros((16, 24), complex))
    with pytest.raises(UnreadablePicture, match=r"none\.png"):
        jpegx.verify(path, tmp_path / "none.png")
    with pytest.raises(UnreadableJpeg, match=r"none\.jpg"):
        jpegx.decode(tmp_path / "none.jpg")
    with pytest.raises(JpegxError, match="no weights of this name"):
        jpegx.open_sampler("nobody")
    for option in ({"temperature": -1.0}, {"temperature": float("nan")}, {"device": "tpu"}):
        with pytest.raises(JpegxError, match=r"laplace: (temperature|device) must be"):
            jpegx.open_sampler("laplace", **option)
    with pytest.raises(TypeError, match=r"the spec says"):
        jpegx.open_sampler(SamplerSpec("laplace"), device="cpu")
    with pytest.raises(ValueError, match="from 1 to 100"):
        jpegx.evaluate(tmp_path, ["laplace"], qualities=[0])
    with pytest.raises(ValueError, match="at least one"):
        jpegx.evaluate(tmp_path, ["laplace"], qualities=[])
    with pytest.raises(TypeError, match=r"10\.5 is no whole number"):
        jpegx.evaluate(tmp_path, ["laplace"], qualities=[10.5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="lists of them"):
        jpegx.evaluate(tmp_path, "laplace")
    with pytest.raises(TypeError, match=r"class .*Identity'> is neither"):
        jpegx.open_sampler(torch.nn.Identity)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="temperature"):
        jpegx.open_sampler(torch.nn.Identity(), temperature=1)
    with pytest.raises(TypeError, match="name"):
        jpegx.open_sampler("laplace", name="mine")
    with pytest.raises(TypeError, match="int is neither"):
        jpegx.open_sampler(3)  # type: ignore[arg-type]


@settings(max_examples=12)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([5, 40, 92]),
    st.sampled_from([0, 1, 2]),
    st.integers(0, 99),
)
def test_what_is_projected_verifies(
    width: int, height: int, quality: int, sampling: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    source = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    image = Image.fromarray(source).resize((width, height), Image.Resampling.BICUBIC)
    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality, subsampling=sampling)
    jpeg = jpegx.read_jpeg(stream.getvalue())
    assert jpegx.verify(jpeg, image).exact
    other = np.asarray(image) + random.normal(0, 6, (height, width, 3))
    result = jpegx.project(jpeg, other)
    report = jpegx.verify(jpeg, result.pixels)
    assert sum(c.different for c in report.components) == result.different
    assert report.exact == result.exact


class Noisy(torch.nn.Module):
    """A network that draws."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = torch.nn.Parameter(torch.tensor(0.05))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        assert image.shape[:2] == (1, 3)
        return image + self.strength * torch.randn_like(image)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_network_of_ones_own(make_jpeg: MakeJpeg, mode: str) -> None:
    path = make_jpeg("a.jpg", size=(45, 31), mode=mode)
    sampler = jpegx.open_sampler(Noisy())
    assert sampler.name == "Noisy"
    before = torch.random.get_rng_state()
    result = jpegx.decode(path, sampler, samples=3)
    assert torch.equal(before, torch.random.get_rng_state())
    assert result.exact
    assert len({picture.tobytes() for picture in result.pictures}) == 3
    assert np.array_equal(jpegx.decode(path, sampler, samples=2).pictures, result.pictures[:2])
    identity = jpegx.decode(path, torch.nn.Identity(), project=False).pictures[0].astype(int)
    with Image.open(path) as shown:
        assert np.abs(identity.squeeze() - np.asarray(shown)).max() <= 4


def gray_plus_noise(jpeg: QuantizedJpeg, random: np.random.Generator) -> np.ndarray:
    return random.normal(128, 20, (jpeg.layout.height, jpeg.layout.width))


def test_a_function_of_ones_own(make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("a.jpg", size=(45, 31))
    result = jpegx.decode(path, gray_plus_noise, samples=3, seed=1)
    assert result.exact
    assert np.array_equal(
        jpegx.decode(path, gray_plus_noise, seed=1).pictures[0], result.pictures[0]
    )
    assert not np.array_equal(result.pictures[0], result.pictures[1])
    for wrong, message in (
        (lambda jpeg, random: np.zeros((4, 4)), "return the same size"),
        (lambda jpeg, random: np.zeros(4), "return the same size"),
        (lambda jpeg, random: np.full((31, 45), np.inf), "not finite"),
        (lambda jpeg, random: np.zeros((31, 45, 2)), "return 3 or 1"),
    ):
        with pytest.raises(JpegxError, match=message):
            jpegx.decode(path, wrong)


@pytest.mark.usefixtures("quick_eval")
def test_ones_own_are_evaluated(originals: Path, tmp_path: Path) -> None:
    samplers: list[Any] = [Noisy(), jpegx.open_sampler(gray_plus_noise, name="gray")]
    out = tmp_path / "out"
    with pytest.warns(UserWarning, match="matplotlib"):
        table = jpegx.evaluate(
            originals, [*samplers, "standard"], qualities=[10], samples=2, output=out
        )
    models = ("Noisy", "gray", "standard")
    names = [name + variant for name in models for variant in ("", " projected")]
    assert [row["decoder"] for row in table] == ["originals", *names]
    by_name = {row["decoder"]: row for row in table}
    assert by_name["gray projected"]["outside"] == 0
    assert by_name["gray"]["outside"] > 0.01
    assert by_name["Noisy"]["psnr"] < by_name["standard"]["psnr"]
    assert by_name["Noisy"]["std"] > 0
    written = rows(out)
    assert float(written["10", "gray"]["psnr"]) == pytest.approx(by_name["gray"]["psnr"])
    assert (out / "niqe.safetensors").is_file()
