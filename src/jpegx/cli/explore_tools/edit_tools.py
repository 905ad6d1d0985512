"""jpegx explore brighten, darken, hue ...: the tools that make pictures, as commands."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jpegx.cli.arguments import NamedPath, name_of
from jpegx.cli.console import Console
from jpegx.cli.explore_bench import (
    BenchRequest,
    bench_options,
    check_session,
    region_spec,
    write_whole,
)
from jpegx.cli.explore_options import (
    NOT_EXACT,
    failures,
    json_option,
    overwrite_option,
    region_options,
    seed_option,
    show,
    writable,
)
from jpegx.cli.explore_pictures import refuse_existing
from jpegx.cli.shared_options import Finite
from jpegx.exploration.parameters import BadParameter, Parameter
from jpegx.exploration.tools import OVERS, TOOLS, Tool
from jpegx.io.paths import is_folder

if TYPE_CHECKING:  # numpy and torch are imported when there is work: --help must be quick
    from jpegx.exploration.edit import Request

_EXAMPLES = {
    "brighten": "--region 120,80,24x32 --to max -o brighter.png",
    "imprint": "--region 200,140,24x18 --image fly.png --auto -o fly_in_it.png",
    "like": "--region 120,80,40x40 --source-region 10,10,40x40",
    "periodic": "--region 120,80,40x40 --period 7.5,0 --period 0,6",
    "scribble": "--region 120,80,40x40 --strokes strokes.png --kind brighter",
    "classify": "--region 120,80,16x24 --character 8 -o an_8.png",
    "copy": "--region 120,80,40x40 --picture other.png",
    "dissimilar": "--region 120,80,40x40 -n 4 -o folder/",
    "random": "--region 120,80,40x40 -n 4 -o folder/",
}
_METAVARS = {"classifier": "FILE", "image": "PICTURE", "region": "X,Y,WxH", "level": "LEVEL"}


class _Pair(click.ParamType[tuple[float, float]]):
    """X,Y as two numbers."""

    name = "x,y"

    def convert(
        self,
        value: Any,  # noqa: ANN401 (as click has it)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, float]:
        """Two numbers. Raises click.BadParameter."""
        try:
            x, y = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not X,Y.", param, ctx)
        return x, y


class _Character(click.Choice[str]):
    """A digit or a letter, which messages say in a line, and do not list."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """What to give, behind the name of the option that is missing."""
        return "Give a digit or a letter; jpegx explore glyphs tells which the region looks like."

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ANN401 (as click has it)
        """What is wrong with what was given."""
        return f"{str(value)[:40]!r} is no digit and no letter from A to Z."


def _key(parameter: Parameter) -> str:
    """Its name in Python, which click asks for."""
    return parameter.name.replace("-", "_")


def _option(parameter: Parameter) -> Callable[[Callable[..., None]], Callable[..., None]]:
    settings: dict[str, Any] = {"help": parameter.help, "metavar": _METAVARS.get(parameter.kind)}
    name, key = f"--{parameter.name}", _key(parameter)
    match parameter.kind:
        case "flag":
            return click.option(name, key, is_flag=True, help=parameter.help)
        case "number":
            settings |= {"type": Finite(parameter.least, parameter.most), "show_default": True}
        case "choice":
            choice: click.Choice[str] = click.Choice(parameter.choices)
            if parameter.name == "character":
                choice = _Character(parameter.choices, case_sensitive=False)
                settings["metavar"] = "CHARACTER"
            settings |= {"type": choice, "show_default": True, "required": parameter.required}
        case "periods":
            return click.option(
                "--period",
                key,
                type=_Pair(),
                multiple=True,
                metavar="X,Y",
                help="Period in pixels, also negative or broken; again for a second one. Without "
                "it is found in the region.",
            )
        case "image" | "classifier":
            settings |= {"type": NamedPath(), "required": parameter.required}
    if parameter.default not in (None, ""):
        settings["default"] = parameter.default
    return click.option(name, key, **settings)


def _command(tool: Tool) -> click.Command:
    words = _EXAMPLES.get(tool.name, "--region 120,80,24x32 -o edited.png")
    epilog = f"\b\nExamples:\n  jpegx explore {tool.name} photo.jpg {words}\n"

    @click.pass_obj
    def command(console: Console, /, **given: Any) -> None:  # noqa: ANN401 (what click gives)
        _run(console, tool, given)

    command.__doc__ = f"""{tool.summary}

    The units (MCUs) that the region touches get new pixels, the rest stays as it was bit for bit;
    the result, encoded again, gives the file's own coefficients.

    Exit status: 0; 1, the file or the region cannot be read or used; 2, wrong usage; 3, done, but
    not exact: so many coefficients differ as it says.
    """
    for parameter in reversed(tool.parameters):
        command = _option(parameter)(command)
    options = [
        click.argument("jpeg", metavar="FILE"),
        region_options,
        click.option(
            "--over",
            type=click.Choice(OVERS),
            help="What is varied: the noise of the model, the places in the cells (no model is "
            "needed), both one after the other, or the seed alone, of which the best draw is "
            "taken.  [default: both where the model has noise, else cells]",
        ),
        click.option(
            "-n",
            "--alternatives",
            type=click.IntRange(1, 16),
            default=4 if tool.several else 1,
            show_default=True,
            metavar="N",
            help="Pictures to make, of one seed after the other.",
        ),
        click.option(
            "--draws",
            type=click.IntRange(1, 10_000),
            default=16,
            show_default=True,
            metavar="N",
            help="With --over draws: of how many the best is taken.",
        ),
        click.option(
            "--iterations",
            type=click.IntRange(1, 10_000),
            default=60,
            show_default=True,
            metavar="N",
            help="Of the search, at most.",
        ),
        click.option(
            "--seconds",
            type=Finite(0.1, 86400),
            default=30.0,
            show_default=True,
            metavar="S",
            help="Of computing (CPU time) for the search, at most.",
        ),
        seed_option,
        bench_options,
        click.option(
            "-o",
            "--output",
            type=NamedPath(),
            metavar="PNG|FOLDER",
            callback=writable("either"),
            help="Write the whole picture with the new pixels in it, or several into a folder.",
        ),
        overwrite_option,
        json_option,
    ]
    for option in reversed(options):
        command = option(command)  # type: ignore[operator]
    return click.command(tool.name, short_help=tool.summary, epilog=epilog)(command)


def _run(console: Console, tool: Tool, given: dict[str, Any]) -> None:
    """One edit, from the options to the answer."""
    from jpegx.exploration.edit import Request
    from jpegx.exploration.minimise import Limits
    from jpegx.exploration.run_edit import run

    bench: BenchRequest = given["bench"]
    check_session(bench.session)
    name = name_of(given["jpeg"])
    with failures(console, name):
        session = bench.open(console, given["jpeg"], given["seed"])
        layout = session.workbench.jpeg.layout
        spec = region_spec(given["region"], layout)
        request = Request(
            tool.name,
            spec.select(layout),
            _values(tool, given),
            given["over"],
            given["seed"],
            given["alternatives"],
            given["draws"],
            Limits(given["iterations"], given["seconds"]),
        )
        targets = _targets(given["output"], request)
        refuse_existing(targets, overwrite=given["overwrite"])
        state = session.state
        with console.progress(1, quiet=given["as_json"]) as bar:
            bar.expect(1)
            edits = run(state, request, lambda share, _: console.drawn(share))
        exact = all(edit.patch.exact for edit in edits)
        for edit, target in zip(edits, targets, strict=True):
            if target is not None:
                session.workbench.make_all()
                pixels = state.then(edit.patch).whole()
                what = f"{tool.name}, region {edit.region.text}, seed {edit.seed}"
                if write_whole(session, pixels, target, what, overwrite=given["overwrite"]):
                    exact = False
        session.add(edits, spec, request)
        for edit, target in zip(edits, targets, strict=True):
            answer = edit.answer(name, None if target is None else str(target))
            show(answer, as_json=given["as_json"])
    if not exact:
        sys.exit(NOT_EXACT)


def _targets(output: Path | None, request: "Request") -> list[Path | None]:
    """Where each picture goes. Raises click.UsageError for one file for several."""
    count = request.pictures
    if output is None:
        return [None] * count
    if output.suffix.lower() != ".png" or is_folder(output):
        return [output / f"{request.tool}_{number + 1}.png" for number in range(count)]
    if count > 1:
        raise click.UsageError(f"-o {output} is one file, but {count} pictures are made.")
    return [output]


def _values(tool: Tool, given: dict[str, Any]) -> dict[str, Any]:
    """The tool's parameters, with pictures read."""
    from jpegx.exploration.region_spec import RegionSpec
    from jpegx.exploration.shapes import BadRegion, parse_rectangle
    from jpegx.io.picture_reader import read_rgba
    from jpegx.models.glyph_classifier import open_classifier

    values: dict[str, Any] = {}
    for parameter in tool.parameters:
        value = given[_key(parameter)]
        if parameter.kind == "image" and value is not None:
            value = read_rgba(value, str(value))
        elif parameter.kind == "classifier" and value is not None:
            value = open_classifier(value)
        elif parameter.kind == "region" and value is not None:
            try:
                value = RegionSpec((parse_rectangle(value),))
            except BadRegion as error:
                raise BadParameter(parameter.name, str(error)) from None
        elif parameter.kind == "periods":
            value = list(value) or None
        values[parameter.name] = value
    return tool.checked(values)


def __getattr__(name: str) -> click.Command:
    """The command of a tool, by its name: it is made when it is asked for."""
    if name in TOOLS:
        return _command(TOOLS[name])
    raise AttributeError(name)
