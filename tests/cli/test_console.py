"""What the console shows beside the bar, and how the process keeps memory."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from conftest import MakeJpeg, Run
from jpegx.cli import decode_report
from jpegx.cli.console import Console
from jpegx.sampling import generate


def test_what_is_drawn_stands_beside_the_bar() -> None:
    console, shown = Console(), StringIO()
    console.drawn(0.1)  # without a bar, nothing
    console._rich = RichConsole(file=shown, force_terminal=True, width=100)
    with console.progress(2, quiet=False) as bar:
        bar.advance("photo.jpg")
        console.drawn(0.37)
        bar._progress.refresh()
        console.searching(41)
        bar._progress.refresh()
        first = shown.getvalue()
        bar.advance("photo.jpg")
        shown.truncate(0)
    assert "37%" in first
    assert "photo.jpg" in first
    assert "not exact yet: 41" in first
    assert "37%" not in shown.getvalue()


def test_decode_tells_how_much_is_drawn(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []
    monkeypatch.setattr(Console, "drawn", lambda _, share: shares.append(share))
    monkeypatch.setattr(generate, "tile_memory", lambda _: 1)
    jpeg = make_jpeg("photo.jpg", size=(400, 80))
    result = run("decode", jpeg, "--model", "regression", "-n", 2, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert len(shares) >= 4
    assert shares[-1] == 1


def test_long_searches_are_told(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units: list[int] = []
    monkeypatch.setattr(Console, "searching", lambda _, left: units.append(left))
    monkeypatch.setattr(decode_report, "_LONG", -1.0)
    jpeg = make_jpeg("photo.jpg", size=(32, 32), quality=100)
    words = ["decode", jpeg, "--model", "laplace", "--overwrite", "-o", tmp_path / "out.png"]
    quiet, told = run(*words), run(*words, "-v")
    assert units[0] > 0
    assert "searching" not in quiet.stderr
    assert f"{jpeg}: searching for exact pixels of " in told.stderr
    seen = told.stderr.count("searching")
    monkeypatch.setattr(decode_report, "_LONG", 1e9)
    assert seen > 0 == run(*words, "-v").stderr.count("searching")


_MEMORY = """
import os
import resource
from pathlib import Path
import torch
from jpegx.io.allocator import keep_freed_memory
from jpegx.sampling.memory import release_freed_memory

def faults():
    for _ in range(20):  # until the heap has grown
        torch.ones(1 << 24)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

print(faults())
keep_freed_memory()
print(faults())
hole, after = torch.ones(1 << 26), torch.ones(1 << 20)
del hole
before = resident()
release_freed_memory(1 << 29)
print(before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_freed_memory_is_used_again_and_its_holes_are_given_back() -> None:
    command = [sys.executable, "-c", _MEMORY]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    left, kept, given_back = (int(word) for word in printed.split())
    assert kept < left / 10
    assert given_back > 200  # of 256 MiB
