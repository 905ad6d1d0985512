"""Edits: what the tools strive for they come nearer to, exactly, and leave the rest as it was."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import jpegx
from conftest import DATA
from jpegx.consistency.recompress import recompress
from jpegx.errors import JpegxError
from jpegx.exploration.edit import Request
from jpegx.exploration.minimise import Cancelled, Limits
from jpegx.exploration.objectives.colours import from_hsv, to_hsv
from jpegx.exploration.objectives.patterns import Periodic, find_periods, shifted
from jpegx.exploration.parameters import BadParameter
from jpegx.exploration.region_spec import RegionSpec
from jpegx.exploration.run_edit import run
from jpegx.exploration.scene import Scene
from jpegx.exploration.selection import select, touched
from jpegx.exploration.shapes import Rectangle
from jpegx.exploration.state import State
from jpegx.exploration.tools import TOOLS, Over
from jpegx.exploration.workbench import Workbench
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.sampling.spec import SamplerSpec
from tiny_weights import write_weights

STROKES = np.zeros((12, 12, 4), np.uint8)
STROKES[3:9, 3:9] = (200, 60, 40, 255)
REGION = Rectangle(164, 100, 24, 22)
SOURCE = RegionSpec((Rectangle(30, 40, 24, 24),))
VALUES = {
    "classify": {"character": "3"},
    "like": {"source-region": SOURCE},
    "histogram": {"source-region": SOURCE},
    "scribble": {"strokes": STROKES},
    "imprint": {"image": STROKES},
    "periodic": {"periods": [(7.5, 0.0)]},
}
SHORT = Limits(8, 600)
SINGLE = [name for name, tool in TOOLS.items() if tool.objective]


@pytest.fixture(scope="module")
def jpeg() -> QuantizedJpeg:
    return read_jpeg(DATA / "example.jpg")


@pytest.fixture(scope="module")
def cells(jpeg: QuantizedJpeg) -> State:
    return State(Workbench(jpeg, "example", SamplerSpec("laplace")))


def request(tool: str, jpeg: QuantizedJpeg, over: Over | None = None, **more: object) -> Request:
    region = select(jpeg.layout, [REGION])
    return Request(tool, region, VALUES.get(tool, {}), over, limits=SHORT, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("tool", SINGLE)
def test_a_tool_comes_nearer_and_stays_exact(tool: str, cells: State) -> None:
    jpeg = cells.workbench.jpeg
    (edit,) = run(cells, request(tool, jpeg))
    assert edit.end < edit.start
    assert edit.patch.exact
    assert edit.changed > 0
    before, after = cells.whole(), cells.then(edit.patch).whole()
    outside = np.ones(before.shape[:2], bool)
    box = edit.patch.touched.box
    outside[box.rows, box.columns] = ~edit.patch.touched.pixel_mask()
    assert (before[outside] == after[outside]).all()
    again = recompress(edit.patch.touched.jpeg(jpeg), after[box.rows, box.columns])
    assert not any(again.different)


@pytest.mark.parametrize("config", [{}, {"dither": True}, {"projection": True}])
@pytest.mark.parametrize("over", ["noise", "both", "draws"])
def test_noise_of_a_generator_is_varied(
    tmp_path: Path, jpeg: QuantizedJpeg, over: Over, config: dict[str, bool]
) -> None:
    weights = write_weights(tmp_path / "tiny.safetensors", 0, {"temperature": 0.9}, **config)
    state = State(Workbench(jpeg, "example", SamplerSpec(str(weights), precision="float32")))
    (edit,) = run(state, request("variance", jpeg, over, draws=4))
    assert edit.patch.exact
    assert edit.end <= edit.start
    if over == "noise":
        assert edit.end < edit.start
        assert abs(edit.facts["noise_sigmas"]) < 8
        (same,) = run(state, request("variance", jpeg, over))
        assert (same.patch.pixels == edit.patch.pixels).all()
    if over == "draws":
        few = run(state, request("variance", jpeg, over, draws=1))[0]
        assert edit.end <= few.end


def test_regressions_and_laplace_have_no_noise(tmp_path: Path, jpeg: QuantizedJpeg) -> None:
    weights = write_weights(tmp_path / "tiny.safetensors", 0, {}, noise=False)
    state = State(Workbench(jpeg, "example", SamplerSpec(str(weights))))
    (edit,) = run(state, request("smooth", jpeg))
    assert edit.over == "cells"
    with pytest.raises(BadParameter, match="no noise"):
        run(state, request("smooth", jpeg, "noise"))


def test_the_certified_end_is_not_passed_and_nearly_reached(cells: State) -> None:
    jpeg = cells.workbench.jpeg
    region = select(jpeg.layout, [Rectangle(160, 96, 32, 32)])
    for tool, sign in (("brighten", 1), ("darken", -1)):
        (edit,) = run(cells, Request(tool, region, {"to": "max"}, limits=Limits(20, 600)))
        (ends,) = edit.bounds
        assert ends.least is not None
        assert ends.most is not None
        assert ends.least <= edit.after <= ends.most
        end = ends.most if sign > 0 else ends.least
        assert abs(edit.after - edit.before) > 0.75 * abs(end - edit.before)


def test_alternatives_are_as_asked(cells: State) -> None:
    jpeg = cells.workbench.jpeg
    drawn = run(cells, request("random", jpeg, alternatives=3))
    assert len({edit.patch.pixels.tobytes() for edit in drawn}) == 3
    assert all(edit.patch.exact for edit in drawn)
    apart = run(cells, request("dissimilar", jpeg, alternatives=2))
    distance = apart[0].facts["rmse_to_nearest_alternative"]
    plain = (drawn[0].patch.pixels.astype(float) - drawn[1].patch.pixels)[
        drawn[0].region.inside(drawn[0].patch.touched.box)
    ]
    assert distance > np.sqrt((plain**2).mean())
    other = cells.then(drawn[0].patch).whole()
    (copied,) = run(cells, Request("copy", drawn[0].region, {"picture": other}))
    assert (copied.patch.pixels == drawn[0].patch.pixels).all()
    with pytest.raises(JpegxError, match="384x256"):
        run(cells, Request("copy", drawn[0].region, {"picture": other[:9]}))


def test_imprint_finds_a_better_place(cells: State) -> None:
    jpeg = cells.workbench.jpeg
    values = {"image": STROKES, "auto": True, "rotate": 10.0}
    (edit,) = run(cells, Request("imprint", select(jpeg.layout, [REGION]), values, limits=SHORT))
    (plain,) = run(
        cells,
        Request("imprint", select(jpeg.layout, [REGION]), values | {"auto": False}, limits=SHORT),
    )
    assert edit.region.box != plain.region.box
    assert edit.patch.exact


def test_watchers_cancel(cells: State) -> None:
    def stop(share: float, image: Tensor | None) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        run(cells, request("smooth", cells.workbench.jpeg), stop)


@pytest.mark.parametrize(
    ("tool", "values", "told"),
    [
        ("nosuch", {}, "there is no"),
        ("brighten", {"strength": float("nan")}, "no number"),
        ("brighten", {"strength": 1e9}, "range"),
        ("brighten", {"to": "top"}, "no number"),
        ("brighten", {"colour": 1}, "no such"),
        ("imprint", {}, "must be given"),
        ("imprint", {"image": "file.png"}, "no image"),
        ("scribble", {"strokes": np.zeros((5, 5, 4), np.uint8)}, "transparent"),
        ("periodic", {"periods": [(1.0,)]}, "pairs"),
        ("periodic", {"periods": [(500.0, 0.0)]}, "longer than"),
        ("like", {}, "source-region"),
        ("variance", {"whole": 1}, "yes or no"),
    ],
)
def test_bad_parameters(cells: State, tool: str, values: dict[str, object], told: str) -> None:
    region = select(cells.workbench.jpeg.layout, [REGION])
    with pytest.raises(JpegxError, match=told):
        run(cells, Request(tool, region, values, limits=SHORT))


def test_colours_turn_back() -> None:
    image = 255 * torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(from_hsv(to_hsv(image)), image, atol=1e-3)


def scene_of(pixels: np.ndarray, jpeg: QuantizedJpeg) -> Scene:
    region = select(jpeg.layout, [Rectangle(0, 0, pixels.shape[1], pixels.shape[0])])
    units = touched(region)
    box = units.box
    whole = np.zeros((box.bottom - box.top, box.right - box.left, 3), np.uint8)
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels[..., None]
    return Scene(jpeg, region, units, whole, lambda _: whole)


def test_periods_are_found(jpeg: QuantizedJpeg) -> None:
    stripes = 128 + 60 * np.sin(2 * np.pi * np.arange(48) / 7.5) + np.zeros((48, 1))
    scene = scene_of(stripes.astype(np.uint8), jpeg)
    ((across, down),) = find_periods(scene)
    assert down == 0
    assert abs(across - 7.5) < 0.2
    values = {"periods": [(7.5, 0.0)], "strength": 0}
    off = {"periods": [(5.0, 0.0)], "strength": 0}
    assert Periodic(scene, values)(scene.start) < Periodic(scene, off)(scene.start) / 5
    with pytest.raises(JpegxError, match="no period"):
        find_periods(scene_of(np.full((48, 48), 9, np.uint8), jpeg))


def test_shifts_are_bilinear() -> None:
    ramp = torch.arange(20.0).repeat(1, 12, 1)
    moved, inside = shifted(ramp, torch.ones(12, 20, dtype=torch.bool), (2.25, -3))
    assert torch.allclose(moved[:, inside], (ramp + 2.25)[:, inside])
    assert inside.sum() == 17 * 9


def test_edits_in_python(jpeg: QuantizedJpeg) -> None:
    region = jpegx.explore(jpeg, "164,100,24x22")
    values = {"strength": 2, "model": "laplace", "iterations": 5}
    (edit,) = region.edit("darken", **values)  # type: ignore[arg-type]
    assert edit.after < edit.before
    pixels = region.picture(edit.patch)
    assert jpegx.verify(jpeg, pixels).exact
    (like,) = region.edit("like", model="laplace", iterations=3, source_region="30,40,24x24")
    assert like.patch.exact
    with pytest.raises(BadParameter):
        region.edit("darken", model="laplace", colour="red")
