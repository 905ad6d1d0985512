"""The example notebook: run its cells in this process, and write their outputs into it.

``python tests/notebook.py`` makes man/guide/notebook.ipynb anew.
"""

import ast
import base64
import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[1] / "man" / "guide" / "notebook.ipynb"

Outputs = list[dict[str, Any]]


def read_cells() -> list[dict[str, Any]]:
    """The code cells as the file has them."""
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run_cells(cells: list[dict[str, Any]]) -> Iterator[Outputs]:
    """The outputs of each cell, run one after the other where the notebook is."""
    names: dict[str, Any] = {"__name__": "__main__"}
    before = Path.cwd()
    os.chdir(NOTEBOOK.parent)
    try:
        for number, cell in enumerate(cells, start=1):
            yield list(_run(ast.parse("".join(cell["source"])), number, names))
    finally:
        os.chdir(before)


def _run(module: ast.Module, number: int, names: dict[str, Any]) -> Iterator[dict[str, Any]]:
    last = module.body.pop() if isinstance(module.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(module, f"cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    if printed.getvalue():
        lines = printed.getvalue().splitlines(keepends=True)
        yield {"output_type": "stream", "name": "stdout", "text": lines}
    if value is not None:
        data: dict[str, Any] = {"text/plain": ["a picture"]}
        data["image/png"] = base64.b64encode(value._repr_png_()).decode()
        yield {
            "output_type": "execute_result",
            "execution_count": number,
            "metadata": {},
            "data": data,
        }


def main() -> None:
    """Run the notebook and write its outputs."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, (cell, outputs) in enumerate(zip(cells, run_cells(cells), strict=True), start=1):
        cell["outputs"], cell["execution_count"] = outputs, number
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
