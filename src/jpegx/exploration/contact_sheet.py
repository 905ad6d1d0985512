"""The same part of many pictures on one sheet."""

from collections.abc import Mapping

from PIL import Image, ImageDraw

from jpegx.exploration.patch import Patch
from jpegx.exploration.selection import around, widened
from jpegx.exploration.state import State
from jpegx.io.png import pillow_image

_SIZE, _LINE, _GAP = 192, 16, 8  # pixels of a picture, of its name, between pictures
_AROUND = 8


def contact_sheet(state: State, pictures: Mapping[str, Patch]) -> Image.Image:
    """The parts around the patches, and that of the picture before, each with its name."""
    boxes = [patch.touched.box for patch in pictures.values()]
    layout = state.workbench.jpeg.layout
    box = widened(around(boxes), _AROUND, layout)
    parts = {"before": state.look(box)}
    parts |= {name: state.then(patch).look(box) for name, patch in pictures.items()}
    height, width = box.bottom - box.top, box.right - box.left
    scale = _SIZE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    across = min(5, len(parts))
    step = (_SIZE + _GAP, size[1] + _LINE + _GAP)
    rows = -(-len(parts) // across)
    sheet = Image.new("RGB", (across * step[0] + _GAP, rows * step[1] + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, pixels) in enumerate(parts.items()):
        x, y = _GAP + number % across * step[0], _GAP + number // across * step[1]
        sheet.paste(pillow_image(pixels).resize(size, Image.Resampling.NEAREST), (x, y + _LINE))
        pen.text((x, y), name, fill="black")
    return sheet
