"""The loop over the steps of a run: stages, schedules, checkpoints, log."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from math import isfinite, nan
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor

from jpegx.training.crew import Crew
from jpegx.training.data.patches import Group
from jpegx.training.diverged import Diverged
from jpegx.training.folder import RunFolder
from jpegx.training.networks import Networks, are_finite
from jpegx.training.options import StageOptions
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.run_checkpoint import Position, load_checkpoint, save_checkpoint
from jpegx.training.schedules import Span, warm_up
from jpegx.training.stages.stage import Stage
from jpegx.training.stopping import Stopping
from jpegx.training.stopwatch import Stopwatch

# The steps of a run from some step on: the groups of this process for each.
Batches = Callable[[range], Iterator[Sequence[Group]]]


class Observer(Protocol):
    """Who looks at a run: in the first process only."""

    def logged(self, line: dict[str, float | str]) -> None:
        """A line of the log was written."""

    def looked(self, position: Position, *, validate: bool, strips: bool) -> float | None:
        """Time to validate or to write pictures; returns the score (low is good) if validated."""


class Trainer:
    """A run: from its last checkpoint, or its start, to its end."""

    def __init__(
        self,
        recipe: Recipe,
        limit: float | None,
        networks: Networks,
        stages: dict[str, Stage[Any]],
        folder: RunFolder,
        crew: Crew,
        watch: Stopwatch,
        observer: Observer | None,
        device: torch.device,
    ) -> None:
        self.recipe = recipe
        self.networks = networks
        self.stages = stages
        self.folder = folder
        self.crew = crew
        self.watch = watch
        self.observer = observer
        self.device = device
        self.position = Position(stage=next(iter(stages)))
        self.stopping = Stopping()
        self.spans = _spans({name: recipe.stages[name] for name in stages}, limit)
        self._losses: list[dict[str, Tensor]] = []

    def resume(self) -> None:
        """Go back to the last checkpoint of the folder."""
        self.position = load_checkpoint(self.folder.last, self.networks, self.stages)
        if self.crew.is_first:
            self.folder.rewind_log(self.position.step)

    def run(self, batches: Batches) -> None:
        """Do the steps that are left, and leave a checkpoint at the end of each stage.

        A run that is asked to stop ends its step and leaves a checkpoint first; one of several
        processes, which may have been asked in different steps, stops at once.
        """
        following = [*list(self.stages)[1:], "done"]
        if self.position.step == 0:
            self.stages[self.position.stage].begin()
        with self.stopping.held() if self.crew.size == 1 else nullcontext():
            for name, after in zip(self.stages, following, strict=True):
                if self.position.stage == name:
                    self._run_stage(self.stages[name], batches)
                    self._enter(after)

    def _enter(self, name: str) -> None:
        """End a stage: another begins, or nothing is left to do."""
        self.position.enter(name)
        if name in self.stages:
            self.networks.begin_with_average()
            self.stages[name].begin()
        self._save()
        self.stopping.obey()

    def _run_stage(self, stage: Stage[Any], batches: Batches) -> None:
        position = self.position
        options: StageOptions = stage.options
        span = self.spans[stage.name]
        stage.prepare()
        now = perf_counter()
        steps = range(position.step, position.step + options.steps - position.stage_step)
        loaded = batches(steps)
        self.watch.report()
        for step in steps:
            progress = span.progress(position.stage_step, position.stage_seconds)
            progress = self.crew.agree(progress, self.device)
            if progress >= 1:
                break
            self.watch.start_step()
            with self.watch.part("loader"):
                groups = next(loaded)
            rate = options.rate(position.stage_step, progress)
            rate *= warm_up(position.stage_step, self.recipe.training.warm_up)
            stage.set_rate(rate)
            self._losses.append(stage.step(self._parts(groups), step, progress))
            self.networks.update_average(self.recipe.training.ema, position.stage_step)
            position.step += 1
            position.stage_step += 1
            before, now = now, perf_counter()
            position.seconds += now - before
            position.stage_seconds += now - before
            self._after_step(rate, progress)
        if self._losses:
            self._log(rate, progress)
        every = self.recipe.run
        self._look(
            validate=position.step % every.validate_every != 0,
            strips=position.step % every.strips_every != 0,
        )

    def _parts(self, groups: Sequence[Group]) -> list[Sequence[Group]]:
        each = len(groups) // self.recipe.training.accumulate
        return [groups[start : start + each] for start in range(0, len(groups), each)]

    def _after_step(self, rate: float, progress: float) -> None:
        every, step = self.recipe.run, self.position.step
        asked = self.stopping.asked is not None
        validate, strips = step % every.validate_every == 0, step % every.strips_every == 0
        save = asked or step % every.save_every == 0
        # A line of the log looks whether the run has diverged.
        if save or validate or strips or step % every.log_every == 0:
            self._log(rate, progress)
        if asked:  # before a validation, for which who asked may not wait
            self._save()
        self._look(validate=validate, strips=strips)
        if save:
            self._save()
        if asked:
            self.stopping.obey()

    def _log(self, rate: float, progress: float) -> None:
        """One line: the mean of each loss over the steps since the last line that have it."""
        means = {}
        for name in sorted({name for losses in self._losses for name in losses}):
            values = [losses[name] for losses in self._losses if name in losses]
            means[name] = float(self.crew.mean(torch.stack(values).mean()))
        self._losses.clear()
        for name, value in means.items():
            if not isfinite(value):
                raise Diverged(self.folder.path, name, value, self.position.step)
        speed, shares = self.watch.report()
        if self.crew.is_first:
            line: dict[str, float | str] = {
                "step": self.position.step,
                "stage": self.position.stage,
                "progress": round(progress, 5),
                "minutes": round(self.position.stage_seconds / 60, 3),
                "rate": rate,
                "steps_per_second": round(speed, 3),
                **means,
                **{f"share_{name}": round(share, 4) for name, share in shares.items()},
            }
            self.folder.log(**line)
            if self.observer is not None:
                self.observer.logged(line)

    def _look(self, *, validate: bool, strips: bool) -> None:
        if not (validate or strips):
            return
        if self.observer is not None:
            score = self.observer.looked(self.position, validate=validate, strips=strips)
            best = self.position.best
            if score is not None and (best is None or score < best):
                self.position.best = score
        self.crew.wait()

    def _save(self) -> None:
        name = self.position.stage
        stage = self.stages[name if name in self.stages else list(self.stages)[-1]]
        if not are_finite([*self.networks.modules().values(), *stage.own_networks().values()]):
            raise Diverged(self.folder.path, "a weight", nan, self.position.step)
        if self.crew.is_first:
            save_checkpoint(self.folder.last, self.networks, stage, self.position)
        self.crew.wait()


def _spans(options: dict[str, StageOptions], limit: float | None) -> dict[str, Span]:
    """How long each stage lasts; a limit in minutes is shared out among those that there are."""
    total = sum(stage.share for stage in options.values())
    return {
        name: Span(stage.steps, limit * 60 * stage.share / total if limit else None)
        for name, stage in options.items()
    }
