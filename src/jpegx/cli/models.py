"""jpegx models: the weights that are installed, and their cards."""

import json
import sys
from pathlib import Path

import click

from jpegx.cli.console import Console
from jpegx.errors import printable
from jpegx.io.failures import one_line
from jpegx.models.checkpoint_header import CheckpointHeader, read_header
from jpegx.models.zoo import TRUNKS, default, find, installed, licence

FAILED = 1


_EXAMPLES = """\b
Examples:
  jpegx models
  jpegx models general
"""


@click.command(short_help="Tell which weights are installed, and what they are.", epilog=_EXAMPLES)
@click.argument("model", required=False, metavar="[NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per model.")
@click.pass_obj
def models(console: Console, model: str | None, as_json: bool) -> None:
    """Tell which weights are installed, and what they are.

    Without NAME: each model with its family and its size, the default of decode marked with a star.
    With NAME, which may also be a safetensors file: its card: data, recipe, steps, seed, measured
    figures, licence.

    Exit status: 0; 1, weights cannot be read; 2, wrong usage.
    """
    names = [model] if model is not None else list(installed())
    width = max(map(len, names), default=0) + 2
    if not names:
        console.say("jpegx: no weights are installed; decode uses laplace, which needs none")
    failed = False
    for name in names:
        try:
            header = read_header(find(name))
        except Exception as error:
            console.say(one_line(error, name))
            failed = True
            continue
        if as_json:
            click.echo(json.dumps(_facts(name, header)))
        elif model is None:
            click.echo(_line(name, header, width))
        else:
            click.echo(_card(name, header))
    sys.exit(FAILED if failed else 0)


def _facts(name: str, header: CheckpointHeader) -> dict[str, object]:
    return {
        "model": Path(name).stem,
        "trunk_of": TRUNKS.get(name),
        "family": header.family,
        "parameters": header.parameters,
        "default": name == default(),
        "config": header.config,
        "int8": bool(header.ranges),
        "licence": licence(name, header.card),
        "card": header.card,
    }


def _line(name: str, header: CheckpointHeader, width: int) -> str:
    star = "*" if name == default() else " "
    size = f"{header.parameters / 1e6:.1f} million parameters"
    trunk = f", the trunk of {TRUNKS[name]}" if name in TRUNKS else ""
    return f"{star} {printable(name):<{width}}{printable(header.family):<16}{size}{trunk}"


def _card(name: str, header: CheckpointHeader) -> str:
    facts = {
        "family": header.family,
        "parameters": f"{header.parameters:,}",
        "config": header.config,
        "int8": "yes" if header.ranges else "no",
        "licence": licence(name, header.card),
        **header.card,
    }
    return "\n".join([printable(name), *_rows(facts, "  ")])


def _rows(values: dict[str, object], indent: str) -> list[str]:
    """One row for each value; a table within is indented below its name."""
    rows = []
    for key, value in values.items():
        label = f"{indent}{printable(str(key)):<14}"
        if isinstance(value, dict):
            rows += [label.rstrip(), *_rows(value, indent + "  ")]
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            rows.append(f"{label} {printable(text)}")
    return rows
