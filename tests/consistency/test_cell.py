"""The cell of a coefficient."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from jpegx.consistency.cell import Cell
from jpegx.jpeg.libjpeg_model import quantize

STEPS = st.integers(1, 2000)
INTEGERS = st.integers(-1024, 1023)


@given(st.integers(-16000, 16000), STEPS, INTEGERS)
def test_excess_is_zero_where_libjpeg_rounds_to_the_integer(
    scaled: int, step: int, quantized: int
) -> None:
    value, steps = torch.tensor([float(scaled)]), torch.tensor([float(step)])
    own = quantize(value, steps)
    assert Cell(own, steps).excess(value).item() == 0
    other = torch.tensor([float(quantized)])
    assert (Cell(other, steps).excess(value) == 0).equal(own == other)


@given(st.integers(-16000, 16000), STEPS, INTEGERS)
def test_excess_is_the_way_into_the_cell(scaled: int, step: int, quantized: int) -> None:
    steps, wanted = torch.tensor([float(step)]), torch.tensor([float(quantized)])
    value = torch.tensor([float(scaled)])
    way = Cell(wanted, steps).excess(value) * 8
    reached = [quantize(value + s * way, steps) == wanted for s in (-1, 1)]
    assert any(reached)
    if way > 0:
        assert not any(quantize(value + s * (way - 1), steps) == wanted for s in (-1, 1))


@given(st.floats(-3000, 3000), STEPS, INTEGERS, st.floats(0, 0.5))
def test_clamp_is_equation_11(value: float, step: int, quantized: int, share: float) -> None:
    steps, wanted = torch.tensor([float(step)]), torch.tensor([float(quantized)])
    inside = Cell(wanted, steps).clamp(torch.tensor([value]), share * step).item()
    room = 0.5 - share
    expected = quantized + max(min(value / step - quantized, room), -room)
    assert abs(inside / step - expected) < 1e-3
