"""Who may talk to the page: this machine's browser that was given the address, nobody else."""

import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 8 << 20  # of a request
_HEADERS = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' blob: data:; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
}


class TooLarge(Exception):
    """A request of more than ``MOST_BYTES``: the application answers :func:`refuse_too_large`."""


async def refuse_too_large(request: Request, error: Exception) -> Response:
    """The answer to a request that turned out to be too large while it was read."""
    return _answer(413, "too large")


class Guard:
    """Lets through what has the token in its path, this host's name, and no other page's origin.

    A name that resolves to this machine (DNS rebinding) is another host; a page from elsewhere has
    another origin. Only the page itself may be gone to from elsewhere: from the file that opens it
    in the browser. What is larger than :data:`MOST_BYTES` is not read.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refused = self._refuse(scope)
        if refused is not None:
            await refused(scope, receive, _guarded(send))
            return
        size = 0

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MOST_BYTES:
                raise TooLarge
            return message

        inner = dict(scope)
        inner["path"] = scope["path"][len(self._token) + 1 :]
        inner["raw_path"] = inner["path"].encode()
        await self._app(inner, limited, _guarded(send))

    def _refuse(self, scope: Scope) -> Response | None:
        headers = {bytes(key).lower(): bytes(value) for key, value in scope["headers"]}
        if _text(headers, b"host") not in self._hosts:
            return _answer(403, "another host")
        origin = _text(headers, b"origin")
        if origin and origin not in {f"http://{host}" for host in self._hosts}:
            return _answer(403, "another origin")
        _, _, rest = scope["path"].partition("/")
        token, slash, asked = rest.partition("/")
        goes_to_page = not asked and _text(headers, b"sec-fetch-mode") == "navigate"
        from_elsewhere = _text(headers, b"sec-fetch-site") in ("cross-site", "same-site")
        if from_elsewhere and not (goes_to_page and scope["method"] == "GET"):
            return _answer(403, "another site")
        same = secrets.compare_digest(token.encode(), self._token.encode())
        if not (same and slash):
            return _answer(403, "a wrong address; take the one that was printed")
        length = _text(headers, b"content-length")
        if length and not (length.isdigit() and int(length) <= MOST_BYTES):
            return _answer(413, "too large")
        return None


def _guarded(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS.items()]}
        await send(message)

    return with_headers


def _answer(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)


def _text(headers: Mapping[bytes, Any], name: bytes) -> str:
    return str(headers.get(name, b"").decode("latin-1"))
