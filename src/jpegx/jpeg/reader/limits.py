"""Size limits, checked on the header before anything is allocated for the picture."""

from jpegx.errors import UnreadableJpeg, UnsupportedJpeg
from jpegx.jpeg.reader.frame import Header

# 134 megapixels. Reading one in 4:4:4 takes about 1.6 GB: libjpeg's coefficients and our copy.
DEFAULT_MAX_PIXELS = 1 << 27

# Blocks that any file may promise, however little data it holds (1.4 to 4.2 megapixels).
_FREE_BLOCKS = 1 << 16
# Huffman codes are at least one bit long and every block needs one for its DC coefficient.
# Arithmetic coding spends less on flat pictures, but a quarter of a bit means an empty one.
_BLOCKS_PER_BYTE = {"Huffman": 8, "arithmetic": 32}

# Visits to a block in a scan: how many any file may ask for (a second of work), how many more for
# each byte that it holds, and at most how many for each pixel of the size limit.
_FREE_VISITS = 1 << 23
_VISITS_PER_BYTE = 64
_VISITS_PER_PIXEL = 1 / 2


def check_limits(header: Header, max_pixels: int) -> None:
    """Refuse a picture that is too large, or larger than its data can possibly describe.

    Raises UnsupportedJpeg beyond ``max_pixels``, and UnreadableJpeg if the file holds too little
    data for the number of blocks, or asks for too many scans over them.
    """
    size = f"{header.width}x{header.height}"
    pixels = header.width * header.height
    if pixels > max_pixels:
        raise UnsupportedJpeg(
            f"{size} is {pixels:,} pixels, more than the limit of {max_pixels:,}; "
            "raise it with --max-pixels if you trust the file"
        )
    blocks = sum(header.blocks)
    held = header.data_size
    coder = "arithmetic" if header.is_arithmetic else "Huffman"
    if blocks > max(_FREE_BLOCKS, held * _BLOCKS_PER_BYTE[coder]):
        raise UnreadableJpeg(
            f"its header promises {size} pixels but it holds only {held} bytes of picture data, "
            f"too few for {blocks} {coder}-coded blocks"
        )
    allowed = max(_FREE_VISITS, min(held * _VISITS_PER_BYTE, int(max_pixels * _VISITS_PER_PIXEL)))
    if header.visits > allowed:
        raise UnreadableJpeg(
            f"it asks for {len(header.scans)} scans over {size} pixels but holds only {held} "
            "bytes of picture data"
        )
