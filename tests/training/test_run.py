"""jpegx train from beginning to end: small runs, killed, resumed, shared, exported."""

import json
import random
import re
import signal
import socket
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from conftest import MakeJpeg, Run
from forked import Forked
from jpegx.models import checkpoint
from jpegx.models.noise import CounterNoise
from jpegx.training.data.compress import compress
from jpegx.training.data.split import same_images
from jpegx.training.folder import BadRun, Names, RunFolder, Settings
from jpegx.training.recipe.recipe import parse_recipe
from jpegx.training.validation import whole_group
from training_data import RECIPE, stop_after, write_images, write_recipe

# Long enough to be killed in the middle of each stage.
STAGES = ("regression", "adversarial")
LONGER = tuple(word for stage in STAGES for word in ("--set", f"{stage}.steps=10"))

pytestmark = pytest.mark.usefixtures("one_thread")


def log_lines(folder: Path, key: str) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if key in line]


def losses(folder: Path) -> list[dict[str, float]]:
    """What the log says about each step, without what depends on the clock."""
    timed = ("minutes", "steps_per_second", "share_")
    lines = log_lines(folder, "stage")
    return [{k: v for k, v in line.items() if not k.startswith(timed)} for line in lines]


def assert_same(folder: Path, other: Path, tolerance: float = 0.0) -> None:
    ours, theirs = (load_file(path / "last.safetensors") for path in (folder, other))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.allclose(value, theirs[name], rtol=tolerance, atol=tolerance), name


