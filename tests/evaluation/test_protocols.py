"""jpegx eval --protocol: as a paper measured, its own rows beside ours."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Run
from eval_results import compressed, pixels, rows
from jpegx.evaluation.protocols.protocol import protocol_names, read_protocol
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.jpeg_batch import JpegBatch

pytestmark = pytest.mark.usefixtures("quick_eval")
EVAL = Path(__file__).parents[3] / "shared" / "data" / "eval"


def _replicated(data: bytes) -> np.ndarray:
    """A 4:2:0 file of even size by hand: chroma repeated over 2x2 pixels, then ITU-T T.871."""
    batch = JpegBatch.of_file(read_jpeg(data))
    y, cb, cr = (plane[0].numpy().astype(np.float64) for plane in batch.planes())
    cb, cr = (np.repeat(np.repeat(plane, 2, 0), 2, 1) for plane in (cb, cr))
    y, cb, cr = (plane[: batch.layout.height, : batch.layout.width] for plane in (y, cb, cr))
    green = y - 0.344136 * cb - 0.714136 * cr
    pixels = np.stack([y + 1.402 * cr, green, y + 1.772 * cb], axis=2) + 128
    return pixels.round().clip(0, 255)


@pytest.fixture
def live1(originals: Path, tmp_path: Path) -> Path:
    """Two pictures in a folder that is called like LIVE1."""
    folder = tmp_path / "LIVE-1"
    folder.mkdir()
    for name in ("bird0.png", "bird1.png"):
        (originals / name).rename(folder / name)
    return folder


def test_published_rows_stand_beside_the_measured_ones(
    run: Run, live1: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("--protocol", "qgac-table1", "--quality", "10,20", "--model", "laplace", "-n", 1)
    result = run("eval", live1, *command, "-o", out)
    assert result.exit_code == 0, result.output
    found = rows(out)
    published = [key for key, row in found.items() if row["published"]]
    methods = ("JPEG", "ARCNN", "MWCNN", "IDCN", "DMCNN", "QGAC")
    assert published == [(q, f"{m} (published)") for q in ("10", "20") for m in methods]
    qgac = found["10", "QGAC (published)"]
    assert (qgac["psnr"], qgac["psnr_b"], qgac["ssim_uniform"]) == ("27.65", "27.4", "0.819")
    assert qgac["swd"] == qgac["consistency"] == ""
    # The JPEG as the paper shows it: the chroma of each 2x2 pixels the same.
    errors = []
    for path in sorted(live1.iterdir()):
        shown = _replicated(compressed(path, 10))
        errors.append(10 * np.log10(255**2 / np.mean((shown - pixels(path)) ** 2)))
    measured = found["10", "standard:chroma=replicated"]
    assert float(measured["psnr"]) == pytest.approx(np.mean(errors), abs=0.01)
    assert float(measured["equivalent"]) == pytest.approx(10, abs=0.01)
    assert ("10", "laplace") in found
    assert ("10", "laplace projected") not in found
    # All of them say so: the terminal, JSON, and the names of the columns that the table has.
    assert "QGAC (published)" in result.stdout
    assert "2 pictures, 29 in the paper's LIVE1" in result.stdout
    table, _, said = result.stdout.partition("protocol qgac-table1")
    assert "8x8" in table
    assert "NIQE" not in table
    assert "NIQE" in said
    document = json.loads((out / "results.json").read_text())
    assert document["about"]["protocol"] == "qgac-table1"
    assert sum(row["published"] for row in document["rows"]) == len(published)


@pytest.mark.usefixtures("figures_drawn")
def test_the_report_has_the_published_rows(run: Run, live1: Path, tmp_path: Path) -> None:
    command = ("--protocol", "qgac-table3", "--projection", "both", "--quality", "10,20")
    result = run("eval", live1, *command, "--model", "standard", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    # Where a paper prints nothing, as in two of the three tables, it has no row.
    assert page.count("IDCN of quality 20 (published)") == 1
    assert "Ehrlich et al. 2020, Table 3" in page
    assert "Gained over the JPEG" in page
    assert not any("(published)" in line for line in page.split("<tr") if "<b>" in line)


def test_single_pictures_of_a_figure(run: Run, live1: Path, tmp_path: Path) -> None:
    """Guo and Chao 2017, Fig. 5: each picture in a folder of its own, its figures beside it."""
    folders = [tmp_path / name for name in ("6046", "344010")]
    for folder, path in zip(folders, sorted(live1.iterdir()), strict=True):
        folder.mkdir()
        path.rename(folder / path.name)
    result = run("eval", *folders, "--protocol", "guo2017-fig5", "--model", "standard")
    assert result.exit_code == 0, result.output
    first, _, second = result.output.partition("344010: 1 picture")
    for table, figure in ((first, "23.59"), (second, "23.57")):
        assert table.count("one sample (published)") == 1
        assert figure in table
    assert "of other pictures" not in result.output


def test_another_folder_has_the_published_rows_apart(run: Run, originals: Path) -> None:
    (originals / "bird2.png").unlink()
    result = run("eval", originals, "--protocol", "qgac-table5", "--model", "standard")
    assert result.exit_code == 0, result.output
    assert "birds: not called like one of the paper's sets (Classic-5)" in result.output
    assert "Classic-5: published" in result.output
    assert "FrequencyNet alone (published)" in result.output


def test_what_contradicts_a_protocol_is_refused(run: Run, live1: Path, tmp_path: Path) -> None:
    for option, words in {
        "--gray": "pictures in colour",
        "--crop 64": "whole pictures",
        "--subsampling 4:4:4": "subsampling 4:2:0",
        "--quality 10,40": "the qualities 10, 20, 30",
        f"--decoded {live1.parent}": "give --jpegs too",
    }.items():
        result = run("eval", live1, "--protocol", "qgac-table1", *option.split())
        assert result.exit_code == 2
        said = " ".join(result.stderr.split())
        assert "contradicts --protocol qgac-table1" in said
        assert words in said
        assert "Ehrlich et al. 2020, Table 1" in said
    unknown = run("eval", live1, "--protocol", "table9")
    assert unknown.exit_code == 2
    assert "qgac-table1" in unknown.stderr


def test_what_does_not_contradict_may_be_said(run: Run, live1: Path) -> None:
    options = ("--subsampling", "4:2:0", "--quality", 20, "--projection", "both", "-n", 1)
    result = run("eval", live1, "--protocol", "qgac-table3", *options, "--model", "standard")
    assert result.exit_code == 0, result.output
    assert "standard:chroma=replicated projected" in result.output
    assert "projection both; the protocol has without" in result.output


def test_pictures_of_other_programs_at_the_qualities_of_a_protocol(
    run: Run, live1: Path, tmp_path: Path
) -> None:
    jpegs, theirs = tmp_path / "jpegs", tmp_path / "theirs"
    for folder in (jpegs, theirs):
        folder.mkdir()
    for path in live1.iterdir():
        (jpegs / f"{path.stem}.jpg").write_bytes(compressed(path, 20))
        Image.open(BytesIO(compressed(path, 20))).save(theirs / path.name)
    given = ("--decoded", theirs, "--jpegs", jpegs)
    result = run("eval", live1, "--protocol", "qgac-table1", *given, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "out")
    assert ("20", "theirs") in found
    assert ("20", "standard:chroma=replicated") in found
    assert ("20", "QGAC (published)") in found
    for path in live1.iterdir():
        (jpegs / f"{path.stem}.jpg").write_bytes(compressed(path, 25))
    refused = run("eval", live1, "--protocol", "qgac-table1", *given)
    assert refused.exit_code == 1
    assert "not files of one of the qualities 10, 20, 30" in " ".join(refused.stderr.split())


def test_what_a_protocol_needs_is_named(run: Run, live1: Path) -> None:
    result = run("eval", live1, "--protocol", "man-table5")
    assert result.exit_code == 2
    assert "needs --fid-reference FOLDER, other real pictures" in " ".join(result.stderr.split())


def test_the_plain_projection_beside_the_exact_one(
    run: Run, originals: Path, tmp_path: Path
) -> None:
    """Man et al. 2022, Table 3: clamped in real numbers and rounded, some are outside again."""
    faces = originals.rename(tmp_path / "ffhq-test")
    (faces / "bird2.png").unlink()
    command = ("--protocol", "man-table3", "--model", "laplace", "-o", tmp_path / "out")
    result = run("eval", faces, *command)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "out")
    own, plain, exact = (
        float(found["5", f"laplace{way}"]["consistency"])
        for way in ("", " by Eq. 11", " projected")
    )
    assert own > plain > exact == 0
    assert float(found["5", "Ours-P (published)"]["consistency"]) == 0.1664
    assert "2 pictures, 2000 in the paper's FFHQ test" in result.output


def test_the_mean_of_samples_is_a_decoder_of_its_own(
    run: Run, originals: Path, tmp_path: Path
) -> None:
    """Man et al. 2022, Table 4, "Ours-A": with figures that a mean of pictures has none of."""
    models = ("--model", "laplace", "--model", "laplace:mean=4", "--projection", "without")
    result = run("eval", originals, *models, "--quality", 10, "-n", 4, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path)
    one, mean = found["10", "laplace"], found["10", "laplace:mean=4"]
    # Not the same: the samples of the other are rounded and clipped before their mean is taken.
    assert float(mean["psnr"]) == pytest.approx(float(one["psnr_mean"]), abs=0.05)
    assert float(mean["consistency"]) < float(one["consistency"])
    assert mean["swd"] != ""
    assert mean["samples"] == "1"
    for wrong in ("laplace:mean=1", "laplace:mean=x", "standard:mean=4"):
        assert run("eval", originals, "--model", wrong).exit_code == 2


def test_the_list_says_what_each_needs(run: Run) -> None:
    result = run("eval", "--protocol", "list")
    assert result.exit_code == 0
    for name in protocol_names():
        protocol = read_protocol(name)
        assert f"{name}: {protocol.source}" in result.output
        for each in protocol.sets:
            assert f"originals: {each.name}" in result.output
        for need in protocol.needs:
            assert f"needs: {need}" in result.output
    assert "figures: PSNR, PSNR-B, SSIM 8x8" in result.output
    assert "unless said otherwise: projection without, samples 1" in result.output


@pytest.mark.parametrize("name", protocol_names())
def test_protocols_are_sound(name: str) -> None:
    from jpegx.evaluation.report.columns import COLUMNS

    protocol, keys = read_protocol(name), [column.key for column in COLUMNS]
    assert set(protocol.columns) <= set(keys)
    for each in protocol.sets:
        assert protocol.set_in(Path("/data") / each.folders[0].upper() / "test") == each
        assert protocol.set_in(Path("/data/live1") / each.folders[0]) == each
        assert protocol.set_in(Path("/data/photos/test")) is None
        for method, rows_of in each.figures.items():
            assert set(rows_of) <= set(protocol.qualities), method
            assert all(set(figures) & set(protocol.columns) for figures in rows_of.values())


def test_only_what_libjpeg_shows_has_a_choice_of_chroma(run: Run, example: Path) -> None:
    result = run("decode", example, "--model", "laplace:chroma=replicated")
    assert result.exit_code == 2
    assert "leave out chroma=" in " ".join(result.stderr.split())
    assert run("decode", example, "--model", "standard:chroma=rough").exit_code == 2


@pytest.mark.slow
@pytest.mark.skipif(not EVAL.is_dir(), reason="the data sets are not there")
@pytest.mark.parametrize(
    ("name", "folder", "row", "nearly"),
    [
        # To the last digit that is printed; of LIVE1 at 10 one more (25.592 dB for 25.60).
        ("qgac-table2", "classic5", "standard", 0.0051),
        ("qgac-table1", "live1", "standard:chroma=replicated", 0.0101),
        ("qgac-table2", "live1", "standard", 0.0201),
    ],
)
def test_the_jpeg_s_row_is_as_published(
    name: str, folder: str, row: str, nearly: float, run: Run, tmp_path: Path
) -> None:
    models = ("--model", "standard", "--quality", 10)
    result = run("eval", EVAL / folder, "--protocol", name, *models, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path)
    ours, theirs = found["10", row], found["10", "JPEG (published)"]
    for key in ("psnr", "psnr_b"):
        assert float(ours[key]) == pytest.approx(float(theirs[key]), abs=nearly), key
    assert float(ours["ssim_uniform"]) == pytest.approx(float(theirs["ssim_uniform"]), abs=0.00051)
