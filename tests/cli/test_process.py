"""jpegx as a process: signals, pipes, terminals, what is imported when."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Run
from forked import Forked
from jpegx import __version__
from processes import JPEGX, wait_for

pytestmark = pytest.mark.usefixtures("one_thread")  # as a fork needs

INTERRUPTED = "jpegx: interrupted; with --skip-existing the same command goes on\n"
DECODE = ["decode", "--model", "laplace"]


def test_version() -> None:
    result = subprocess.run([*JPEGX, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout == f"jpegx {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["decode"], ["verify"], ["info"], ["eval"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from jpegx.cli.main import main\n"
        f"main({[*arguments, '--help']}, standalone_mode=False)\n"
        "print([m for m in ('torch', 'numpy', 'PIL', 'rich') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage: ")
    assert result.stdout.endswith("\n[]\n")


def test_threads_sleep_while_they_wait(example: Path, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment["OMP_DISPLAY_ENV"] = "VERBOSE"  # PyTorch's library of threads tells what it goes by
    command = [*JPEGX, *DECODE, str(example), "-o", str(tmp_path)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    spins = re.search(r"GOMP_SPINCOUNT ?= ?'(\d+)'", result.stderr)
    if spins is None:
        pytest.skip("the OpenMP of this PyTorch is not GNU's")
    assert spins[1] == "0"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_only_whole_pictures(
    example: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    process = Forked([*DECODE, example, "-n", 5000, "-o", out], tmp_path / "said")
    process.wait_until(lambda: list(out.glob("*.png")))
    assert process.end(number) == INTERRUPTED
    assert process.code == 128 + number
    files = list(out.iterdir())
    assert 0 < len(files) < 5000
    assert all(file.suffix == ".png" and _is_whole(file) for file in files)


def test_a_second_interrupt_changes_nothing(example: Path, tmp_path: Path) -> None:
    command = [*JPEGX, *DECODE, str(example), "-n", "5000", "-o", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(tmp_path.glob("*.png")))

    def has_ended_when_asked_again() -> bool:
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_for(has_ended_when_asked_again)
    _, messages = process.communicate()
    # While Python itself ends, the signal does what it does to any process.
    assert process.returncode in (128 + signal.SIGINT, -signal.SIGINT)
    assert messages == INTERRUPTED
    assert all(_is_whole(file) for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("closing", "arguments", "code", "messages"),
    [
        (">&- 2>&-", "decode PHOTO --model laplace -o OUT", 0, ""),
        (">&-", "info PHOTO", 1, "jpegx: Bad file descriptor; open it, or send it to a file\n"),
        (">&-", "--help", 1, "jpegx: Bad file descriptor; open it, or send it to a file\n"),
        ("<&-", "info -", 1, "standard input: the file is empty; get an undamaged copy\n"),
    ],
)
def test_closed_streams(
    example: Path, tmp_path: Path, closing: str, arguments: str, code: int, messages: str
) -> None:
    words = arguments.replace("PHOTO", str(example)).replace("OUT", str(tmp_path)).split()
    command = ["sh", "-c", f'"$@" {closing}', "sh", *JPEGX, *words]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (code, messages)
    assert list(tmp_path.glob("*.png")) or "OUT" not in arguments


def test_warnings_of_libraries_are_not_shown(example: Path, tmp_path: Path) -> None:
    """Pillow warns of a JPEG file whose index of pictures is broken, in two lines of its own."""
    data = example.read_bytes()
    picture = tmp_path / "a.jpg"
    picture.write_bytes(data[:2] + b"\xff\xe2\0\x0cMPF\0II*\0\0\0" + data[2:])
    words = [*JPEGX, "verify", str(example), str(picture)]
    result = subprocess.run(words, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize(("command", "code"), [("verify", 2), ("info", 1), ("decode", 1)])
def test_output_that_cannot_be_written(
    run: Run, example: Path, tmp_path: Path, command: str, code: int
) -> None:
    picture = tmp_path / "a.png"
    assert run("decode", example, "-o", picture).exit_code == 0
    words = {
        "verify": ["verify", example, picture],
        "info": ["info", example],
        "decode": [*DECODE, example, "-o", picture, "--overwrite", "--json"],
    }[command]
    with Path("/dev/full").open("wb") as full:
        process = Forked(words, tmp_path / "said", stdout=full.fileno())
        assert process.end() == "jpegx: No space left on device; make room, or use another place\n"
    assert process.code == code


def _is_whole(file: Path) -> bool:
    data = file.read_bytes()
    return data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")


def test_pipes(example: Path, tmp_path: Path) -> None:
    with example.open("rb") as stream, (tmp_path / "a.png").open("wb") as out:
        words = [*DECODE, "-", "-o", "-"]
        process = Forked(words, tmp_path / "said", stdin=stream.fileno(), stdout=out.fileno())
        assert process.end() == ""
    assert process.code == 0
    assert _is_whole(tmp_path / "a.png")


@pytest.mark.parametrize("options", [["-o", "-"], ["--json"]])
def test_reader_that_leaves(example: Path, tmp_path: Path, options: list[str]) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(example.read_bytes())
    reading, writing = os.pipe()
    os.close(reading)
    process = Forked([*DECODE, photo, *options], tmp_path / "said", stdout=writing)
    os.close(writing)
    assert process.end() == "jpegx: the program that read the output has gone\n"
    assert process.code == 128 + signal.SIGPIPE


def _on_a_terminal(folder: Path, *arguments: object) -> tuple[int | None, str, str]:
    """Exit code, standard output and what a terminal on standard error shows."""
    ours, theirs = pty.openpty()
    process = Forked(
        arguments,
        folder / "said",
        stdin=theirs,
        stderr=theirs,
        environment={"TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # Linux says so when the last writer has closed
            break
        if not data:
            break
        shown += data
    os.close(ours)
    output = process.end()
    return process.code, output, shown.decode()


def test_progress_on_a_terminal_only(example: Path, tmp_path: Path) -> None:
    code, output, shown = _on_a_terminal(tmp_path, *DECODE, example, "-n", 3, "-o", tmp_path / "a")
    assert (code, output) == (0, "")
    assert "example.jpg" in shown
    assert "3/3" in shown
    quiet = _on_a_terminal(tmp_path, *DECODE, example, "--quiet", "-o", tmp_path / "b")
    assert quiet == (0, "", "")


def test_no_jpeg_from_a_terminal(tmp_path: Path) -> None:
    code, _, shown = _on_a_terminal(tmp_path, *DECODE, "-", "-o", tmp_path)
    assert code == 2
    assert "standard input is a terminal" in shown


def test_no_png_to_a_terminal(example: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = Forked([*DECODE, example, "-o", "-"], tmp_path / "said", stdout=theirs)
    assert "terminal" in process.end()
    assert process.code == 2
    os.close(theirs)
    os.close(ours)
