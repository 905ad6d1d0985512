"""jpegx train glyphs: a classifier of letters and digits from fonts, and what uses it."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

from conftest import Run
from jpegx.exploration.rendered_glyphs import Font, placed_glyphs
from jpegx.models.checkpoint_header import BadCheckpoint, read_header
from jpegx.models.glyph_classifier import open_classifier
from jpegx.models.zoo import CHARACTERS
from jpegx.training.glyph_examples import GlyphExamples, draw_atlas

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
REGION = ("--region", "8,0,8x10")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from click.testing import CliRunner

    from jpegx.cli.main import main

    file = tmp_path_factory.mktemp("glyphs") / "mine.safetensors"
    fonts = [str(FONTS / f"DejaVu{name}.ttf") for name in ("Sans", "Serif")]
    words = ["train", "glyphs", *fonts, str(file), "--steps", "2", "--note", "licence=mine"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "step 2 of 2: loss" in result.output
    return file


def test_a_classifier_is_trained_and_asked(run: Run, trained: Path, example: Path) -> None:
    header = read_header(trained)
    assert header.card["fonts"] == ["DejaVuSans.ttf"]
    assert header.card["fonts_kept_back"] == ["DejaVuSerif.ttf"]
    assert header.card["licence"] == "mine"
    assert trained.stat().st_size < 400_000
    words = ("explore", "glyphs", example, *REGION, "--among", "1i", "--height", "8", "--json")
    result = run(*words, "--classifier", trained, "--turn", "0")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    likely = [s for s in answer["statements"] if s["kind"] == "likely"]
    assert {s["quantity"] for s in likely} <= {"it is '1'", "it is 'I'", "it is no character"}
    assert sum(s["values"]["share"] for s in likely) == pytest.approx(1, abs=0.02)
    # What is certified, and the verdict, depend on no opinion.
    other = json.loads(run(*words, "--turn", "0").output)
    assert other["verdict"] == answer["verdict"]


def test_what_cannot_be_used_is_said_in_a_line(run: Run, trained: Path, tmp_path: Path) -> None:
    again = run("train", "glyphs", FONTS / "DejaVuSans.ttf", trained)
    assert again.exit_code == 2
    assert "--overwrite" in again.output
    alone = run("train", "glyphs", FONTS / "DejaVuSans.ttf", tmp_path / "new.safetensors")
    assert alone.exit_code == 2
    assert "--keep" in alone.output
    bad = tmp_path / "bad.safetensors"
    for data in (b"no weights", trained.read_bytes()[:-100]):
        bad.write_bytes(data)
        with pytest.raises(BadCheckpoint, match=r"bad\.safetensors"):
            open_classifier(bad)


def test_examples_depend_on_the_seed_alone() -> None:
    atlas = draw_atlas([Font(None)])
    assert set(atlas.classes.tolist()) == set(range(len(CHARACTERS)))
    one, other = (GlyphExamples(atlas, 3).batch(4) for _ in range(2))
    assert one[0].equal(other[0])
    assert one[1].equal(other[1])
    assert not GlyphExamples(atlas, 4).batch(4)[1].equal(one[1])


def test_the_classifier_of_jpegx_reads_plain_digits(tmp_path: Path) -> None:
    network = open_classifier().network
    read = ""
    for character in CHARACTERS[:10]:
        (glyph, *_) = placed_glyphs(character, [Font(None)], (16, 17), [14])
        canvas = torch.full((24, 32), 150.0)
        canvas[4:21, 8:24] -= 90 * torch.tensor(glyph.coverage).float()
        Image.fromarray(canvas.byte().numpy()).save(tmp_path / "a.jpg", quality=30)
        with Image.open(tmp_path / "a.jpg") as image:
            levels = torch.tensor(list(image.tobytes())).view(1, 1, 24, 32).float()
        rows, columns = (np.flatnonzero(glyph.coverage.max(axis=axis)) for axis in (1, 0))
        crop = levels[
            :, :, 4 + rows[0] - 2 : 4 + rows[-1] + 3, 8 + columns[0] - 2 : 8 + columns[-1] + 3
        ]
        read += str(int(network(crop)[0, :10].argmax()))
    assert sum(a == b for a, b in zip(read, CHARACTERS[:10], strict=True)) >= 9, read
