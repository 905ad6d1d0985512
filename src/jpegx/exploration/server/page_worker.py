"""The one thread of the page that computes: one job at a time, which can be cancelled."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from io import BytesIO
from typing import Any

import numpy as np
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.exploration.minimise import Cancelled, Watch
from jpegx.exploration.workbench import Workbench
from jpegx.io.failures import one_line
from jpegx.io.png import pillow_image

_IDLE = 0.3  # seconds without a job, after which more of the start is made exact
_QUALITY = 85  # of previews, as JPEG


class Busy(JpegxError):
    """There is a job already."""


class Job:
    """Work under way. ``share``: how much is done.

    ``preview``: a JPEG of ``box`` (x, y, width, height), or None.
    """

    def __init__(
        self, number: int, what: str, work: Callable[[Watch], Any], box: list[int] | None
    ) -> None:
        self.number = number
        self.what = what
        self.share = 0.0
        self.preview: bytes | None = None
        self.box = box
        self.future: Future[Any] = Future()
        self.cancelled = threading.Event()
        self._work = work

    def run(self) -> None:
        """Do it; whatever is wrong becomes the future's."""
        try:
            self.future.set_result(self._work(self._watch))
        except BaseException as error:
            self.future.set_exception(error)

    def _watch(self, share: float, image: Tensor | None) -> None:
        if self.cancelled.is_set():
            raise Cancelled
        self.share = share
        if image is not None and image.dim() == 3:
            pixels = image.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
            self.preview = _jpeg(pixels)

    def json(self) -> dict[str, Any]:
        """As the page is told."""
        return {
            "number": self.number,
            "what": self.what,
            "share": round(self.share, 3),
            "box": self.box,
        }


class Worker:
    """Runs jobs in a thread of its own. While there are none it makes the start exact.

    ``version``: counts whatever changes, so that the page can be told. ``outcome``: the number of
    the job that ended last, 0 for none, and what was wrong with it, "" for nothing. That the start
    cannot be made exact is told as of a job of its own.
    """

    def __init__(self, workbench: Workbench) -> None:
        self.job: Job | None = None
        self.outcome = (0, "")
        self.version = 0
        self._workbench = workbench
        self._count = 0
        self._wake = threading.Condition()
        self._stopping = self._gave_up = False
        self._thread = threading.Thread(target=self._loop, name="explore", daemon=True)
        self._thread.start()

    def submit(self, what: str, work: Callable[[Watch], Any], box: list[int] | None = None) -> Job:
        """Begin a job. Raises Busy if there is one."""
        with self._wake:
            if self.job is not None:
                raise Busy(f"busy with {self.job.what}; cancel it first")
            self._count += 1
            self.job = Job(self._count, what, work, box)
            self.version += 1
            self._wake.notify()
            return self.job

    def cancel(self) -> bool:
        """Cancel the job, if there is one."""
        job = self.job
        if job is not None:
            job.cancelled.set()
        return job is not None

    def changed(self) -> None:
        """Something else has changed."""
        self.version += 1

    def stop(self) -> None:
        """End the thread, soon."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self.cancel()
        self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stopping:
            with self._wake:
                if self.job is None and not self._stopping:
                    done = self._workbench.is_made or self._gave_up
                    self._wake.wait(None if done else _IDLE)
                job = self.job
            if job is None:
                self._make_more()
                continue
            job.run()
            self.outcome = (job.number, _outcome(job))
            self.job = None
            self.version += 1

    def _make_more(self) -> None:
        if self._stopping or self._gave_up or self._workbench.is_made:
            return
        try:
            self._workbench.make_more()
        except Exception as error:  # the thread must live on: jobs wait for it
            self._gave_up = True
            with self._wake:
                self._count += 1
                self.outcome = (self._count, one_line(error, "the start"))
        if self._gave_up or self._workbench.is_made:
            self.version += 1


def _outcome(job: Job) -> str:
    error = job.future.exception()
    if error is None:
        return ""
    if isinstance(error, Cancelled):
        return f"{job.what} was cancelled"
    return one_line(error, job.what) if isinstance(error, Exception) else f"{job.what} failed"


def _jpeg(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    pillow_image(pixels).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
