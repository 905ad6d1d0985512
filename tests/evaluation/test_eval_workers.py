"""jpegx eval by workers: the figures of one machine; and the files that other programs get."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import Run
from eval_results import compressed, rows
from jpegx.evaluation.benchmark import measuring
from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.plan import make_plan
from jpegx.evaluation.benchmark.prepared import Originals
from jpegx.evaluation.benchmark.remote import Measurer, missing_units
from jpegx.evaluation.benchmark.request import Place, Request
from jpegx.evaluation.benchmark.store import Store
from jpegx.sampling.spec import SamplerSpec
from processes import named

pytestmark = pytest.mark.usefixtures("quick_eval")

MODELS = ("--model", "laplace", "--quality", 10, "-n", 2)


def nothing(line: str) -> None:
    pass


def test_what_workers_measure_is_what_one_machine_measures(
    run: Run, originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (originals / "bird0.png").unlink()
    (originals / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    alone = run("eval", originals, *MODELS, "-o", tmp_path / "alone")
    assert alone.exit_code == 1
    request = Request(
        (originals,),
        (SamplerSpec("laplace"),),
        qualities=(10,),
        samples=2,
        crops=(Place("bird1.png", (0, 0)),),
    )
    plan, store = make_plan(request), Store(tmp_path / "far")
    context = Context(request, plan.instruments, store, nothing, nothing)
    units = list(missing_units(plan, context))
    assert len(units) == 3 * (1 + 1)
    worker, wrong = Measurer(request), 0
    for unit in reversed(units):
        try:
            worker.measure(unit).keep(store)
        except Exception:
            assert unit.name == "broken.png"
            wrong += 1
    assert wrong == 2
    assert all(unit.name == "broken.png" for unit in missing_units(plan, context))
    monkeypatch.setattr(measuring, "measure_picture", None)  # nothing is left to measure
    crops = ("--crops", "bird1.png:0,0")
    far = run("eval", originals, *MODELS, *crops, "-o", tmp_path / "far")
    assert far.exit_code == 1
    assert rows(tmp_path / "far") == rows(tmp_path / "alone")
    assert "birds/broken.png" in far.stderr
    assert not (tmp_path / "far" / "work").exists()
    assert list((tmp_path / "far" / "crops").glob("*.webp"))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="no Ray")
def test_a_cluster_whose_worker_is_killed(run: Run, originals: Path, tmp_path: Path) -> None:
    assert run("eval", originals, *MODELS, "-o", tmp_path / "alone").exit_code == 0
    out = tmp_path / "out"
    program = "from jpegx.cli.main import main; main(prog_name='jpegx')"
    words = ["eval", originals, *MODELS, "-o", out, "--executor", "ray", "--jobs", 2]
    process = subprocess.Popen([sys.executable, "-c", program, *map(str, words)])
    killed = False
    while process.poll() is None and not killed:
        for worker in named(process.pid, b"Measurer.measure")[:1]:
            os.kill(worker, signal.SIGKILL)
            killed = True
        time.sleep(0.05)
    assert process.wait() == 0
    assert killed
    far = rows(out)
    for key, row in rows(tmp_path / "alone").items():  # which has no frozen networks
        told = {name: value for name, value in row.items() if value}
        assert {name: far[key][name] for name in told} == told


def test_exported_files_come_back_from_another_program(
    run: Run, originals: Path, tmp_path: Path
) -> None:
    files, theirs = tmp_path / "files", tmp_path / "theirs"
    for name in ("bird1.png", "bird2.png"):
        (originals / name).unlink()
    words = ("--model", "laplace", "--projection", "with", "-n", 1)
    first = run("eval", originals, "--quality", "10,30", *words, "--export-jpegs", files, "-v")
    assert first.exit_code == 0, first.output
    told = [line for line in first.stderr.splitlines() if line.startswith("[")]
    assert re.fullmatch(r"\[1/3\] birds: originals: [\d.]+ s", told[0])
    assert [line[:5] for line in told] == ["[1/3]", "[2/3]", "[3/3]"]
    for quality in (10, 30):
        made = sorted((files / f"q{quality}").iterdir())
        assert [path.name for path in made] == ["bird0.jpg"]
        for path in made:
            original = originals / path.with_suffix(".png").name
            assert path.read_bytes() == compressed(original, quality)
    assert run("decode", files / "q10", "-o", theirs).exit_code == 0  # laplace, seed 0, exact
    out = tmp_path / "out"
    again = run("eval", originals, *words, "--decoded", theirs, "--jpegs", files / "q10", "-o", out)
    assert again.exit_code == 0, again.output
    found = rows(out)
    own, other = found["10", "laplace projected"], found["10", "theirs"]
    assert other | {"decoder": ""} == own | {"decoder": ""}


def test_exported_files_replace_no_others(
    run: Run, originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bird1.png", "bird2.png"):
        (originals / name).unlink()
    made = tmp_path / "files" / "q10" / "bird0.jpg"
    words = ("eval", originals, *MODELS, "--export-jpegs", tmp_path / "files")
    assert run(*words).exit_code == 0
    assert run(*words).exit_code == 0
    content = made.read_bytes()
    for other in (b"mine", content + b"x"):
        made.write_bytes(other)
        with monkeypatch.context() as patched:
            patched.setattr(Originals, "measure_one", lambda *_: pytest.fail("it was measured"))
            result = run(*words)
        assert result.exit_code == 1
        assert [line for line in result.stderr.splitlines() if "bird0.jpg: another file" in line]
        assert "Traceback" not in result.output
        assert made.read_bytes() == other
    made.unlink()
    made.mkdir()
    assert "bird0.jpg: another file" in run(*words).stderr
    (tmp_path / "file").touch()
    result = run(*words[:-1], tmp_path / "file" / "files")
    assert (result.exit_code, "a part of its name is a file" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--export-jpegs", "x", "--jpegs", "."], "leave out --jpegs"),
        (["--export-jpegs", "x", "--crop", "64"], "leave out --crop"),
        (["--export-jpegs", "birds/x"], "lies in"),
        (["--address", "auto"], "add --executor ray"),
        (["--jobs", "2"], "add --executor ray"),
    ],
)
def test_options_that_do_not_go_together(
    run: Run, originals: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(originals.parent)
    result = run("eval", "birds", *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_a_wrong_protocol_is_told_before_missing_originals(run: Run) -> None:
    result = run("eval", "--protocol", "nosuch")
    assert result.exit_code == 2
    assert "nosuch" in result.stderr
    assert "Missing argument" not in result.stderr


def test_peers(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("eval", "peers")
    assert result.exit_code == 0
    for name in ("DnCNN", "FBCNN", "jpeg2png", "--export-jpegs", "--decoded"):
        assert name in result.stdout
    (tmp_path / "peers").mkdir()  # a folder of that name is one of originals
    assert "no images in it" in run("eval", "peers").stderr
