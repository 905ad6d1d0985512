"""Samples of a file by a learned generator, whatever its size, in bounded memory."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from math import lcm

import torch
from torch import Tensor
from torch.backends import cudnn

from jpegx.errors import JpegxError, UnsupportedJpeg
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.models.generator import Encoded, Generator
from jpegx.models.noise import CounterNoise
from jpegx.sampling.memory import release_freed_memory, tile_memory
from jpegx.sampling.sampler import Progress
from jpegx.sampling.tiling import Tile, plan

# Samples of a picture that needs several tiles wait in 16-bit fixed point until all of its tiles
# are done: 1/128 gray level, from -128 to 383.
_STEPS = 128.0
_CENTRE = 128.0
_WAITING_BYTES = 640 << 20
# Smaller pictures are rendered several samples at a time.
_BATCH_PIXELS = {"cpu": 1 << 16, "cuda": 1 << 21}


def generate(
    generator: Generator,
    jpeg: QuantizedJpeg,
    *,
    samples: int,
    seed: int,
    temperature: float = 1.0,
    memory: int | None = None,
    free: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """Samples of a file: float32 (C, H, W) on the CPU, gray levels, neither rounded nor clipped.

    C is 1 for a gray file, the mean of the generator's channels, else 3 (RGB). ``generator``: as
    :func:`jpegx.sampling.hardware.prepare` returns it; its device and number type are used.
    ``temperature``: strength of the noise, 1 as in training.
    ``memory``: bytes that a tile may take while it is rendered; None is
    :func:`jpegx.sampling.memory.tile_memory`. ``free``: bytes that there are; what needs more is
    refused. Sample i depends on the seed and i only: to rounding, it is the same for any number of
    samples and any ``memory``. ``progress``: told which share of all samples is rendered, up to 1,
    after each tile of a sample; of a picture that needs no tiles, nothing. (``unet``: a tiled
    picture is within 1/256 gray level, its fixed point while it waits, of the whole one, in float32
    and in bfloat16.) Raises UnsupportedJpeg if the generator cannot decode such files, JpegxError
    if the weights give numbers that are not finite, or there is not enough memory.
    """
    reason = generator.supports(jpeg.layout)
    if reason is not None:
        raise UnsupportedJpeg(f"{reason}, which {generator.family} cannot decode")
    if memory is None:
        memory = tile_memory(next(generator.parameters()).device)
    tiles = tiles_of(generator, jpeg.layout, memory)
    _check_memory(generator, tiles, free)
    files = JpegBatch.of_file(jpeg)
    noise = CounterNoise(seed, temperature=temperature)
    if len(tiles) == 1:
        most = _pixels_at_once(generator, memory)
        yield from _whole(generator, files, samples, most, noise)
        return
    layout = jpeg.layout
    shape = (layout.channels, layout.height, layout.width)
    group = max(1, _WAITING_BYTES // (2 * shape[0] * shape[1] * shape[2]))
    for first in range(0, samples, group):
        count = min(group, samples - first)
        waiting = [torch.empty(shape, dtype=torch.int16) for _ in range(count)]
        for number, tile in enumerate(tiles):
            for index, part in enumerate(_tile(generator, files, tile, first, count, noise)):
                fixed = (part - _CENTRE).mul_(_STEPS).clamp_(-32768, 32767)
                tile.put(fixed, waiting[index])
                if progress is not None:
                    done = number * count + index + 1
                    progress((first + done / len(tiles)) / samples)
            release_freed_memory(memory)
        waiting.reverse()
        while waiting:
            yield waiting.pop().to(torch.float32).div_(_STEPS).add_(_CENTRE)


def tiles_of(generator: Generator, layout: Layout, memory: int) -> list[Tile]:
    """The tiles in which :func:`generate` renders a file of a layout."""
    needs = generator.needs
    return plan(
        layout.height,
        layout.width,
        halo=generator.context(layout),
        multiple=lcm(needs.multiple, *layout.mcu_size),
        blend=needs.blend,
        max_pixels=_pixels_at_once(generator, memory),
    )


def _check_memory(generator: Generator, tiles: Sequence[Tile], free: int | None) -> None:
    itemsize = next(generator.parameters()).itemsize
    needed = max(tile.seen.pixels for tile in tiles) * generator.bytes_per_pixel(itemsize)
    if free is not None and needed > free:
        raise JpegxError(
            f"it takes about {needed >> 20} MiB of memory, but {free >> 20} MiB are free; "
            "close other programs, or take a machine with more"
        )


def _pixels_at_once(generator: Generator, memory: int) -> int:
    return memory // generator.bytes_per_pixel(next(generator.parameters()).itemsize)


def _whole(
    generator: Generator, files: JpegBatch, samples: int, most: int, noise: CounterNoise
) -> Iterator[Tensor]:
    """Samples of a picture of one tile; ``most``: pixels at once that there is memory for."""
    encoded = _encode(generator, files)
    most = min(most, _BATCH_PIXELS[encoded.files[0].device.type])
    batch = max(1, most // (files.layout.width * files.layout.height))
    for first in range(0, samples, batch):
        own = replace(noise, first=first)
        yield from _render(generator, encoded, own, min(batch, samples - first))


def _tile(
    generator: Generator,
    files: JpegBatch,
    tile: Tile,
    first: int,
    count: int,
    noise: CounterNoise,
) -> Iterator[Tensor]:
    """The tile's written part of each sample, one after the other."""
    encoded = _encode(generator, files.crop(tile.seen))
    inner = tile.written.inside(tile.seen)
    for sample in range(first, first + count):
        yield inner.of(_render(generator, encoded, replace(noise, first=sample), 1)[0])


@torch.no_grad()
def _encode(generator: Generator, files: JpegBatch) -> Encoded:
    with _exact_float32():
        return generator.encode([files.to(next(generator.parameters()).device)])


@torch.no_grad()
def _render(generator: Generator, encoded: Encoded, noise: CounterNoise, count: int) -> Tensor:
    with _exact_float32():
        images = generator.render(encoded, noise, count) * 255
    if not images.sum().isfinite():
        raise JpegxError("the weights of this model give no picture of it; take others")
    if encoded.files[0].layout.channels == 1:
        images = images.mean(dim=1, keepdim=True)
    return images.cpu()


def _exact_float32() -> AbstractContextManager[None]:
    """A context in which a GPU's float32 convolutions are float32, as a CPU's are, not TF32."""
    return cudnn.flags(enabled=True, allow_tf32=False)
