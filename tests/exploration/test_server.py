"""The page's server: who may talk to it, and what becomes of what is said."""

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from PIL import Image

from conftest import DATA
from jpegx.consistency.recompress import recompress
from jpegx.exploration.session import Session
from jpegx.exploration.workbench import Start, Workbench
from jpegx.jpeg.box import Box
from jpegx.jpeg.file import read_jpeg
from jpegx.sampling.spec import SamplerSpec

pytest.importorskip("starlette", reason="starlette is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")
from starlette.testclient import TestClient

from jpegx.exploration.server.app import make_app
from jpegx.exploration.server.guard import MOST_BYTES
from processes import wait_for

REGION = {"shapes": [{"rectangle": "160,96,20x20"}]}
BASE = "http://127.0.0.1:8123"


def encode(stream: BinaryIO, pixels: np.ndarray, description: str) -> None:
    assert "Not the photograph" in description
    Image.fromarray(pixels).save(stream, "PNG")


def served(session: Session) -> Iterator[TestClient]:
    app, worker = make_app(session, "token", 8123, encode)
    with TestClient(app, base_url=f"{BASE}/token/") as client:
        yield client
    worker.stop()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    yield from served(session_of(SamplerSpec("laplace")))


def session_of(spec: SamplerSpec, start: Start = "standard", path: Path | None = None) -> Session:
    jpeg = read_jpeg(DATA / "example.jpg")
    return Session(Workbench(jpeg, "example.jpg", spec, start), path)


def wait(client: TestClient) -> Any:  # noqa: ANN401 (JSON)
    wait_for(lambda: client.get("state").json()["job"] is None)
    return client.get("state").json()


def told(client: TestClient) -> Any:  # noqa: ANN401 (JSON)
    wait_for(lambda: client.get("state").json()["message"])
    return client.get("state").json()


def step(client: TestClient, **more: object) -> Any:  # noqa: ANN401 (JSON)
    asked = {"tool": "smooth", "region": REGION, "parameters": {}} | more
    answer = client.post("step", json=asked)
    assert answer.status_code == 200, answer.text
    return wait(client)


def test_steps_are_made_undone_and_exported(client: TestClient) -> None:
    client.post("head", json={"id": 0})
    state = step(client, tool="darken", parameters={"strength": 2})
    made = state["head"]
    assert state["message"] == ""
    assert state["different"] == 0
    assert client.post("undo").json() == {"head": 0}
    assert client.post("redo").json()["head"] == made
    jpeg = read_jpeg(DATA / "example.jpg")
    answer = client.get(f"export/{made}.png")
    assert answer.headers["x-different"] == "0"
    pixels = np.asarray(Image.open(BytesIO(answer.content)))
    assert not any(recompress(jpeg, pixels).different)
    part = client.get(f"picture/{made}.png", params={"box": "160,96,20,20"})
    assert (np.asarray(Image.open(BytesIO(part.content))) == pixels[96:116, 160:180]).all()
    small = client.get(f"picture/{made}.png", params={"scale": "4"})
    assert Image.open(BytesIO(small.content)).size == (96, 64)
    assert client.post("bookmark", json={"name": "dark"}).status_code == 200
    state = client.get("state").json()
    assert state["bookmarks"] == {"dark": made}
    assert f"Step {made}: darken, exact" in client.get("report.html").text


def test_alternatives_and_copies(client: TestClient) -> None:
    client.post("head", json={"id": 0})
    state = step(client, tool="random", alternatives=3)
    first, second, third = (s["id"] for s in state["steps"][-3:])
    assert state["head"] == first
    assert client.post("copy", json={"from": third, "region": REGION}).status_code == 200
    state = wait(client)
    copied = client.get(f"picture/{state['head']}.png", params={"box": "160,96,16,16"})
    other = client.get(f"picture/{third}.png", params={"box": "160,96,16,16"})
    assert copied.content == other.content
    assert client.get(f"picture/{second}.png").content != other.content


def test_bounds_are_told_at_once(client: TestClient) -> None:
    answer = client.post("bounds", json={"region": REGION}).json()
    rows = {row["quantity"]: row for row in answer["rows"]}
    assert answer["units"] == 4
    for name in ("mean Y", "mean Cb", "mean Cr", "contrast Y"):
        assert rows[name]["least"] < rows[name]["now"] < rows[name]["most"]
    client.post("head", json={"id": 0})
    state = step(client, tool="level", parameters={"component": "Y", "to": rows["mean Y"]["most"]})
    (said,) = [s for s in state["steps"][-1]["statements"] if s["kind"] == "can"]
    assert said["value"] <= rows["mean Y"]["most"]
    assert said["value"] > rows["mean Y"]["now"]


