"""jpegx decode --jobs and --manifest: the same as with one process, whatever is killed."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Run
from processes import JPEGX, PATIENCE, children, wait_for


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_several_processes_tell_and_write_the_same(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "p03.jpg").write_bytes(b"no file")
    (photos / "p05.jpg").write_bytes((photos / "p05.jpg").read_bytes()[:-60])
    told = []
    for jobs in (1, 2):
        words = ("-n", 2, "--json", "--jobs", jobs, "-o", tmp_path / "out")
        result = run("decode", photos, *words)
        assert result.exit_code == 1
        told.append((result.stdout, result.stderr, contents(tmp_path / "out")))
        (tmp_path / "out").rename(tmp_path / f"out{jobs}")
    assert told[0] == told[1]
    assert len(told[0][2]) == 14


@pytest.mark.parametrize(
    "words", [("--temperature", "0.5"), ("--model", "nothing"), ("--model", "laplace:mean=1")]
)
def test_what_cannot_be_opened_is_told_as_with_one_process(
    run: Run, photos: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    manifest = tmp_path / "m.jsonl"
    words = ("--model", "laplace", *words, "--manifest", str(manifest), "-o", str(tmp_path / "out"))
    told = [run("decode", photos, *words, "--jobs", jobs) for jobs in (1, 2)]
    assert [result.exit_code for result in told] == [2, 2]
    assert told[0].output == told[1].output
    assert not manifest.exists()
    assert not (tmp_path / "out").exists()


def start(*words: object) -> "subprocess.Popen[str]":
    python, option, code = JPEGX
    # Tests that run below nohup hand on that the end of a terminal is not heard.
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); {code}"
    command = [python, option, code, "decode", "--model", "laplace", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def workers(number: int) -> list[int]:
    """The processes that the fork server of a process has made."""
    return [worker for child in children(number) for worker in children(child)]


@pytest.fixture
def long_work(photos: Path, tmp_path: Path) -> tuple[Path, tuple[object, ...]]:
    """Words of a run that takes a while, and where it writes."""
    out = tmp_path / "out"
    return out, (photos, "-n", 10, "--jobs", 2, "-o", out, "--manifest", tmp_path / "m.jsonl")


def test_a_killed_worker_loses_nothing(
    run: Run, photos: Path, tmp_path: Path, long_work: tuple[Path, tuple[object, ...]]
) -> None:
    out, words = long_work
    process = start(*words)
    wait_for(lambda: out.exists() and len(list(out.glob("*.png"))) > 20)
    assert b"libtorch" not in Path(f"/proc/{process.pid}/maps").read_bytes()  # others work
    os.kill(workers(process.pid)[0], signal.SIGKILL)
    _, messages = process.communicate(timeout=PATIENCE)
    assert (process.returncode, messages) == (0, "")
    reference = tmp_path / "reference"
    assert run("decode", photos, "-n", 10, "-o", reference, "--jobs", 1).exit_code == 0
    assert contents(out) == contents(reference)
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    done = [line["input"] for line in lines if line.get("status") == "done"]
    assert done == sorted(done)
    assert len(done) == 8
    assert all(len(line["pictures"]) == 10 for line in lines if "status" in line)


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_manifest(
    run: Run, photos: Path, tmp_path: Path, long_work: tuple[Path, tuple[object, ...]]
) -> None:
    out, words = long_work
    process = start(*words)
    manifest = tmp_path / "m.jsonl"
    wait_for(lambda: manifest.exists() and '"status"' in manifest.read_text())
    known = workers(process.pid)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in known))
    with manifest.open("a") as lines:
        lines.write('{"input": "torn')
    done = manifest.read_text().count('"status": "done"')
    result = run("decode", *words)
    assert result.exit_code == 0
    assert f"jpegx: {done} of 8 files skipped" in result.stderr
    reference = tmp_path / "reference"
    assert run("decode", photos, "-n", 10, "-o", reference, "--jobs", 1).exit_code == 0
    assert contents(out) == contents(reference)
    told = [json.loads(line) for line in manifest.read_text().splitlines()]
    finished = [line["input"] for line in told if line.get("status") == "done"]
    assert sorted(finished) == sorted(set(finished))
    assert len(finished) == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_interrupting_leaves_only_whole_pictures(
    long_work: tuple[Path, tuple[object, ...]], number: signal.Signals
) -> None:
    out, words = long_work
    process = start(*words)
    wait_for(lambda: out.exists() and list(out.glob("*.png")))
    known = workers(process.pid)
    os.killpg(process.pid, number)
    _, messages = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert messages == "jpegx: interrupted; the same command goes on\n"
    assert not any(Path(f"/proc/{worker}").exists() for worker in known)
    assert all(name.endswith(".png") for name in contents(out))


def test_interrupting_at_the_start_is_one_line(
    long_work: tuple[Path, tuple[object, ...]],
) -> None:
    process = start(*long_work[1])

    def imports_torch() -> bool:
        maps = [Path(f"/proc/{child}/maps") for child in children(process.pid)]
        return any(b"libtorch" in path.read_bytes() for path in maps)

    wait_for(imports_torch)
    os.killpg(process.pid, signal.SIGINT)
    _, messages = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert messages.startswith("jpegx: interrupted")
    assert len(messages.splitlines()) == 1


def test_a_manifest_belongs_to_a_run(run: Run, photos: Path, tmp_path: Path) -> None:
    words = ("decode", photos / "p00.jpg", "-o", tmp_path / "out", "--manifest")
    assert run(*words, tmp_path / "m").exit_code == 0
    assert run(*words, tmp_path / "m").exit_code == 0
    result = run(*words, tmp_path / "m", "--seed", 1)
    assert result.exit_code == 2
    assert "other options (seed)" in result.stderr
    (tmp_path / "text").write_text("a list of things\n")
    assert run(*words, tmp_path / "text").exit_code == 2
    assert (tmp_path / "text").read_text() == "a list of things\n"
    (tmp_path / "text").write_text("a list")
    assert run(*words, tmp_path / "text").exit_code == 2
    assert (tmp_path / "text").read_text() == "a list"


def test_a_manifest_is_of_one_run_at_a_time(run: Run, photos: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m"
    words = ("decode", photos / "p00.jpg", "-o", tmp_path / "out", "--manifest", manifest)
    with manifest.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = run(*words)
        assert result.exit_code == 2
        assert f"{manifest}: another run is writing it" in result.stderr
        assert manifest.read_bytes() == b""
    assert run(*words).exit_code == 0


@pytest.mark.parametrize(
    "line",
    [
        *("[1]", '"done"', "null", '{"begun": [1], "pictures": []}', '{"begun": "a"}'),
        *('{"begun": "a", "pictures": 3}', '{"status": "done"}', '{"input": {}, "status": "done"}'),
    ],
)
def test_lines_of_no_manifest_are_left_out(
    run: Run, photos: Path, tmp_path: Path, line: str
) -> None:
    words = ("decode", photos / "p00.jpg", "-o", tmp_path / "out", "--manifest", tmp_path / "m")
    assert run(*words).exit_code == 0
    first, *rest = (tmp_path / "m").read_text().splitlines(keepends=True)
    (tmp_path / "m").write_text("".join((first, line + "\n", *rest)))
    result = run(*words)
    assert (result.exit_code, result.stderr) == (
        0,
        "jpegx: 1 of 1 files skipped: their pictures exist\n",
    )
    (tmp_path / "m").write_text('{"run": 3}\n')
    assert "no manifest of jpegx" in run(*words).stderr


def test_what_failed_is_tried_again(run: Run, photos: Path, tmp_path: Path) -> None:
    bad = photos / "p01.jpg"
    good = bad.read_bytes()
    bad.write_bytes(good[:100])
    words = ("decode", photos, "-o", tmp_path / "out", "--manifest", tmp_path / "m")
    assert run(*words).exit_code == 1
    assert '"status": "failed"' in (tmp_path / "m").read_text()
    bad.write_bytes(good)
    result = run(*words)
    assert result.exit_code == 0
    assert "7 of 8 files skipped" in result.stderr
    assert len(contents(tmp_path / "out")) == 8


def test_very_many_names_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/0.jpg").write_bytes(b"")
    for number in range(1, 10_000):
        os.link(tmp_path / "d/0.jpg", tmp_path / f"d/a photo of some length {number}.jpg")
    program = (
        "import resource, sys; from jpegx.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    used = []
    names = [str(path) for path in (tmp_path / "d").iterdir()]
    for count in (100, 10_000):
        (tmp_path / "list").write_text("\n".join(names[:count]))
        words = ("decode", "--files-from", str(tmp_path / "list"), "--dry-run", "-o", "out")
        result = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
        )
        assert len(result.stdout.splitlines()) == count
        used.append(int(result.stderr))
    unit = 1024 if sys.platform == "linux" else 1
    assert (used[1] - used[0]) * unit < 8 << 20