def test_a_run_ends_with_weights_that_decode(run: Run, tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    data = write_images(tmp_path / "data")
    (data / "broken.png").write_bytes(b"nothing")
    folder, weights = tmp_path / "run", tmp_path / "weights" / "small.safetensors"
    recipe = write_recipe(tmp_path)
    result = run("train", "--data", data, "--recipe", recipe, "-o", folder)
    assert result.exit_code == 0, result.output
    assert f"{data / 'broken.png'}: skipped: " in result.stderr
    assert "quality 10: mean" in result.stderr
    assert len(losses(folder)) == 12
    figures = [line["validation"] for line in log_lines(folder, "validation")]
    assert len(figures) == 2
    with Image.open(folder / "strips" / "00000012.png") as strip:
        # JPEG, three samples, their mean, the source.
        assert strip.size == (6 * 48 * 2, 40 * 2)
    result = run("train", "export", folder, weights, "--note", "licence=CC0")
    assert result.exit_code == 0, result.output
    generator, card = checkpoint.load(weights)
    assert card["licence"] == "CC0"
    assert (card["stage"], card["steps"], card["data"]) == ("adversarial", 12, "data, 5 images")
    trained = load_file(folder / "last.safetensors")
    for name, value in generator.state_dict().items():
        assert torch.equal(value, trained[f"average:{name}"].half().float())
    pixels = np.zeros((20, 30, 3), np.uint8)
    batch = compress([whole_group(pixels, 64, 50, "4:2:0")], torch.device("cpu"))
    samples = generator(batch.files, CounterNoise(0), 2)
    assert samples.shape == (2, 3, 20, 30)
    jpeg = make_jpeg("photo.jpg", size=(30, 20))
    decoded = run("decode", jpeg, "-n", 2, "--model", weights, "-o", tmp_path / "out")
    assert decoded.exit_code == 0, decoded.output
    assert run("verify", jpeg, tmp_path / "out" / "photo_1.png").exit_code == 0
    best = tmp_path / "best.safetensors"
    assert run("train", "export", folder, best, "--best").exit_code == 0
    assert run("train", "--resume", folder).exit_code == 0  # there is nothing left to do
    assert len(losses(folder)) == 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The longer run, undisturbed."""
    folder = tmp_path_factory.mktemp("whole")
    data, recipe = write_images(folder / "data"), write_recipe(folder)
    process = Forked(
        ("train", "--data", data, "--recipe", recipe, *LONGER, "-o", folder / "run"),
        folder / "said",
    )
    said = process.end()
    assert process.code == 0, said
    return folder / "run"


@pytest.mark.parametrize(
    ("stop", "every"),
    # Before its first checkpoint, too, a run may be killed; who is asked saves first.
    [(signal.SIGKILL, 5), (signal.SIGKILL, 1000), (signal.SIGTERM, 1000)],
)
def test_stopped_at_random_moments_a_run_ends_as_if_undisturbed(
    run: Run, tmp_path: Path, whole: Path, stop: signal.Signals, every: int
) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    often = ("--set", f"run.save_every={every}")
    arguments = ("train", "--data", data, "--recipe", recipe, *LONGER, *often)
    killed = tmp_path / "killed"
    moments = random.Random(0)
    started: tuple[object, ...] = (*arguments, "-o", killed)
    for first in (0, 7, 14):
        steps = first + moments.randrange(5)
        stop_after(started, killed, steps, stop)
        if stop == signal.SIGTERM:
            assert position_of(killed) == len(losses(killed)) >= steps
        started = ("train", "--resume", killed)
    result = run(*started)
    assert result.exit_code == 0, result.output
    assert losses(killed) == losses(whole)
    assert_same(killed, whole)


def position_of(folder: Path) -> int:
    with safe_open(folder / "last.safetensors", "pt") as file:
        return int(json.loads(file.metadata()["position"])["step"])


def test_two_processes_do_what_one_does(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe, "--set", "adversarial.steps=0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    crew = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    shared = [
        Forked(
            (*arguments, "-o", tmp_path / "two"),
            tmp_path / f"said{rank}",
            environment={**crew, "RANK": str(rank)},
        )
        for rank in range(2)
    ]
    assert run(*arguments, "-o", tmp_path / "alone").exit_code == 0
    said = [process.end() for process in shared]
    assert [process.code for process in shared] == [0, 0], said
    assert said[1] == ""  # only the first process speaks
    for ours, theirs in zip(losses(tmp_path / "two"), losses(tmp_path / "alone"), strict=True):
        assert ours["mse"] == pytest.approx(theirs["mse"], rel=1e-4)
    assert_same(tmp_path / "two", tmp_path / "alone", tolerance=1e-4)


def test_accumulated_parts_make_the_same_step(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe, "--set", "adversarial.steps=0")
    for parts in (1, 2):
        change = ("--set", f"training.accumulate={parts}", "-o", tmp_path / str(parts))
        assert run(*arguments, *change).exit_code == 0
    assert_same(tmp_path / "1", tmp_path / "2", tolerance=1e-4)
    both = ("--set", "training.accumulate=2", "-o", tmp_path / "both")
    assert run("train", "--data", data, "--recipe", recipe, *both).exit_code == 0


def test_a_limit_of_time_ends_the_run_with_its_last_rate(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count(0, 0.05)  # seconds from one look to the next, however busy the machine is
    monkeypatch.setattr("jpegx.training.trainer.perf_counter", lambda: next(clock))
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    many = ("--set", "regression.steps=1000000", "--set", "adversarial.steps=0")
    limit = ("--max-minutes", "0.02", "-o", tmp_path / "run")
    result = run("train", "--data", data, "--recipe", recipe, *many, *limit)
    assert result.exit_code == 0, result.output
    lines = losses(tmp_path / "run")
    assert len(lines) > 1
    assert lines[-1]["progress"] > 0.8
    assert lines[-1]["rate"] < 2e-4


def test_a_regression_by_logarithmic_error_learns(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    sums = []
    for rate in ("1e-3", "1e-9"):  # the same patches, with and without learning
        folder = tmp_path / rate
        arguments = ("train", "--data", data, "--recipe", recipe, "-o", folder)
        changes = ("adversarial.steps=0", "regression.steps=40", "regression.loss=log_mse")
        rated = (*changes, f"regression.learning_rate={rate}")
        result = run(*arguments, *(part for change in rated for part in ("--set", change)))
        assert result.exit_code == 0, result.output
        sums.append(sum(line["log_mse"] for line in losses(folder)[20:]))
    assert sums[0] < sums[1]


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("--data", "{data}"), "give --data DIR and -o RUN", 2),
        (("--resume", "{run}", "--data", "{data}"), "give it alone", 2),
        (("--resume", "{run}"), "no run of jpegx train here", 1),
        (("--data", "{recipe}", "-o", "{run}", "--recipe", "{recipe}"), "not a folder", 1),
        (("--data", "{data}", "-o", "{data}", "--recipe", "strange"), "no such recipe", 1),
        (("export", "{run}", "{run}/x.safetensors"), "no run", 1),
        (("export", "{run}", "{run}/x.pt"), "end in .safetensors", 2),
        (("export", "{run}", "{run}/x.safetensors", "--note", "x"), "KEY=TEXT", 2),
    ],
)
def test_wrong_use_is_one_line(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str, code: int
) -> None:
    data, recipe = write_images(tmp_path / "data", 1), write_recipe(tmp_path)
    names = {"data": data, "recipe": recipe, "run": tmp_path / "run"}
    result = run("train", *(argument.format(**names) for argument in arguments))
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr
    if code == 1:
        assert len(result.stderr.splitlines()) == 1


def test_bad_settings_are_one_line(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    for change, words in (
        ("generator.family=none", "unknown family"),
        ("generator.config.widths=[0, 0]", "widths"),
        (
            "adversarial.critic.family=none",
            "critic.family must be given, one of ",
        ),
        ("training.start=none.safetensors", "none.safetensors"),
        ("data.patch=48", "none can be read and is at least 48 pixels"),
        ("data.workers=1000000", "at most 256"),
        ("regression.share=0", "above 0"),
    ):
        arguments = ("--data", data, "--recipe", recipe, "--set", change)
        result = run("train", *arguments, "-o", tmp_path / "bad")
        assert result.exit_code == 1, result.stderr
        assert words in result.stderr.splitlines()[-1]
    both = ("--data", data, "--validate", data, "-o", tmp_path / "own")
    result = run("train", *both, "--recipe", recipe)
    assert "is also trained on" in result.stderr


def test_an_existing_run_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe, "-o", tmp_path / "run")
    assert run(*arguments).exit_code == 0
    result = run(*arguments)
    assert result.exit_code == 1
    assert "a run is here already" in result.stderr
    (tmp_path / "run" / "last.safetensors").write_bytes(b"nothing")
    result = run("train", "--resume", tmp_path / "run")
    assert "not a checkpoint of this recipe" in result.stderr


@pytest.mark.parametrize(("log_every", "save_every"), [(1, 50), (50, 50), (1, 1)])
def test_a_run_that_diverges_says_so(
    run: Run, tmp_path: Path, log_every: int, save_every: int
) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    every = (f"run.log_every={log_every}", f"run.save_every={save_every}")
    changes = ("regression.learning_rate=1e11", *every)
    given = [word for change in changes for word in ("--set", change)]
    result = run("train", "--data", data, "--recipe", recipe, *given, "-o", tmp_path / "run")
    assert result.exit_code == 1
    assert re.search(r"(mse|a weight) is (inf|nan) at step", result.stderr)
    last = tmp_path / "run" / "last.safetensors"
    assert save_every == 1 or not last.exists()
    if last.exists():
        kept = {k: v for k, v in load_file(last).items() if "optimizer" not in k}
        assert all(tensor.isfinite().all() for tensor in kept.values())


def test_a_run_goes_on_with_its_own_images(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data", 10), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe, "--set", "adversarial.steps=0", "-o")
    # Its strips, pictures of what it validates on, lie in the folder, too.
    assert run(*arguments, data / "run").exit_code == 0
    assert list((data / "run" / "strips").glob("*.png"))
    folder = RunFolder(data / "run")
    before = folder.names()
    assert before.validate == ("image2.png", "image7.png")
    (data / "image0.png").rename(data / "image10.png")
    lines: list[str] = []
    split = same_images(folder.settings(), folder, lines.append)
    assert split.names == before
    assert [path.name for path in split.images.paths] == [*before.train[1:]]
    assert len(split.kept_back) == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"{data / 'image0.png'}: skipped: ")
    (data / "image2.png").unlink()
    with pytest.raises(BadRun, match=r"image2\.png: the run validates on it"):
        same_images(folder.settings(), folder, lines.append)
    assert run(*arguments, data / "another").exit_code == 0
    names = RunFolder(data / "another").names()
    assert sorted(names.train + names.validate) == sorted(path.name for path in data.glob("*.png"))


def test_a_run_goes_on_from_any_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "data")
    recipe = write_recipe(tmp_path)
    monkeypatch.chdir(tmp_path)
    arguments = ("train", "--data", "data", "--recipe", recipe, "--set")
    assert run(*arguments, "adversarial.steps=0", "-o", "first 😀\x7f").exit_code == 0
    assert run("train", "export", "first 😀\x7f", "first.safetensors").exit_code == 0
    result = run(*arguments, "adversarial.moments.reference=first.safetensors", "-o", "second")
    assert result.exit_code == 0, result.output
    monkeypatch.chdir("/")
    for name in ("first 😀\x7f", "second"):
        result = run("train", "--resume", tmp_path / name)
        assert result.exit_code == 0, result.output


def test_a_name_that_is_no_text_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE, "small")
    folder = RunFolder(tmp_path / "run")
    settings = Settings("small", tmp_path, Path("b\udce4d"), None, recipe)
    with pytest.raises(BadRun, match=r"b\udce4d.*: a name that is no text"):
        folder.create(settings, Names((), ()))
    assert not folder.path.exists()


def test_an_image_that_is_gone_ends_the_run_at_once(tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    changes = ("data.workers=1", "data.cache_gigabytes=0", "regression.steps=1000000")
    given = [word for change in changes for word in ("--set", change)]
    process = Forked(
        ("train", "--data", data, "--recipe", recipe, *given, "-o", tmp_path / "run"),
        tmp_path / "said",
    )
    process.wait_until((tmp_path / "run" / "last.safetensors").exists)
    gone = data / "image0.png"
    gone.unlink()
    messages = process.end()
    assert process.code == 1
    assert messages.splitlines()[-1].startswith(f"jpegx: {gone}: could be read before")
    assert "Traceback" not in messages


def test_recipes_can_be_listed_and_printed(run: Run, tmp_path: Path) -> None:
    assert "compact" in run("train", "recipe").stdout.splitlines()
    result = run("train", "recipe", write_recipe(tmp_path, RECIPE))
    assert 'family = "unet"' in result.stdout
    assert "# Pixels of a patch each way." in result.stdout


def test_a_stopped_run_says_so_in_one_line(tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    changes = ("--set", "data.workers=1", "--set", "regression.steps=1000000")
    arguments = ("train", "--data", data, "--recipe", recipe, *changes, "-o", tmp_path / "run")
    process = Forked(arguments, tmp_path / "said")
    process.wait_until((tmp_path / "run" / "last.safetensors").exists)
    # As Ctrl-C does it: to the program and to the processes that load.
    messages = process.end(signal.SIGINT, group=True)
    assert process.code == 130
    assert messages.splitlines()[-1] == "jpegx: interrupted"
    assert "Traceback" not in messages
