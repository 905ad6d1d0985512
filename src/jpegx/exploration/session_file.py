"""Files of sessions, read: data of anybody's, checked before anything is made of it."""

import json
import math
from pathlib import Path

from jpegx.errors import JpegxError
from jpegx.exploration.session import SCHEMA, Session
from jpegx.exploration.session_pictures import BadSession
from jpegx.exploration.step import Json, Step
from jpegx.exploration.tools import find_tool
from jpegx.io.paths import is_pipe_or_device

_MOST_BYTES = 64 << 20
_MOST_STEPS = 10_000
_MOST_TEXT = 2000


def load(path: Path) -> Json:
    """The JSON of a session file, its outer form checked. Raises BadSession, OSError."""
    if is_pipe_or_device(path):
        raise BadSession(f"{path}: not a file but a pipe or a device; name a file")
    with path.open("rb") as stream:
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise BadSession(
            f"{path}: more than {_MOST_BYTES >> 20} MiB are no session; name another file"
        )
    try:
        found = json.loads(data, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0] or "nested too deeply"
        raise BadSession(f"{path}: no session ({reason}); name another file") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise BadSession(f"{path}: not a file of the kind {SCHEMA!r}; name another file")
    return found


def restore(session: Session, data: Json) -> Session:
    """Fill a session with what :func:`load` read. Raises BadSession for whatever is not right."""
    name = session.name
    try:
        if data["file"]["sha256"] != session.workbench.file_hash:
            raise BadSession(f"{name}: it is of another file, {str(data['file']['name'])[:100]}")
        steps = data["steps"]
        if not isinstance(steps, list) or len(steps) > _MOST_STEPS:
            raise BadSession(f"{name}: at most {_MOST_STEPS} steps")
        for values in steps:
            step = _step(values)
            if step.id in session.steps or not (step.parent == 0 or step.parent in session.steps):
                raise BadSession(f"{name}: step {step.id} does not follow from another")
            find_tool(step.tool)
            session.steps[step.id] = step
        head, bookmarks, answers = data["head"], data["bookmarks"], data["answers"]
        ends = [head, *bookmarks.values()]
        if not all(type(end) is int and (end == 0 or end in session.steps) for end in ends):
            raise BadSession(f"{name}: its head or a bookmark is no step")
        if not all(isinstance(answer, dict) for answer in answers) or len(answers) > _MOST_STEPS:
            raise BadSession(f"{name}: its answers are none")
        session.head = head
        session.bookmarks = {str(key)[:100]: value for key, value in bookmarks.items()}
        session.answers = list(answers)
    except BadSession:
        raise
    except JpegxError as error:
        raise BadSession(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadSession(
            f"{name}: something is missing or of a wrong kind ({error!r:.80})"
        ) from None
    return session


def _step(values: Json) -> Step:
    step = Step(**values)
    whole = [step.id, step.parent, step.seed, step.draws, step.alternatives, step.index]
    whole += [step.iterations, step.different, step.units]
    if not all(type(number) is int and 0 <= number < 1 << 63 for number in whole) or step.id < 1:
        raise ValueError("a number of a step")
    if step.alternatives > 64 or step.index >= max(2, step.alternatives) or step.draws > 10_000:
        raise ValueError("alternatives of a step")
    texts = (step.time, step.tool, step.over, step.sha256, *step.notes)
    if not all(isinstance(text, str) and len(text) <= _MOST_TEXT for text in texts):
        raise ValueError("a text of a step")
    objects = (step.parameters, step.region, step.numbers, *step.statements)
    if not all(isinstance(value, dict) for value in objects):
        raise ValueError("an object of a step")
    return step


def _no_constant(text: str) -> float:
    raise ValueError(f"{text[:20]} is no number of a session")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_constant(text)
