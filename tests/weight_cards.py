"""Pages about weights, from the cards in their files: python tests/weight_cards.py writes them."""

import json
from pathlib import Path

from jpegx.models.checkpoint_header import read_header
from jpegx.models.zoo import SUFFIX, licence

WEIGHTS = Path(__file__).parents[1] / "weights"
CARDS = WEIGHTS / "cards"


def weight_cards() -> dict[str, str]:
    """The text of each page by its file name."""
    return {f"{path.stem}.md": _page(path) for path in weight_files()}


def weight_files() -> list[Path]:
    """All weights that are shipped: generators, and classifiers in a folder of their own."""
    return sorted(WEIGHTS.glob(f"*{SUFFIX}")) + sorted(WEIGHTS.glob(f"classifiers/*{SUFFIX}"))


def _page(path: Path) -> str:
    header = read_header(path)
    card = dict(header.card)
    validation = card.pop("validation", [])
    facts: dict[str, object] = {
        "licence": licence(path.stem, card),
        "family": header.family,
        "parameters": f"{header.parameters:,}",
        "bytes": f"{path.stat().st_size:,}",
        "int8": "yes" if header.ranges else "no",
        **{key: card[key] for key in ("data", "recipe", "stage", "steps") if key in card},
        **card,
    }
    rows = [f"| {key.replace('_', ' ')} | {_text(value)} |" for key, value in facts.items()]
    lines = [
        f"# {path.stem}",
        "",
        f"What `{path.name}` says about itself"
        + (f" (`jpegx models {path.stem}`)." if path.parent == WEIGHTS else "."),
        "",
        "| | |",
        "|---|---|",
        *rows,
        "",
        f"Configuration of the network: `{json.dumps(header.config)}`",
        "",
        *_table(validation if isinstance(validation, list) else []),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        text = ", ".join(map(str, value))
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("|", "\\|")


def _table(rows: list[dict[str, object]]) -> list[str]:
    """Figures at the end of the training, on pictures that were kept back."""
    if not rows:
        return []
    keys = list(rows[0])
    return [
        "Measured on pictures that were kept back, when the training ended:",
        "",
        f"| {' | '.join(key.replace('_', ' ') for key in keys)} |",
        f"|{'---|' * len(keys)}",
        *(f"| {' | '.join(str(row.get(key, '')) for key in keys)} |" for row in rows),
    ]


if __name__ == "__main__":
    CARDS.mkdir(exist_ok=True)
    for path in CARDS.glob("*.md"):
        path.unlink()
    for name, text in weight_cards().items():
        (CARDS / name).write_text(text, encoding="utf-8")
