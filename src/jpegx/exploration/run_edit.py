"""Edits: new pixels for a region, found by optimising what the file leaves open, made exact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jpegx.errors import other_size
from jpegx.exploration.apart import Apart
from jpegx.exploration.doubts import doubts
from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.minimise import Found, Limits, Watch, minimise, unwatched
from jpegx.exploration.objectives.brightness import MeanLuma
from jpegx.exploration.objectives.objective import Objective
from jpegx.exploration.parameters import BadParameter
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.placing import best_place, rotated
from jpegx.exploration.scene import Scene, image_of
from jpegx.exploration.selection import Selection, touched
from jpegx.exploration.state import State
from jpegx.exploration.statements import CELLS, GRAY_LEVELS, Cannot
from jpegx.exploration.tools import OVERS, Over, Tool, find_tool
from jpegx.exploration.variables import CellVariables, NoiseVariables, Variables
from jpegx.exploration.workbench import Workbench
from jpegx.sampling.spec import SamplerSpec

_NO_MODEL = SamplerSpec("laplace")


def run(state: State, request: Request, watch: Watch = unwatched) -> list[Edit]:
    """The pictures of an edit: one, or as many alternatives as were asked for.

    ``watch``: told which share of the work is done, and from time to time the image in the box of
    the region's units; it may raise :class:`Cancelled`. Raises JpegxError (BadParameter among them)
    for what cannot be done.
    """
    tool = find_tool(request.tool)
    values = tool.checked(request.values)
    over = _over(state, tool, request.over)
    region, values = _placed(state, tool, request.region, values)
    units = touched(region)
    scene = Scene(state.workbench.jpeg, region, units, state.pixels(units), state.look)
    one = _Run(state, tool, values, over, scene, Finisher(state.workbench.jpeg, units), watch)
    match tool.name:
        case "copy":
            return [one.copy()]
        case "random":
            return one.random(request)
        case "dissimilar":
            return one.dissimilar(request)
    return one.alternatives(request)


def _over(state: State, tool: Tool, wanted: Over | None) -> Over:
    has_noise = tool.name != "copy" and state.workbench.has_noise
    if wanted is None:
        return "both" if has_noise else "cells"
    if wanted not in OVERS:
        raise BadParameter("over", f"{wanted!r}: one of {', '.join(OVERS)} is asked for")
    if wanted == "draws" and not state.workbench.varies:
        raise BadParameter("over", f"all samples of {state.workbench.spec.label} are the same")
    if wanted in ("noise", "both") and not has_noise:
        raise BadParameter("over", f"{state.workbench.spec.label} has no noise to vary; take cells")
    return wanted


def _placed(
    state: State, tool: Tool, region: Selection, values: dict[str, Any]
) -> tuple[Selection, dict[str, Any]]:
    """Where a picture is pasted, and the picture, turned."""
    if tool.name != "imprint":
        return region, values
    picture = rotated(values["image"], values["rotate"])
    if values["auto"]:
        region = best_place(state.workbench.jpeg, state.look, region, picture)
    return region, values | {"image": picture}


@dataclass(frozen=True)
class _Run:
    """One edit under way."""

    state: State
    tool: Tool
    values: dict[str, Any]
    over: Over
    scene: Scene
    finisher: Finisher
    watch: Watch

    def alternatives(self, request: Request) -> list[Edit]:
        objective = _objective(self.tool, self.scene, self.values)
        edits = []
        for number in range(request.alternatives):
            first, whole = number / request.alternatives, request.alternatives
            share = _part(self.watch, first, 1 / whole)
            edits.append(self._one(objective, request, request.seed + number, share))
        return edits

    def _one(self, objective: Objective, request: Request, seed: int, watch: Watch) -> Edit:
        loss = Loss(self.scene, objective)
        if self.over == "draws":
            best = self._best_draw(loss, request, seed, watch)
            return self._finished(objective, best, seed, {"draws": request.draws})
        facts: dict[str, Any] = {}
        found: Found | None = None
        if self.over in ("noise", "both"):
            part = _part(watch, 0, 0.7 if self.over == "both" else 0.95)
            varied = self._noise(seed)
            found = minimise(varied, loss, _share(request.limits, self.over == "both", 0.7), part)
            facts |= varied.facts()
        if self.over in ("cells", "both"):
            around = None if found is None else found.image
            begin = objective.proposal() if found is None else found.image
            cells = CellVariables(self.scene, begin, around)
            limits = _share(request.limits, self.over == "both", 0.3)
            part = _part(watch, 0.7 if found else 0, 0.25 if found else 0.95)
            after = minimise(cells, loss, limits, part)
            found = after if found is None else _joined(found, after)
        assert found is not None
        return self._finished(objective, found, seed, facts)

    def _noise(self, seed: int) -> Variables:
        bench = self.state.workbench
        return NoiseVariables(bench.window(self.scene.box), bench.noise(seed))

    def _best_draw(self, loss: "Loss", request: Request, seed: int, watch: Watch) -> Found:
        best: tuple[float, Tensor] | None = None
        first = 0.0
        bench = self.state.workbench
        for image in bench.draws(self.scene.touched, request.draws, seed, watch):
            number = float(loss(image))
            first = number if best is None else first
            if best is None or number < best[0]:
                best = number, image
        assert best is not None
        return Found(best[1], first, best[0], request.draws, 0.0)

    def _finished(
        self, objective: Objective, found: Found, seed: int, facts: dict[str, Any]
    ) -> Edit:
        mixed = torch.where(self.scene.units, found.image.detach(), self.scene.start)
        patch = self.finisher.finish(mixed)
        return self._edit(patch, objective, found, seed, facts)

    def _edit(
        self,
        patch: Patch,
        objective: Objective,
        found: Found | None,
        seed: int,
        facts: dict[str, Any],
    ) -> Edit:
        inside = self.scene.touched.pixel_mask()
        change = patch.pixels[inside].astype(np.float32) - self.scene.before[inside]
        quantity, ends = objective.quantity, objective.ends()
        certified = () if ends is None else (Cannot(quantity, GRAY_LEVELS, *ends, CELLS),)
        return Edit(
            self.tool.name,
            self.scene.region,
            "" if self.tool.name in ("copy", "random") else self.over,
            seed,
            patch,
            quantity,
            objective.unit,
            objective.exact(self.scene.before),
            objective.exact(patch.pixels),
            found.start if found else 0.0,
            found.end if found else 0.0,
            found.iterations if found else 0,
            found.seconds if found else 0.0,
            float(np.sqrt((change**2).mean())),
            int(np.count_nonzero(change.any(axis=-1))),
            facts,
            certified,
            doubts(self.state.workbench.jpeg) if certified else (),
        )

    def copy(self) -> Edit:
        other = self.values["picture"]
        layout = self.state.workbench.jpeg.layout
        if other.shape[:2] != (layout.height, layout.width):
            raise other_size("picture", other.shape[1::-1], (layout.width, layout.height))
        patch = self.finisher.cut(np.ascontiguousarray(other[..., : layout.channels]))
        return self._plain(patch, 0, {})

    def _plain(self, patch: Patch, seed: int, facts: dict[str, Any]) -> Edit:
        return self._edit(patch, MeanLuma(self.scene, {}), None, seed, facts)

    def random(self, request: Request) -> list[Edit]:
        bench, edits = self.state.workbench, []
        count = request.alternatives
        if count > 1 and not bench.varies:
            raise BadParameter(
                "model", f"all samples of {bench.spec.label} are the same; take -n 1"
            )
        images = bench.draws(self.scene.touched, count, request.seed, _part(self.watch, 0, 0.9))
        for number, image in enumerate(images):
            mixed = torch.where(self.scene.units, image, self.scene.start)
            facts = {"sample": number}
            edits.append(self._plain(self.finisher.finish(mixed), request.seed, facts))
        return edits

    def dissimilar(self, request: Request) -> list[Edit]:
        count, bench = request.pictures, self.state.workbench
        many: list[Variables]
        if self.over in ("noise", "both"):
            many = [self._noise(request.seed + number) for number in range(count)]
        elif self.over == "cells":
            begin = bench if bench.varies else Workbench(bench.jpeg, bench.name, _NO_MODEL)
            drawn = begin.draws(self.scene.touched, count, request.seed)  # what is equal stays so
            many = [CellVariables(self.scene, image) for image in drawn]
        else:
            raise BadParameter("over", "dissimilar varies noise or cells")
        apart = Apart(self.scene, many, self.values["near"])
        found = minimise(apart, apart.loss, request.limits, _part(self.watch, 0, 0.9))
        edits = []
        for number, image in enumerate(found.image):
            mixed = torch.where(self.scene.units, image, self.scene.start)
            patch = self.finisher.finish(mixed)
            one = self._plain(patch, request.seed + number, {})
            edits.append(
                replace(
                    one,
                    start=found.start,
                    end=found.end,
                    iterations=found.iterations,
                    seconds=found.seconds,
                )
            )
        return _with_distances(self.scene, edits)


class Loss:
    """An objective, and that what is not meant stays, in mean absolute gray levels."""

    def __init__(self, scene: Scene, objective: Objective) -> None:
        self._objective = objective
        self._start = scene.start
        self._units = scene.units
        self._colour = objective.colour if len(scene.start) == 3 else 0.0
        kept = objective.kept()
        self._kept = kept if kept.any() and objective.keep else None

    def __call__(self, image: Tensor) -> Tensor:
        """The number that is made small."""
        value = self._objective(image)
        change = image - self._start
        if self._kept is not None:
            value = value + self._objective.keep * change.abs()[:, self._kept].mean()
        if self._colour:
            inside = change[:, self._units]
            value = value + self._colour * (inside - inside.mean(dim=0)).abs().mean()
        return value


def _with_distances(scene: Scene, edits: Sequence[Edit]) -> list[Edit]:
    """The edits, with how far each is from the nearest of the others (RMSE in the region)."""
    images = [image_of(edit.patch.pixels)[:, scene.mask] for edit in edits]
    found = []
    for number, edit in enumerate(edits):
        distances = [
            float((images[number] - other).square().mean().sqrt())
            for index, other in enumerate(images)
            if index != number
        ]
        told = edit.facts | {"rmse_to_nearest_alternative": min(distances)}
        found.append(replace(edit, facts=told))
    return found


def _objective(tool: Tool, scene: Scene, values: dict[str, Any]) -> Objective:
    module, _, name = tool.objective.partition(":")
    kind = getattr(import_module(f"jpegx.exploration.objectives.{module}"), name)
    objective: Objective = kind(scene, values)
    return objective


def _share(limits: Limits, both: bool, share: float) -> Limits:
    if not both:
        return limits
    return Limits(max(1, round(limits.iterations * share)), limits.seconds * share)


def _joined(first: Found, second: Found) -> Found:
    iterations, seconds = first.iterations + second.iterations, first.seconds + second.seconds
    return replace(second, start=first.start, iterations=iterations, seconds=seconds)


def _part(watch: Watch, first: float, share: float) -> Callable[[float, Tensor | None], None]:
    return lambda done, image: watch(first + share * done, image)
