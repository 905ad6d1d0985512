"""What containers leave of the memory: trees of files as Linux shows them."""

from pathlib import Path

import pytest
import torch

from jpegx.sampling import memory
from jpegx.sampling.control_groups import memory_left

GIB = 1 << 30
UNLIMITED = {1: "9223372036854771712", 2: "max"}
FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def group(folder: Path, version: int, limit: str, used: int, files: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    limit_name, usage_name, files_name = FILES[version]
    (folder / limit_name).write_text(f"{limit}\n")
    (folder / usage_name).write_text(f"{used}\n")
    # The name without "total_" is in version 1, too, and counts the group without its children.
    lines = {"inactive_file": 0, files_name: files}
    (folder / "memory.stat").write_text("".join(f"{n} {v}\n" for n, v in lines.items()))


def belongs(folder: Path, *lines: str) -> Path:
    path = folder / "cgroup"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture(params=[1, 2])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def root(tmp_path: Path, version: int) -> Path:
    return tmp_path / "mounted" / ("memory" if version == 1 else "")


def membership(version: int, path: str) -> list[str]:
    other = "7:cpu,cpuacct:/elsewhere"
    return [other, f"4:memory:{path}" if version == 1 else f"0::{path}"]


@pytest.mark.parametrize(
    ("inner", "outer", "left"),
    [
        ("3221225472", "max", 2 * GIB),
        ("max", "4294967296", 1 * GIB),
        ("3221225472", "4294967296", 1 * GIB),
        ("1048576", "max", 0),
    ],
)
def test_the_least_of_the_groups_around(
    inner: str, outer: str, left: int, version: int, root: Path, tmp_path: Path
) -> None:
    inner, outer = (UNLIMITED[version] if limit == "max" else limit for limit in (inner, outer))
    group(root, version, UNLIMITED[version], 20 * GIB)
    group(root / "pod", version, outer, 3 * GIB)
    group(root / "pod" / "app", version, inner, GIB + 5, files=5)
    memberships = belongs(tmp_path, *membership(version, "/pod/app"))
    assert memory_left(memberships, tmp_path / "mounted") == left


def test_in_a_container_its_own_group_is_the_root(version: int, root: Path, tmp_path: Path) -> None:
    group(root, version, str(2 * GIB), GIB)
    memberships = belongs(tmp_path, *membership(version, "/docker/0123456789ab"))
    assert memory_left(memberships, tmp_path / "mounted") == GIB


def test_without_groups_or_limits(tmp_path: Path) -> None:
    assert memory_left(tmp_path / "none", tmp_path) is None
    assert memory_left(belongs(tmp_path, "0::/"), tmp_path) is None
    group(tmp_path, 2, "max", GIB)
    assert memory_left(belongs(tmp_path, "0::/"), tmp_path) is None


@pytest.mark.parametrize(("left", "expected"), [(None, 16), (1, 1), (64, 16)])
def test_free_memory_heeds_the_limit(
    left: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory_left", lambda: None if left is None else left << 30)
    monkeypatch.setattr(memory, "_free_of_the_machine", lambda: 16 << 30)
    assert memory.free_memory(torch.device("cpu")) == expected << 30
