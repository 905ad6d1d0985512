"""What is measured already, also where the files of it are damaged."""

from pathlib import Path

import numpy as np

from jpegx.evaluation.benchmark.store import Store


def test_damaged_lines_are_measured_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("a", "b", "c"):
        store.put(name, {"picture": name}, {"psnr": 30.5, "levels": [1, 2], "none": float("nan")})
    lines = (tmp_path / "measurements.jsonl").read_text().splitlines()
    damaged = [
        lines[0],
        lines[1].replace("30.5", "39.5"),
        lines[2][:-9],
        "[" * 100_000,
        '{"key": "d", "values": 3}',
        "null",
    ]
    (tmp_path / "measurements.jsonl").write_text("\n".join(damaged))
    again = Store(tmp_path)
    assert "a" in again
    assert not {"b", "c", "d"} & set(again._results)
    again.put("b", {}, {"psnr": 1.0})
    assert Store(tmp_path)["b"] == {"psnr": 1.0}


def test_damaged_arrays_count_as_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put_arrays("a", [np.arange(100.0), np.ones(3)])
    assert store.has_arrays("a", 2)
    assert not store.has_arrays("a", 3)
    for content in (b"", b"\x93NUMPY\1\0 half", b"nonsense"):
        (tmp_path / "work" / "a.0.npy").write_bytes(content)
        assert not store.has_arrays("a", 2)


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    for name in (".jpegx-1.part", "work/.jpegx-2.part", "crops/.jpegx-3.part"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    Store(tmp_path)
    assert not list(tmp_path.rglob(".jpegx-*"))
