"""The page of ``jpegx explore serve``: routes, on this machine's loopback only."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from jpegx.consistency.recompress import recompress
from jpegx.errors import JpegxError
from jpegx.exploration.edit import Request
from jpegx.exploration.minimise import Cancelled, Watch
from jpegx.exploration.region_spec import parse_region
from jpegx.exploration.run_edit import run
from jpegx.exploration.selection import touched
from jpegx.exploration.server.guard import Guard, TooLarge, refuse_too_large
from jpegx.exploration.server.page_worker import Busy, Worker
from jpegx.exploration.server.views import (
    bounds_json,
    catalogue_json,
    copy_values,
    picture_png,
    request_of,
    state_json,
)
from jpegx.exploration.session import Session
from jpegx.exploration.session_report import session_report
from jpegx.io.failures import one_line

_TICK = 0.15  # seconds between looks at what has changed
_ALIVE = 15.0  # seconds after which the page hears that nothing has
_FILES = {
    "": ("page.html", "text/html"),
    "page.js": ("page.js", "text/javascript"),
    "asks.js": ("asks.js", "text/javascript"),
    "canvas.js": ("canvas.js", "text/javascript"),
    "forms.js": ("forms.js", "text/javascript"),
    "page.css": ("page.css", "text/css"),
}

_TOLD = (JpegxError, OSError, MemoryError, Cancelled)  # Busy among them

Encode = Callable[[BinaryIO, np.ndarray, str], None]
Handler = Callable[[HttpRequest], Awaitable[Response]]


def make_app(session: Session, token: str, port: int, encode: Encode) -> tuple[ASGIApp, Worker]:
    """The page of a session, behind its guard, and the worker, which is to be stopped at the end.

    ``token``: what addresses begin with. ``port``: where it listens. ``encode``: writes pixels,
    uint8 (height, width, channels), as PNG to a stream, with what the picture says of itself.
    """
    worker = Worker(session.workbench)
    page = _Page(session, worker, encode)
    routes, too_large = page.routes(), {TooLarge: refuse_too_large}
    return Guard(Starlette(routes=routes, exception_handlers=too_large), token, port), worker


class _Page:
    """The handlers.

    The session is changed under a lock. Reading it needs none: what is read goes over copies of the
    list of its steps, each of which is complete when it is in there.
    """

    def __init__(self, session: Session, worker: Worker, encode: Encode) -> None:
        self._session = session
        self._encode = encode
        self._worker = worker
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        """All of them."""
        posts: dict[str, Callable[[Any], Any]] = {
            "bounds": lambda data: bounds_json(self._session, data),
            "step": self._step,
            "copy": self._copy,
            "cancel": lambda data: {"cancelled": self._worker.cancel()},
            "undo": lambda data: self._moved(self._session.undo),
            "redo": lambda data: self._moved(self._session.redo),
            "head": lambda data: self._moved(lambda: self._session.go(_number(data, "id"))),
            "bookmark": lambda data: self._moved(lambda: self._session.bookmark(_name(data))),
        }
        routes = [Route(f"/{name}", _file(*found)) for name, found in _FILES.items()]
        routes += [Route(f"/{n}", _posted(work), methods=["POST"]) for n, work in posts.items()]
        return [
            *routes,
            Route("/state", self.state),
            Route("/tools", self.tools),
            Route("/events", self.events),
            Route("/preview", self.preview),
            Route("/picture/{number:int}.png", self.picture),
            Route("/export/{number:int}.png", self.export),
            Route("/report.html", self.report),
        ]

    async def state(self, request: HttpRequest) -> Response:
        return await _guarded(lambda: JSONResponse(state_json(self._session, self._worker)))

    async def tools(self, request: HttpRequest) -> Response:
        bench = self._session.workbench
        names = bench.jpeg.layout.names
        return await _guarded(lambda: JSONResponse(catalogue_json(bench.has_noise, names)))

    async def preview(self, request: HttpRequest) -> Response:
        job = self._worker.job
        preview = None if job is None else job.preview
        return Response(preview, media_type="image/jpeg") if preview else Response(status_code=204)

    async def picture(self, request: HttpRequest) -> Response:
        query = request.query_params

        def work() -> Response:
            number, scale = request.path_params["number"], query.get("scale", "1")
            png = picture_png(self._session, number, query.get("box"), scale)
            return Response(png, media_type="image/png")

        return await _guarded(work)

    async def export(self, request: HttpRequest) -> Response:
        number = request.path_params["number"]

        def begin() -> Any:  # noqa: ANN401 (a future of bytes)
            self._session.state_of(number)
            return self._worker.submit("export", lambda watch: self._whole(number, watch)).future

        try:
            png, different = await asyncio.wrap_future(begin())
        except _TOLD as error:
            return _refusal(error)
        return Response(png, media_type="image/png", headers={"x-different": str(different)})

    def _whole(self, number: int, watch: Watch) -> tuple[bytes, int]:
        """A step's whole picture as PNG, and how many coefficients differ."""
        bench = self._session.workbench
        while not bench.is_made:
            watch(0.5, None)
            bench.make_more()
        pixels = self._session.state_of(number).whole()
        text = f"One of many pictures that the file {bench.file_hash} allows (step {number})"
        stream = BytesIO()
        self._encode(stream, pixels, f"{text}. Not the photograph; not for diagnosis.")
        return stream.getvalue(), sum(recompress(bench.jpeg, pixels).different)

    async def report(self, request: HttpRequest) -> Response:
        return await _guarded(lambda: HTMLResponse(session_report(self._session)))

    async def events(self, request: HttpRequest) -> Response:
        return StreamingResponse(self._events(request), media_type="text/event-stream")

    async def _events(self, request: HttpRequest) -> AsyncIterator[str]:
        told: Any = None
        quiet = 0.0
        while not await request.is_disconnected():
            job = self._worker.job
            now = (self._worker.version, None if job is None else job.json())
            if now != told or quiet > _ALIVE:
                told, quiet = now, 0.0
                yield f"data: {json.dumps({'version': now[0], 'job': now[1]})}\n\n"
            await asyncio.sleep(_TICK)
            quiet += _TICK

    def _moved(self, move: Callable[[], Any]) -> Any:  # noqa: ANN401 (JSON)
        with self._lock:
            move()
            self._worker.changed()
            return {"head": self._session.head}

    def _step(self, data: Any) -> Any:  # noqa: ANN401 (JSON)
        spec, request, parent = request_of(self._session, data)
        return self._begin(request.tool, parent, spec, lambda: request)

    def _copy(self, data: Any) -> Any:  # noqa: ANN401 (JSON)
        layout = self._session.workbench.jpeg.layout
        source = _number(data, "from")
        spec = parse_region(data.get("region", {}), layout)
        region = spec.select(layout)
        self._session.state_of(source)
        return self._begin(
            "copy",
            self._session.head,
            spec,
            lambda: Request("copy", region, copy_values(self._session, source)),
        )

    def _begin(self, what: str, parent: int, spec: Any, make: Callable[[], Request]) -> Any:  # noqa: ANN401
        def work(watch: Watch) -> None:
            request = make()
            edits = run(self._session.state_of(parent), request, watch)
            with self._lock:
                self._session.add(edits, spec, request, parent)

        box = touched(spec.select(self._session.workbench.jpeg.layout)).box
        place = [box.left, box.top, box.right - box.left, box.bottom - box.top]
        return {"job": self._worker.submit(what, work, place).number}


