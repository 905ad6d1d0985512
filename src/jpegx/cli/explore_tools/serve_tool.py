"""jpegx explore serve: the page."""

import secrets
import socket
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

import click

from jpegx.cli.arguments import name_of
from jpegx.cli.console import Console
from jpegx.cli.explore_bench import BenchRequest, bench_options, check_session
from jpegx.cli.explore_options import failures, seed_option
from jpegx.cli.explore_pictures import encode_picture
from jpegx.errors import JpegxError

if TYPE_CHECKING:
    import numpy as np

_EXAMPLES = """\b
Examples:
  jpegx explore serve photo.jpg
  jpegx explore serve photo.jpg --session photo.json --no-browser
"""


@click.command("serve", short_help="Explore on a page in the browser.", epilog=_EXAMPLES)
@click.argument("jpeg", metavar="FILE")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default="a free one", metavar="PORT"
)
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
@seed_option
@bench_options
@click.pass_obj
def command(
    console: Console, jpeg: str, port: int, browser: bool, seed: int, bench: BenchRequest
) -> None:
    """Explore on a page in the browser: draw regions, see what they can have, make pictures.

    Only this machine can open it, and only with the address that is printed. Nothing leaves the
    machine. Ends with Ctrl-C.

    Exit status: 0; 1, the file or the session cannot be read, or the extra is missing; 2, wrong
    usage.
    """
    check_session(bench.session)
    name = name_of(jpeg)
    with failures(console, name):
        try:
            import uvicorn

            from jpegx.exploration.server.app import make_app
        except ImportError:
            raise JpegxError(
                "the page needs Starlette and uvicorn; pip install 'jpegx[explore]'"
            ) from None
        session = bench.open(console, jpeg, seed)
        listening = socket.create_server(("127.0.0.1", port))
    token = secrets.token_urlsafe(24)
    number = listening.getsockname()[1]

    def encode(stream: BinaryIO, pixels: "np.ndarray", description: str) -> None:
        encode_picture(stream, pixels, session.workbench.jpeg, description)

    app, worker = make_app(session, token, number, encode)
    address = f"http://127.0.0.1:{number}/{token}/"
    console.say(f"{name}: {address}")
    console.say("Ctrl-C ends it.")
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    try:
        with opened_by_file(address) if browser else nullcontext():
            uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        worker.stop()
        listening.close()


@contextmanager
def opened_by_file(address: str) -> Iterator[None]:
    """Open a page in the browser, which may need a file while the block runs.

    All users of a machine see what a program is started with: the browser is given the name of a
    file that only this user can read, and which leads to the page.
    """
    with TemporaryDirectory(prefix="jpegx-") as folder:
        leads = Path(folder) / "page.html"
        leads.touch(0o600)
        leads.write_text(
            f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={address}">'
            f'<a href="{address}">The page</a>\n'
        )
        webbrowser.open(leads.as_uri())
        yield
