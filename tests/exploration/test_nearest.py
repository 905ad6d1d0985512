"""Hypotheses: the certified distance is never above the least one, and the truth is consistent."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from PIL import Image

import jpegx
from conftest import Run
from jpegx.errors import PictureMismatch
from jpegx.exploration.block_distance import Family, Problem, nearest_samples
from jpegx.exploration.cell_bounds import rounding
from jpegx.exploration.functionals import sample_weights
from jpegx.exploration.hypothesis import Hypothesis
from jpegx.exploration.nearest import find_nearest
from jpegx.exploration.selection import select, touched
from jpegx.exploration.shapes import BadRegion, Rectangle
from jpegx.exploration.statements import Can, Cannot
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import dct_of_blocks, dct_pass, integer_samples
from jpegx.jpeg.reader import libjpeg
from known_sources import files


def problem(seed: int, step: int, blocks: int = 3) -> tuple[Problem, np.ndarray]:
    """Blocks in the middle of the range, and the samples that they were made from."""
    random = np.random.default_rng(seed)
    source = random.normal(128, 12, (blocks, 8, 8)).round()
    spectrum = 8 * dct_of_blocks(source - 128)
    centre = np.round(spectrum / (8 * step)) * 8 * step
    weights = (random.random((blocks, 8, 8)) < 0.5) * 1.0
    weights[0] = 1
    wanted = random.normal(128, 25, (blocks, 8, 8))
    made = Problem(weights, wanted, source, centre - 4 * step, centre + 4 * step)
    return made, source


@given(st.integers(0, 999), st.integers(3, 40))
@example(424, 36)  # which takes ten times the iterations
@settings(max_examples=8)
def test_the_certificate_is_below_the_optimum_and_near_to_it(seed: int, step: int) -> None:
    lsq_linear = pytest.importorskip("scipy.optimize").lsq_linear
    given_, _ = problem(seed, step)
    found = nearest_samples(given_)
    transform = np.kron(dct_pass(), dct_pass())
    slack = rounding(np.eye(64).reshape(64, 8, 8)) / 8
    for number in range(len(found.least)):
        root = np.sqrt(given_.weights[number].reshape(64))
        low, high = given_.low[number].reshape(64) / 8, given_.high[number].reshape(64) / 8
        wanted = given_.wanted[number].reshape(64) - 128
        optimum, widened = (
            2 * lsq_linear(root[:, None] * transform.T, root * wanted, ends).cost
            for ends in ((low, high), (low - slack, high + slack))
        )
        assert found.least[number] <= optimum * (1 + 1e-6) + 1e-6
        # libjpeg's roundings are in the certificate, and no more than these.
        assert found.least[number] >= widened * (1 - 1e-4) - 0.01


@given(st.integers(0, 999), st.integers(3, 40))
@settings(max_examples=4, phases=(Phase.generate,))
def test_families_are_never_excluded_with_the_truth_in_them(seed: int, step: int) -> None:
    random = np.random.default_rng(seed)
    shape = random.random((3, 8, 8))
    contrast, offset = random.uniform(30, 90), random.uniform(40, 90)
    source = (contrast * shape + offset).round()
    spectrum = 8 * dct_of_blocks(source - 128)
    centre = np.round(spectrum / (8 * step)) * 8 * step
    template = (source - offset) / contrast
    group = np.array([0, 0, 1])
    family = Family(template, group, (20.0, 100.0), (0.0, 255.0))
    low, high = centre - 4 * step, centre + 4 * step
    asked = Problem(np.ones_like(source), source, source, low, high, family)
    assert nearest_samples(asked).least.max() < 1e-3
    other = Family(random.random((3, 8, 8)), group, (60.0, 100.0), (0.0, 255.0))
    found = nearest_samples(Problem(np.ones_like(source), source, source, low, high, other))
    fixed = Problem(np.ones_like(source), source, source, low, high)
    assert found.contrast is not None
    assert found.offset is not None
    for g in range(2):  # no contrast and offset of the family is nearer
        for a in (60.0, float(found.contrast[g]), 100.0):
            for b in (20.0, float(found.offset[g]), 90.0):
                wanted = a * other.template + b
                nearest = nearest_samples(Problem(fixed.weights, wanted, source, low, high))
                assert found.least[g] <= nearest.least[group == g].sum() * 1.0001 + 0.5


@settings(max_examples=10)
@given(st.data(), files(largest=40, least=1), st.booleans())
def test_the_truth_is_consistent(
    data: st.DataObject, given_: tuple[QuantizedJpeg, np.ndarray], luma: bool
) -> None:
    jpeg, source = given_
    x, y = (data.draw(st.integers(0, size - 1)) for size in (source.shape[1], source.shape[0]))
    region = select(jpeg.layout, [Rectangle(x, y, 9, 11)])
    everywhere = np.ones(source.shape[:2], bool)
    found = find_nearest(jpeg, Hypothesis("truth", source, everywhere), region, luma=luma)
    assert found.least == 0
    assert found.reached == 0
    assert found.outside == 0
    assert found.verdict(0) == "consistent"
    near = np.clip(source.astype(int) + 3, 0, 255).astype(np.uint8)
    found = find_nearest(jpeg, Hypothesis("near", near, everywhere), region, luma=luma)
    # What is wanted is at most 3 levels away from what the file was made of.
    assert found.least <= 3.5


@pytest.fixture
def guesses(example: Path, tmp_path: Path) -> tuple[Path, Path]:
    """What a decoder shows with a flat patch in it, and the patch alone."""
    with Image.open(example) as image:
        shown = image.convert("RGB")
    shown.paste((0, 0, 0), (150, 100, 170, 120))
    shown.save(tmp_path / "flat.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "patch.png")
    return tmp_path / "flat.png", tmp_path / "patch.png"


def test_a_hypothesis_is_ruled_out(run: Run, example: Path, guesses: tuple[Path, Path]) -> None:
    flat, patch = guesses
    words = ("explore", "nearest", example, "--json", "--luma")
    whole = run(*words, "--image", flat, "--region", "150,100,20x20", "-o", patch.parent / "n.png")
    assert whole.exit_code == 4, whole.output
    answer = json.loads(whole.output)
    proof, shown = answer["statements"]
    assert (proof["kind"], shown["kind"]) == ("cannot", "can")
    assert 1 < proof["least"] <= shown["value"] < 1.1 * proof["least"] + 1
    assert run("verify", example, shown["picture"]).exit_code == 0
    placed = json.loads(run(*words, "--image", patch, "--at", "150,100").output)
    assert placed["statements"][0]["least"] == pytest.approx(proof["least"], rel=1e-6)
    far = run(*words, "--image", patch, "--at", "150,100", "--tolerance", shown["value"] + 1)
    assert far.exit_code == 0
    between = (proof["least"] + shown["value"]) / 2
    assert run(*words, "--image", patch, "--at", "150,100", "--tolerance", between).exit_code == 5


def test_two_hypotheses(
    run: Run, example: Path, guesses: tuple[Path, Path], tmp_path: Path
) -> None:
    exact = tmp_path / "exact.png"
    assert run("decode", example, "-o", exact).exit_code == 0
    words = ("explore", "compare", example, exact)
    region = ("--region", "150,100,20x20")
    ruled_out = run(*words, guesses[0], *region)
    assert ruled_out.exit_code == 4
    assert "excluded (certified)" in ruled_out.output
    same = run(*words, exact, *region)
    assert same.exit_code == 0
    assert "cannot tell" in same.output


def test_bad_hypotheses_are_one_line(
    run: Run, example: Path, guesses: tuple[Path, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(guesses[0].read_bytes()[:100])
    deep = tmp_path / "deep.png"
    Image.fromarray(np.zeros((256, 384), np.uint16)).save(deep)
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (384, 256)).save(clear)
    for path, more in (
        (broken, ()),
        (deep, ()),
        (clear, ()),
        (guesses[1], ()),
        (guesses[1], ("--at", "900,900")),
        (tmp_path / "nosuch.png", ()),
        (tmp_path, ()),
        (guesses[0], ("--region", "999,0,1x1")),
    ):
        result = run("explore", "nearest", example, "--image", path, *more)
        assert result.exit_code == 1, (path, more)
        assert len(result.output.splitlines()) == 1, result.output
    for place in ("1", "a,b", "1,2,3", "99999999,1"):
        words = ("explore", "nearest", example, "--image", guesses[1], "--at", place)
        assert run(*words).exit_code == 2


def test_python_asks_as_the_command_does(
    run: Run, example: Path, guesses: tuple[Path, Path]
) -> None:
    region = jpegx.explore(example, "150,100,20x20")
    answer = region.nearest(guesses[0], luma=True)
    words = ("explore", "nearest", example, "--image", guesses[0], "--region", "150,100,20x20")
    assert answer.json() == json.loads(run(*words, "--luma", "--json").output)
    quick = region.bounds("mean Y", quick=True)
    more = ("--quick", "--quantity", "mean Y", "--json")
    said = run("explore", "bounds", example, *words[5:], *more).output
    assert quick.json() == json.loads(said)
    (shown,) = (s for s in answer.statements if isinstance(s, Can))
    assert shown.patch is not None
    picture = region.picture(shown.patch)
    assert jpegx.verify(example, picture).exact
    assert region.nearest(picture).verdict is not None
    assert "cannot tell" in str(region.compare(picture, picture).verdict)
    assert "possible" in str(region.compat(picture).verdict)
    mask = np.zeros((256, 384), bool)
    mask[100:120, 150:170] = True
    assert jpegx.explore(example, mask).region.text == "150,100,20x20"
    with pytest.raises(BadRegion):
        jpegx.explore(example, mask[:9])
    with pytest.raises(PictureMismatch):
        region.nearest(picture[:9])


@settings(max_examples=6)
@given(st.integers(0, 255), st.integers(0, 999), files(largest=40, least=9))
def test_no_picture_is_nearer_than_certified_in_saturated_colours(
    grey: int, seed: int, given_: tuple[QuantizedJpeg, np.ndarray]
) -> None:
    jpeg, source = given_
    random = np.random.default_rng(seed)
    corners = random.integers(0, 2, (1, 1, source.shape[2])) * 255
    pure = (corners + random.normal(0, 12, source.shape)).clip(0, 255).astype(np.uint8)
    layout = jpeg.layout
    file = QuantizedJpeg(layout, libjpeg.encode(pure, layout, jpeg.tables), jpeg.tables, "baseline")
    everywhere = np.ones(source.shape[:2], bool)
    region = select(layout, [Rectangle(0, 0, 9, 7)])
    wanted = np.full_like(source, grey)
    found = find_nearest(file, Hypothesis("grey", wanted, everywhere), region)
    parts = [integer_samples(pixels, layout) for pixels in (pure, wanted)]
    mask = region.whole().astype(float)
    units = touched(select(layout, ()))
    weights = [sample_weights(mask, c, units) for c in range(len(layout.factors))]
    squares = sum(
        float((w * np.square(one - other)).sum())
        for w, one, other in zip(weights, *parts, strict=True)
    )
    truth = np.sqrt(squares / sum(float(w.sum()) for w in weights))
    assert found.least <= truth
    assert found.reached is None or found.least <= found.reached


def test_what_is_certified_knows_the_cube(tmp_path: Path) -> None:
    down, across = np.mgrid[0:40, 0:44]
    red = np.stack([235 + 25 * np.sin(across / 3), 20 + 30 * np.sin(down / 4), 0 * down], axis=2)
    picture = Image.fromarray(red.clip(0, 255).astype(np.uint8))
    picture.save(tmp_path / "red.jpg", quality=12, subsampling=0)
    asked = jpegx.explore(tmp_path / "red.jpg", "3,5,22x17")
    cannot, can = asked.nearest(np.full((40, 44, 3), 255, np.uint8)).statements
    assert isinstance(cannot, Cannot)
    assert isinstance(can, Can)
    assert cannot.least is not None
    assert 0.95 * can.value < cannot.least <= can.value
