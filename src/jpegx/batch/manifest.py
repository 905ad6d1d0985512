"""What a run has done, as lines of JSON, from which the same run goes on where it was killed.

The first line holds what the pictures depend on. Before a file is decoded a line tells which of its
pictures are wanted, after it another one what came of it. What is complete is not done again; what
was begun is, and replaces what is there of it; so are files that failed.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jpegx import __version__
from jpegx.batch.outcomes import Failed, Finished, Outcome, Warned, Written
from jpegx.batch.settings import DecodeSettings
from jpegx.errors import JpegxError
from jpegx.io.atomic_file import make_folder
from jpegx.io.claim import lock
from jpegx.io.inputs import Input
from jpegx.io.paths import is_pipe_or_device
from jpegx.io.seen import Seen


class BadManifest(JpegxError):
    """A manifest that is none, or of another run."""


class Manifest:
    """A manifest that is read, if it is there, and then written on, by one run at a time.

    Raises BadManifest, one line that begins with its name, also where another run has it; OSError.
    """

    def __init__(self, path: Path, settings: DecodeSettings) -> None:
        self._settings = settings
        self._done = Seen()
        self._begun: dict[str, frozenset[str]] = {}
        self._told: list[Outcome] = []
        if is_pipe_or_device(path):
            raise BadManifest(f"{path}: not a file but a pipe or a device; give another name")
        make_folder(path.parent)
        # All that is told of a run lies in one file, which grows for days.
        self._file = path.open("a+b")
        try:
            os.set_inheritable(self._file.fileno(), False)
            if not lock(self._file.fileno()):
                raise BadManifest(
                    f"{path}: another run is writing it; wait for its end, or give another name"
                )
            self._read(path)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Write what there is; nothing more comes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def is_done(self, source: Input) -> bool:
        """Whether a file was decoded by the run so far."""
        return _key(source) in self._done

    def begun(self, source: Input) -> frozenset[str] | None:
        """The pictures that were wanted of a file that was begun, or failed; else None."""
        return self._begun.get(_key(source))

    def begin(self, source: Input, wanted: Iterable[Path]) -> None:
        """A file is now decoded."""
        self._write({"begun": _key(source), "pictures": sorted(map(str, wanted))})

    def record(self, outcome: Outcome) -> None:
        """Take in what came of a file; it is written when nothing more comes for it."""
        self._told.append(outcome)
        if not isinstance(outcome, Finished):
            return
        told, self._told = self._told, []
        if outcome.skipped:
            return
        failed = next((one.message for one in told if isinstance(one, Failed)), None)
        line: dict[str, Any] = {
            "input": _key(outcome.source),
            "status": "done" if failed is None else "failed",
            "message": failed,
            "warnings": [one.message for one in told if isinstance(one, Warned)],
            "pictures": [
                picture_fields(one, self._settings) for one in told if isinstance(one, Written)
            ],
        }
        self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def _read(self, path: Path) -> None:
        self._file.seek(0)
        begin = self._file.readline()
        run = _run(self._settings)
        head = {"jpegx": __version__, "run": run}
        if not begin.endswith(b"\n"):  # new, or killed before its first line was whole
            if not json.dumps(head).encode().startswith(begin):
                raise BadManifest(f"{path}: it is no manifest of jpegx; give another name")
            self._file.truncate(0)
            self._write(head)
            return
        was = _parsed(begin).get("run")
        if not isinstance(was, dict):
            raise BadManifest(f"{path}: it is no manifest of jpegx; give another name")
        if was != run:
            names = [key for key, value in run.items() if was.get(key) != value]
            raise BadManifest(
                f"{path}: of a run with other options ({', '.join(names)}); give another name"
            )
        end = self._file.tell()
        for line in self._file:
            if not line.endswith(b"\n"):  # killed in the middle
                self._file.truncate(end)
                break
            end += len(line)
            self._learn(_parsed(line))

    def _learn(self, line: Mapping[str, Any]) -> None:
        """Take in a line of an earlier run; what is none of ours is left out."""
        match line:
            case {"begun": str(name), "pictures": [*pictures]}:
                self._begun[name] = frozenset(one for one in pictures if isinstance(one, str))
            case {"input": str(name), "status": "done"}:
                self._done.add(name)
                self._begun.pop(name, None)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _key(source: Input) -> str:
    return str(source.path)


def _run(settings: DecodeSettings) -> dict[str, object]:
    """What the pictures of a run depend on."""
    return {
        "model": settings.spec.model,
        "temperature": settings.spec.temperature,
        "self_ensemble": settings.spec.self_ensemble,
        "samples": settings.samples,
        "seed": settings.seed,
        "project": settings.project,
        "form": settings.form,
        "container": settings.container,
        "mean": settings.mean,
        "std_map": settings.std_map,
    }


def picture_fields(written: Written, settings: DecodeSettings) -> dict[str, object]:
    """What there is to tell of a picture, for lines of JSON."""
    return {
        "input": str(written.source.path),
        "output": str(written.output),
        "kind": written.kind,
        "sample": written.sample,
        "seed": settings.seed,
        "model": settings.spec.label,
        "projected": settings.project,
        "different": written.different,
        "total": written.total,
        "causes": None if written.causes is None else asdict(written.causes),
        "rmse_added": written.rmse_added,
        "consistency_rmse": written.consistency_rmse,
        "width": written.width,
        "height": written.height,
    }
