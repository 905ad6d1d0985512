"""Whether a file looks like the work of an encoder that does not simply round.

Trellis quantization (mozjpeg's default, and guetzli's kind) gives up coefficients that cost many
bits: of a one behind a long run of zeros, at the end of a block, more than the rounding would. How
many of the last coefficients of blocks that are one stand so alone, against what the zeros at each
frequency let expect, tells such files from others; the finer the steps, the better.
"""

import numpy as np

from jpegx.jpeg.reader.segments import ZIGZAG

_RUN = 4  # zeros before a coefficient that stands alone
_FIRST = 5  # AC coefficients, in zigzag order, before which it is not looked for
_LEAST = 300  # last coefficients that are one; of fewer nothing is said
# By the mean of the finer half of the steps: below which share files are not of an encoder that
# rounds. Chosen on 30 pictures of CID22 with libjpeg 6b and mozjpeg 4.0.3, so that few that do are
# called so; with coarser steps nothing is said.
_SHARES = ((4.0, 0.95), (8.0, 0.71), (17.0, 0.57))


def isolation(luma: np.ndarray) -> float | None:
    """How many last ones stand alone, against the expectation; None where there are too few.

    ``luma``: quantized coefficients (block rows, block columns, 8, 8).
    """
    blocks = np.abs(luma.reshape(-1, 64)[:, ZIGZAG[1:]].astype(np.int32))
    is_set = blocks > 0
    blocks, is_set = blocks[is_set.any(axis=1)], is_set[is_set.any(axis=1)]
    if not len(blocks):
        return None
    rows = np.arange(len(blocks))
    last = 62 - is_set[:, ::-1].argmax(axis=1)
    chosen = (blocks[rows, last] == 1) & (last >= _FIRST)
    if chosen.sum() < _LEAST:
        return None
    place = last[chosen]
    set_before = np.pad(is_set.cumsum(axis=1), ((0, 0), (1, 0)))[chosen]
    index = np.arange(len(place))
    alone = set_before[index, place] == set_before[index, place - _RUN]
    zeros = np.log(np.maximum(1 - is_set.mean(axis=0), 1e-6))
    run = np.pad(zeros.cumsum(), (1, 0))
    expected = np.exp(run[place] - run[place - _RUN])
    return float(alone.mean() / expected.mean())


def looks_like_trellis(luma: np.ndarray, table: np.ndarray) -> bool:
    """Whether a file looks like trellis quantization: then its source may lie outside its cells.

    ``luma``: as of :func:`isolation`; ``table``: its steps (8, 8).
    """
    step = np.sort(table, axis=None)[:32].mean()
    share = next((share for most, share in _SHARES if step <= most), 0.0)
    found = isolation(luma) if share else None
    return found is not None and found < share