def _posted(work: Callable[[Any], Any]) -> Handler:
    """A handler that takes JSON and gives JSON; what is wrong is a 4xx and one line."""

    async def handler(request: HttpRequest) -> Response:
        body = await request.body()
        try:
            data = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            return JSONResponse({"error": "no JSON"}, 400)
        return await _guarded(lambda: JSONResponse(work(data)))

    return handler


async def _guarded(work: Callable[[], Response]) -> Response:
    """Do it in another thread than the one that answers."""
    try:
        return await run_in_threadpool(work)
    except _TOLD as error:
        return _refusal(error)


def _refusal(error: Exception) -> Response:
    """What is wrong, as a line."""
    if isinstance(error, Busy):
        return JSONResponse({"error": str(error)}, 409)
    told = "cancelled" if isinstance(error, Cancelled) else one_line(error, "explore")
    return JSONResponse({"error": told}, 400)


def _file(name: str, kind: str) -> Handler:
    text = files("jpegx.exploration.server").joinpath("page", name).read_bytes()

    async def handler(request: HttpRequest) -> Response:
        return Response(text, media_type=kind)

    return handler


def _number(data: Any, name: str) -> int:  # noqa: ANN401 (any JSON)
    value = data.get(name) if isinstance(data, dict) else None
    if type(value) is not int:
        raise JpegxError(f"{name}: the number of a step")
    return value


def _name(data: Any) -> str:  # noqa: ANN401 (any JSON)
    value = data.get("name") if isinstance(data, dict) else None
    if not isinstance(value, str):
        raise JpegxError("name: a text")
    return value
