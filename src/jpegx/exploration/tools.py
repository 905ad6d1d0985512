"""The tools that make pictures: their names, parameters and what is said of them. Needs no torch.

The command line, the page and the checks of session files are made from this list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from jpegx.exploration.parameters import BadParameter, Parameter, checked
from jpegx.models.zoo import CHARACTERS

Over = Literal["noise", "cells", "both", "draws"]
OVERS: tuple[Over, ...] = get_args(Over)


@dataclass(frozen=True)
class Tool:
    """A tool that makes pictures. ``objective``: "module:class" in ``objectives``, "" if none.

    ``summary``: for the help. ``several``: whether it makes several pictures if nothing is said.
    """

    name: str
    summary: str
    objective: str = ""
    parameters: tuple[Parameter, ...] = ()
    several: bool = False

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all parameters. Raises BadParameter for what cannot be used."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise BadParameter(str(name)[:40], f"{self.name} has no such parameter")
        values = {
            name: p.default if given.get(name) is None else given[name] for name, p in known.items()
        }
        return {name: checked(known[name], value) for name, value in values.items()}


def _strength(default: float, most: float, text: str, least: float = 0.0) -> Parameter:
    return Parameter("strength", "number", text, default, least, most)


_TO = Parameter(
    "to", "level", "Strive for this mean; max: for the certified end.", "", -64, 320, ("max",)
)
_LEVELS = "Gray levels above, or with a negative number below, what is there."
_SOURCES = (
    Parameter("source-region", "region", "Another region of the picture."),
    Parameter("source", "image", "Another picture."),
)

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "brighten",
            "Make a region brighter.",
            "brightness:Brighten",
            (_strength(4, 255, "Gray levels, of the mean luma."), _TO),
        ),
        Tool(
            "darken",
            "Make a region darker.",
            "brightness:Darken",
            (_strength(4, 255, "Gray levels, of the mean luma."), _TO),
        ),
        Tool(
            "level",
            "Bring the mean of a component to a value.",
            "brightness:Level",
            (
                Parameter(
                    "component",
                    "choice",
                    "Of the file: Y, Cb, Cr, or R, G, B.",
                    "Y",
                    choices=("Y", "Cb", "Cr", "R", "G", "B"),
                ),
                Parameter(
                    "to",
                    "level",
                    "The mean to strive for, 0 to 255; least, most: the certified ends.",
                    "most",
                    -64,
                    320,
                    ("least", "most"),
                ),
            ),
        ),
        Tool("hue", "Turn the hue.", "colours:Hue", (_strength(20, 180, "Degrees.", -180),)),
        Tool(
            "saturation",
            "Make colours stronger or weaker.",
            "colours:Saturation",
            (_strength(15, 100, "Percent, up or down.", -100),),
        ),
        Tool(
            "value",
            "Move the value V, the largest of R, G and B.",
            "colours:Value",
            (_strength(5, 100, "Percent, up or down.", -100),),
        ),
        Tool(
            "variance",
            "Give more local contrast, or less.",
            "local_contrast:Variance",
            (
                _strength(4, 127, _LEVELS, -127),
                Parameter("whole", "flag", "Of the region at once, not of 7x7 patches.", False),
            ),
        ),
        Tool(
            "magnitude",
            "Make the pattern that is there stronger, or weaker.",
            "local_contrast:Magnitude",
            (_strength(4, 127, _LEVELS, -127),),
        ),
        Tool(
            "smooth",
            "Make a region smooth (total variation).",
            "local_contrast:Smooth",
            (Parameter("flatten", "flag", "Do not keep the local contrast.", False),),
        ),
        Tool(
            "periodic",
            "Make a region repeat itself.",
            "patterns:Periodic",
            (
                Parameter("periods", "periods", "Periods in pixels; without: found in the region."),
                _strength(0, 127, "Gray levels more of local contrast.", -127),
            ),
        ),
        Tool("like", "Make a region look like another one.", "patterns:Like", _SOURCES),
        Tool(
            "histogram",
            "Give a region the colours of another one.",
            "patterns:Histogram",
            _SOURCES,
        ),
        Tool(
            "scribble",
            "Draw strokes, as far as the file allows.",
            "pasted:Scribble",
            (
                Parameter(
                    "strokes",
                    "image",
                    "The strokes: what is not transparent, over the region's box.",
                    required=True,
                ),
                Parameter(
                    "kind",
                    "choice",
                    "What strokes mean.",
                    "colour",
                    choices=("colour", "brighter", "darker", "smooth"),
                ),
                _strength(10, 100, "Percent, of brighter and darker."),
            ),
        ),
        Tool(
            "imprint",
            "Paste a picture, as far as the file allows.",
            "pasted:Imprint",
            (
                Parameter("image", "image", "What to paste.", required=True),
                Parameter("rotate", "number", "Degrees, to the left.", 0.0, -360, 360),
                Parameter(
                    "auto",
                    "flag",
                    "Look for the place and the size nearby that the file allows best.",
                    False,
                ),
            ),
        ),
        Tool(
            "classify",
            "Make a region look like a letter or a digit, in the eyes of a classifier.",
            "glyph_class:Classify",
            (
                Parameter(
                    "character",
                    "choice",
                    "A digit or a letter, of which small ones count as capitals.",
                    choices=tuple(CHARACTERS),
                    required=True,
                ),
                Parameter(
                    "classifier",
                    "classifier",
                    "Whose opinion counts: a file of jpegx train glyphs.",
                ),
            ),
        ),
        Tool(
            "dissimilar",
            "Make pictures that differ from each other as far as they can.",
            "",
            (
                Parameter(
                    "near", "number", "Weight of staying near to what is there.", 0.0, 0.0, 10.0
                ),
            ),
            several=True,
        ),
        Tool("random", "Draw other samples.", several=True),
        Tool(
            "copy",
            "Take a region from another exact picture of the file.",
            "",
            (
                Parameter(
                    "picture", "image", "The other picture, of the file's size.", required=True
                ),
            ),
        ),
    )
}


def find_tool(name: str) -> Tool:
    """The tool of a name. Raises BadParameter."""
    if name not in TOOLS:
        raise BadParameter("tool", f"there is no {str(name)[:40]!r}; there are {', '.join(TOOLS)}")
    return TOOLS[name]
