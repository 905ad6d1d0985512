"""What jpegx gives, as hashes: record before a change that must change nothing, compare after it.

    python tests/benchmarks/golden.py record OUT.json [--more WORDS]
    python tests/benchmarks/golden.py compare OUT.json [--only PART]

All goes through the command line, on small generated files, with one thread; pictures are hashed
as pixels, tables as text. A record holds for one machine: another one rounds in another way.
Beside OUT.json stands OUT.npz with what was hashed, so that compare can tell how far apart two
things are that differ. ``--more``: further options of decode and eval, in one word.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from click.testing import CliRunner
from PIL import Image

from jpegx.cli.main import main as jpegx

# Beside the recipe of the tests: more than one step behind the last checkpoint, pictures never.
CHANGES = ("adversarial.steps=8", "run.validate_every=7", "run.strips_every=100")
NETWORKS = {
    "unet": "{widths = [8, 8], encoder = [1, 1], decoder = [1, 1], embedding = 8}",
    "unet-dither": "{widths = [8, 8], encoder = [1, 1], decoder = [1, 1], embedding = 8, "
    "dither = true, projection = true}",
    "rrdb": "{blocks = 1, features = 8, growth = 4, embedding = 8}",
}


class Facts(NamedTuple):
    """A generated JPEG file."""

    size: tuple[int, int]
    quality: int
    subsampling: str | None  # None: gray


FILES = {
    "420": Facts((112, 80), 10, "4:2:0"),
    "444": Facts((64, 48), 30, "4:4:4"),
    "422": Facts((65, 33), 20, "4:2:2"),
    "odd": Facts((83, 61), 15, "4:2:0"),
    "gray": Facts((61, 75), 10, None),
}
LARGE = Facts((400, 224), 10, "4:2:0")

Record = dict[str, str]


class Recorder:
    """Runs commands in a folder and keeps hashes of what they give."""

    def __init__(self, folder: Path, more: list[str]) -> None:
        self.folder = folder
        self.more = more
        self.found: Record = {}
        self.kept: dict[str, np.ndarray] = {}
        self.files = {name: self.jpeg(name, facts) for name, facts in FILES.items()}

    def run(self, *arguments: object) -> str:
        """Standard output of a command, which must not fail."""
        words = [str(argument) for argument in arguments]
        words += self.more if words[0] in ("decode", "eval") else []
        result = CliRunner().invoke(jpegx, words, prog_name="jpegx")
        if result.exit_code not in (0, 3) and words[0] != "verify":
            raise SystemExit(f"{' '.join(words)}: {result.exit_code}: {result.output}")
        return str(result.stdout)

    def decode(self, name: str, file: str, *options: object) -> None:
        """Keep the hashes of all pictures of a decode."""
        out = self.folder / name
        self.run("decode", self.files[file], "-o", out, "--quiet", *options)
        for path in sorted(out.iterdir()):
            with Image.open(path) as picture:
                pixels = picture.mode.encode() + repr(picture.size).encode() + picture.tobytes()
                self.kept[f"{name}/{path.name}"] = np.asarray(picture)
            self.found[f"{name}/{path.name}"] = hashlib.sha256(pixels).hexdigest()

    def keep(self, name: str, text: str) -> None:
        """Keep the hash of a text, which must not name the folder."""
        text = text.replace(str(self.folder), "")
        self.found[name] = hashlib.sha256(text.encode()).hexdigest()
        self.kept[name] = np.array(text)

    def jpeg(self, name: str, facts: Facts) -> Path:
        """Write a file of a scene."""
        path = self.folder / f"{name}.jpg"
        picture = scene(len(name) + facts.size[0], facts.size)
        if facts.subsampling is None:
            picture.convert("L").save(path, "JPEG", quality=facts.quality)
        else:
            picture.save(path, "JPEG", quality=facts.quality, subsampling=facts.subsampling)
        return path


def scene(seed: int, size: tuple[int, int]) -> Image.Image:
    """A generated picture with edges and texture."""
    from scenes import dead_leaves

    return Image.fromarray(
        dead_leaves(seed, size[1], size[0], 200).permute(1, 2, 0).contiguous().numpy()
    )


def pictures(record: Recorder) -> None:
    """Pictures of every model and every kind of file."""
    for file in FILES:
        record.decode(f"laplace-{file}", file, "--model", "laplace", "-n", 2)
        record.decode(f"general-{file}", file, "--model", "general", "-n", 2, "--seed", 3)
        record.decode(f"regression-{file}", file, "--model", "regression", "--no-project")
    record.decode("standard", "420", "--model", "standard", "--no-project")
    record.decode("standard-projected", "444", "--model", "standard")
    for file in ("420", "gray"):
        record.decode(f"rrdb-{file}", file, "--model", "rrdb-general", "-n", 2, "--no-project")
    record.decode("rrdb-projected", "444", "--model", "rrdb-general")
    for file in ("odd", "gray"):
        record.decode(f"ensemble-{file}", file, "--model", "regression", "--self-ensemble")
    record.decode("mean", "odd", "-n", 3, "--mean", "--std-map", "--model", "general")
    options = ("--temperature", 0.5, "--no-project", "-n", 2)
    record.decode("temperature", "420", "--model", "general", *options)
    record.decode("bfloat16", "422", "--model", "general", "--precision", "bfloat16")


def tiles(record: Recorder) -> None:
    """Pictures in tiles, as a machine with little memory makes them."""
    import jpegx.cli.decode  # noqa: F401 (so that all that is patched is there)

    record.run("decode", record.files["444"], "-o", record.folder / "warm", "--model", "general")
    holders = [
        module
        for name, module in sys.modules.items()
        if name.startswith("jpegx.") and hasattr(module, "tile_memory")
    ]
    record.files["large"] = record.jpeg("large", LARGE)
    before = {module: module.tile_memory for module in holders}
    try:
        for megabytes, model in ((14, "regression"), (14, "general"), (8, "rrdb-general")):
            for module in holders:
                module.tile_memory = lambda *_, least=megabytes << 20: least  # type: ignore[attr-defined]
            record.decode(f"tiled-{model}", "large", "--model", model, "-n", 2, "--no-project")
    finally:
        for module, function in before.items():
            module.tile_memory = function  # type: ignore[attr-defined]


def reports(record: Recorder) -> None:
    """What verify and info tell."""
    record.run("decode", record.files["odd"], "-o", record.folder / "odd.png", "--model", "laplace")
    for picture in ("odd.png", "ensemble-odd/odd.png", "general-420/420_0.png"):
        target = record.folder / picture
        if target.is_file():
            answer = record.run("verify", record.files["odd"], target, "--json")
            record.keep(f"verify/{picture}", answer)
    for name, path in record.files.items():
        record.keep(f"info/{name}", record.run("info", path, "--json"))


def evaluation(record: Recorder) -> None:
    """The table of four models on three crops."""
    originals = record.folder / "originals"
    originals.mkdir()
    for index in range(3):
        scene(index, (112, 96)).save(originals / f"{index}.png")
    out = record.folder / "results"
    models = [w for m in ("standard", "laplace", "regression", "general") for w in ("--model", m)]
    record.run("eval", originals, *models, "--quality", "10,40", "-n", 2, "-o", out)
    text = (out / "results.csv").read_text()
    for number, line in enumerate(text.splitlines()):
        record.keep(f"eval/{number} {','.join(line.split(',')[:3])}", line)


def training(record: Recorder) -> None:
    """Weights of tiny runs, one of them killed and resumed."""
    from safetensors.numpy import load_file

    from training_data import write_images, write_recipe

    recipe = write_recipe(record.folder)
    data = write_images(record.folder / "data")
    for name, config in NETWORKS.items():
        out = record.folder / f"run-{name}"
        words = ["train", "--data", data, "--recipe", recipe, "-o", out, "--quiet"]
        network = (f"generator.family={name.partition('-')[0]}", f"generator.config={config}")
        for change in (*CHANGES, *network):
            words += ["--set", change]
        if name == "unet":
            kill_and_resume([str(word) for word in words], out)
        else:
            record.run(*words)
        record.run("train", "export", out, out / "weights.safetensors")
        tensors = load_file(out / "weights.safetensors")
        digest = hashlib.sha256()
        for key in sorted(tensors):
            digest.update(key.encode() + tensors[key].tobytes())
        record.found[f"train/{name}"] = digest.hexdigest()
        values = [tensors[key].astype(np.float32).ravel() for key in sorted(tensors)]
        record.kept[f"train/{name}"] = np.concatenate(values)
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        figures = [line["validation"] for line in lines if "validation" in line]
        record.keep(f"train/{name}/validation", json.dumps(figures, sort_keys=True))


def kill_and_resume(words: list[str], out: Path) -> None:
    """Kill a run without mercy when it has some steps, and let it end."""
    program = [sys.executable, "-c", "from jpegx.cli.main import main; main()"]
    process = subprocess.Popen([*program, *words], stderr=subprocess.DEVNULL)
    while process.poll() is None:
        log = out / "log.jsonl"
        if log.is_file() and log.read_text().count('"stage"') >= 5:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.02)
    process.wait()
    subprocess.run([*program, "train", "--resume", str(out), "--quiet"], check=True)


def difference(before: np.ndarray | None, now: np.ndarray) -> str:
    """How far apart two things are."""
    if before is None:
        return "new"
    if before.dtype.kind == "U":
        return f"was {before}, is {now}"
    if before.shape != now.shape:
        return f"was {before.shape}, is {now.shape}"
    change = np.abs(now.astype(np.float64) - before)
    return f"{(change > 0).mean():.2%} differ, by at most {change.max():.4g}"


PARTS: dict[str, Callable[[Recorder], None]] = {
    "pictures": pictures,
    "tiles": tiles,
    "reports": reports,
    "evaluation": evaluation,
    "training": training,
}


def main() -> None:
    """Write a record, or tell what differs from one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--more", default="", help="further options of decode and eval")
    parser.add_argument("--only", choices=tuple(PARTS), action="append")
    chosen = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    print(f"jpegx of {Path(sys.modules['jpegx'].__file__ or '').parent}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        record = Recorder(Path(folder), chosen.more.split())
        for name in chosen.only or PARTS:
            start = time.process_time()
            PARTS[name](record)
            print(f"{name}: {time.process_time() - start:.1f} s of CPU", file=sys.stderr)
    if chosen.action == "record":
        chosen.file.write_text(json.dumps(record.found, indent=1, sort_keys=True) + "\n")
        np.savez_compressed(chosen.file.with_suffix(".npz"), **record.kept)  # type: ignore[arg-type]
        return
    known = json.loads(chosen.file.read_text())
    other = [name for name in record.found if known.get(name) != record.found[name]]
    missing = [] if chosen.only else sorted(known.keys() - record.found.keys())
    with np.load(chosen.file.with_suffix(".npz")) as before:
        for name in other:
            print(f"{name}: {difference(before.get(name), record.kept[name])}")
    for name in missing:
        print("missing:", name)
    print(f"{len(record.found) - len(other)} of {len(known)} are equal")
    sys.exit(1 if other or missing else 0)


if __name__ == "__main__":
    main()