def test_one_job_at_a_time_and_it_can_be_cancelled(client: TestClient) -> None:
    before = len(client.get("state").json()["steps"])
    asked = {"tool": "smooth", "region": {"shapes": []}, "parameters": {}, "alternatives": 8}
    assert client.post("step", json=asked).status_code == 200
    again = client.post("step", json=asked)
    assert again.status_code == 409
    assert "busy" in again.json()["error"]
    assert client.post("bounds", json={"region": REGION}).status_code == 200
    assert client.post("cancel").json() == {"cancelled": True}
    state = wait(client)
    assert "cancelled" in state["message"]
    assert len(state["steps"]) == before


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/wrong/state", {}),
        ("/token", {}),
        ("/state", {}),
        ("/", {}),
        ("/tokem/", {}),
        ("/token/state", {"host": "evil.example:8123"}),
        ("/token/state", {"host": "127.0.0.1:80"}),
        ("/token/state", {"origin": "http://evil.example"}),
        ("/token/state", {"origin": "null"}),
        ("/token/state", {"sec-fetch-site": "cross-site"}),
        ("/token/state", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
        ("/token/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}),
        ("/tokem/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
    ],
)
def test_nobody_else_may_talk_to_it(client: TestClient, path: str, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        assert client.request(method, BASE + path, headers=headers).status_code == 403


def test_its_own_page_may(client: TestClient) -> None:
    answer = client.post("undo", headers={"origin": BASE, "sec-fetch-site": "same-origin"})
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    page = client.get("").text
    assert "http" not in page.replace('lang="en"', "")
    for name in ("page.js", "asks.js", "canvas.js", "forms.js", "page.css"):
        assert client.get(name).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        [],
        "text",
        {"tool": "rm"},
        {"tool": "smooth", "region": {"shapes": [{"rectangle": "900,900,4x4"}]}},
        {"tool": "smooth", "region": {"shapes": [{"mask": "/etc/passwd"}]}},
        {"tool": "smooth", "region": {"shapes": [{"file": "/etc/passwd"}]}},
        {"tool": "smooth", "region": 7},
        {"tool": "smooth", "region": {"shapes": [{"polygon": "1,1 9,1 5,9 " * 300}] * 200}},
        {"tool": "smooth", "region": REGION, "parameters": {"strength": 1}},
        {"tool": "variance", "region": REGION, "parameters": {"strength": "NaN"}},
        {"tool": "imprint", "region": REGION, "parameters": {"image": "/etc/passwd"}},
        {"tool": "imprint", "region": REGION, "parameters": {"image": {"png": "AAAA"}}},
        {"tool": "like", "region": REGION, "parameters": {"source-region": "/etc"}},
        {"tool": "smooth", "region": REGION, "over": "noise; rm"},
        {"tool": "smooth", "region": REGION, "from": 999},
        {"tool": "smooth", "region": REGION, "seed": -1},
        {"tool": "smooth", "region": REGION, "alternatives": 10**9},
        {"tool": "smooth", "region": REGION, "session": "/etc/passwd"},
    ],
)
def test_hostile_requests_are_refused(client: TestClient, asked: object) -> None:
    answer = client.post("step", json=asked)
    assert answer.status_code == 400, answer.text
    assert len(answer.json()["error"].splitlines()) == 1
    assert client.get("state").json()["job"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "step", b"{", 400),
        ("POST", "step", b"[" * 100_000, 400),
        ("POST", "step", b"\xff", 400),
        ("POST", "step", b" " * (MOST_BYTES + 1), 413),
        ("POST", "head", b'{"id": 99}', 400),
        ("POST", "head", b'{"id": "../x"}', 400),
        ("POST", "copy", b'{"from": 99}', 400),
        ("POST", "bookmark", b'{"name": ""}', 400),
        ("POST", "bounds", b"[]", 400),
        ("GET", "step", b"", 405),
        ("GET", "picture/99.png", b"", 400),
        ("GET", "picture/0.png?box=1,2", b"", 400),
        ("GET", "picture/0.png?box=-1,0,5,5", b"", 400),
        ("GET", "picture/0.png?scale=999", b"", 400),
        ("GET", "picture/0.png?scale=²", b"", 400),
        ("GET", "picture/..%2f..%2fpyproject.png", b"", 404),
        ("GET", "..%2f..%2fapp.py", b"", 404),
        ("GET", "app.py", b"", 404),
        ("GET", "export/99.png", b"", 400),
    ],
)
def test_what_cannot_be_answered(
    client: TestClient, method: str, path: str, body: bytes, status: int
) -> None:
    answer = client.request(method, path, content=body)
    assert answer.status_code == status, answer.text


def test_what_turns_out_to_be_too_large_is_refused(client: TestClient) -> None:
    pieces = (b" " * (1 << 20) for _ in range((MOST_BYTES >> 20) + 1))  # no length is said before
    answer = client.post("step", content=pieces)
    assert (answer.status_code, answer.json()) == (413, {"error": "too large"})


def test_a_step_that_is_made_while_the_state_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(SamplerSpec("laplace"))
    plain = session.box

    def slow(number: int) -> Box:
        session.steps[99] = session.steps[1]
        return plain(number)

    for client in served(session):
        for _ in range(2):
            step(client, tool="random", alternatives=1)
        monkeypatch.setattr(session, "box", slow)
        assert [s["id"] for s in client.get("state").json()["steps"]] == [1, 2]


def test_a_start_that_cannot_be_made_is_told_and_stops_nothing() -> None:
    session = session_of(SamplerSpec("standard"), "sample")
    for client in served(session):
        state = told(client)
        assert "an ordinary decoder has no draws" in state["message"]
        assert not state["made"]
        answer = client.get("export/0.png")
        assert (answer.status_code, answer.json()["error"].count("no draws")) == (400, 1)
        asked = {"tool": "smooth", "region": REGION, "parameters": {}}
        assert client.post("step", json=asked).status_code == 200
        assert "no draws" in wait(client)["message"]


def test_regions_of_a_session_that_are_none_are_a_line() -> None:
    session = session_of(SamplerSpec("laplace"))
    for own in served(session):
        step(own, tool="random", alternatives=1)
        spoilt = replace(session.steps[1], region={"shapes": [{"rectangle": "no"}]})
        session.steps[2] = spoilt
        answer = own.get("state")
        assert (answer.status_code, "X,Y,WxH" in answer.json()["error"]) == (400, True)


def test_the_session_is_on_the_disk_after_each_step(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    for client in served(session_of(SamplerSpec("laplace"), path=path)):
        step(client, tool="random", alternatives=1)
    assert [s["tool"] for s in json.loads(path.read_text())["steps"]] == ["random"]
