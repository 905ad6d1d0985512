"""Files appear whole or not at all, and nothing is left of those that did not."""

import errno
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jpegx.io.atomic_file import atomic_file, remove_leftovers


def write(path: Path, text: bytes, *, overwrite: bool = False) -> None:
    with atomic_file(path, overwrite=overwrite) as stream:
        stream.write(text)


def write_half(path: Path) -> None:
    with atomic_file(path, overwrite=True) as stream:
        stream.write(b"half")
        raise ZeroDivisionError


def write_late(path: Path) -> None:
    with atomic_file(path, overwrite=False) as stream:
        stream.write(b"mine")
        path.write_bytes(b"theirs")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a"
    write(path, b"first")
    with pytest.raises(ZeroDivisionError):
        write_half(path)
    assert path.read_bytes() == b"first"
    write(path, b"second", overwrite=True)
    assert path.read_bytes() == b"second"
    assert names(path.parent) == ["a"]


def test_a_full_disk_is_told_of_the_file_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*/a'$"):
            write(path, bytes(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert names(tmp_path) == []


@pytest.mark.parametrize("links", [True, False])
def test_what_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    path = tmp_path / "a"
    with pytest.raises(FileExistsError) as error:
        write_late(path)
    assert error.value.filename == str(path)
    assert path.read_bytes() == b"theirs"
    write(tmp_path / "b", b"mine")
    assert (tmp_path / "b").read_bytes() == b"mine"
    assert names(tmp_path) == ["a", "b"]


def no_links(self: Path, target: Path) -> None:
    raise OSError(errno.EPERM, "Operation not permitted", str(self))


def test_a_dangling_link_is_something(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        write(path, b"mine")
    assert path.is_symlink()


def test_times(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a", overwrite=False, times=(10**9, 2 * 10**9 + 7)) as stream:
        stream.write(bytes(100_000))
    found = (tmp_path / "a").stat()
    assert (found.st_atime_ns, found.st_mtime_ns) == (10**9, 2 * 10**9 + 7)


def test_messages_name_the_file_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder", tmp_path / "file" / "a", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=r"directory|too long") as error:
            write(path, b"mine", overwrite=True)
        assert "part" not in str(error.value)
        assert str(error.value.filename) in (str(path), str(path.parent))
    assert names(tmp_path) == ["file", "folder"]


WRITE_FOR_EVER = """
import sys, time
from pathlib import Path
from jpegx.io.atomic_file import atomic_file
with atomic_file(Path(sys.argv[1]), overwrite=False) as stream:
    stream.write(b"half")
    stream.flush()
    print("begun", flush=True)
    time.sleep(1000)
"""


def test_what_a_killed_process_left_is_removed_and_only_that(tmp_path: Path) -> None:
    def begin(name: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path / name)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    with begin("killed") as killed, begin("alive") as alive:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        write(tmp_path / "mine", b"whole")
        (tmp_path / ".jpegx-notes.txt").touch()
        assert remove_leftovers(tmp_path) == 1
        assert remove_leftovers(tmp_path) == 0
        parts = list(tmp_path.glob(".jpegx-*.part"))
        assert [part.read_bytes() for part in parts] == [b"half"]
        alive.kill()
    assert remove_leftovers(tmp_path) == 1
    assert names(tmp_path) == [".jpegx-notes.txt", "mine"]
    assert remove_leftovers(tmp_path / "missing") == 0
