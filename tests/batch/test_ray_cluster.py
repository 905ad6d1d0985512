"""jpegx decode --executor ray: a cluster of this machine, whose worker and driver are killed."""

import json
import os
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import Run
from processes import JPEGX, PATIENCE, below, named, wait_for

# A busy machine may take minutes for what Ray waits seconds for.
PATIENT = {
    "RAY_raylet_start_wait_time_s": "500",
    "RAY_gcs_server_request_timeout_seconds": "300",
    "RAY_worker_register_timeout_seconds": "600",
}

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="no Ray")


def start(*words: object) -> "subprocess.Popen[str]":
    command = [*JPEGX, "decode", "--model", "laplace", "--executor", "ray", *map(str, words)]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **PATIENT}
    )


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@needs_ray
@pytest.mark.slow
def test_a_killed_worker_and_a_killed_driver(run: Run, photos: Path, tmp_path: Path) -> None:
    out, manifest = tmp_path / "out", tmp_path / "m.jsonl"
    words = (photos, "-n", 20, "--jobs", 2, "-o", out, "--manifest", manifest)
    process = start(*words)
    wait_for(lambda: process.poll() is not None or '"status"' in _text(manifest))
    assert process.poll() is None, process.communicate()
    all_of_it = below(process.pid)
    os.kill(named(process.pid, b"_Decoder")[0], signal.SIGKILL)
    lines = manifest.read_text().count('"status"')
    wait_for(lambda: process.poll() is not None or manifest.read_text().count('"status"') > lines)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in all_of_it))
    process = start(*words)
    _, messages = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, messages
    assert "8 files skipped" in messages
    reference = tmp_path / "reference"
    assert run("decode", photos, "-n", 20, "-o", reference, "--jobs", 1).exit_code == 0
    contents = [{p.name: p.read_bytes() for p in place.iterdir()} for place in (out, reference)]
    assert contents[0] == contents[1]
    told = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert sorted(one["input"] for one in told if one.get("status") == "done") == sorted(
        str(path) for path in photos.iterdir()
    )


@needs_ray
@pytest.mark.slow
def test_what_the_first_worker_cannot_open_is_wrong_usage(photos: Path, tmp_path: Path) -> None:
    process = start(photos, "--jobs", 1, "-o", tmp_path / "out", "--precision", "int8")
    _, messages = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, messages
    assert "laplace: it is no network; leave out --precision" in messages
    assert not (tmp_path / "out").exists()


@needs_ray
@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1: Connection refused"),
        ("ray://127.0.0.1:1", "no Ray cluster at ray://127.0.0.1:1: Connection refused"),
        ("nowhere.invalid:6379", "no Ray cluster at nowhere.invalid:6379: "),
        ("127.0.0.1", "names no cluster"),
        ("[::1", "names no cluster"),
        ("127.0.0.1:99999", "names no cluster"),
    ],
)
def test_a_cluster_that_is_not_there_is_told_in_a_line(
    run: Run, photos: Path, tmp_path: Path, address: str, told: str
) -> None:
    words = ("--executor", "ray", "--address", address)
    results = (run("decode", photos, *words), run("eval", photos, *words, "-o", tmp_path / "out"))
    for result in results:
        assert result.exit_code == 1
        assert told in result.stderr
        assert result.stderr.count("\n") == 1
    assert not list(photos.glob("*.png"))


def test_an_address_is_of_a_cluster(run: Run, photos: Path) -> None:
    assert run("decode", photos, "--address", "auto").exit_code == 2


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is here")
def test_without_ray_it_is_said(run: Run, photos: Path) -> None:
    result = run("decode", photos, "--executor", "ray")
    assert result.exit_code == 1
    assert "jpegx[ray]" in result.stderr
