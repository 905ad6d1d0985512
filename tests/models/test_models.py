"""The generators: sizes, shapes, samples, gradients, precision."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from jpeg_batches import FACTORS, batch_of, random_files
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.tables import scaled_tables
from jpegx.models.files import count, decoded_rgb, table_features
from jpegx.models.generator import Generator
from jpegx.models.noise import CounterNoise, HeldNoise, RandomNoise, ZeroNoise
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer

pytestmark = pytest.mark.usefixtures("one_thread")

TINY: dict[str, dict[str, object]] = {
    "unet": {"widths": [8, 8, 8], "encoder": [1, 1, 1], "decoder": [1, 1, 1], "embedding": 8},
    "rrdb": {"blocks": 1, "features": 8, "growth": 4, "embedding": 8},
    "explorable": {
        **{"luma": 8, "luma_layers": 2, "chroma": 8, "chroma_layers": 2},
        **{"tables": True, "residual": True},
    },
}
BOTH = pytest.mark.parametrize("family", ["unet", "rrdb"])
ALL = pytest.mark.parametrize("family", ["unet", "rrdb", "explorable"])
WITH_DITHER_OR_NOT = pytest.mark.parametrize("dither", [False, True])
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA GPU here")


def tiny(family: str, **changes: object) -> Generator:
    """A small generator whose every weight matters, FiLM and the last layer included."""
    torch.manual_seed(0)
    generator = generators.create(family, {**TINY[family], **changes})
    for name, parameter in generator.named_parameters():
        if name.startswith("head") or "affine" in name or name.endswith("bias"):
            nn.init.normal_(parameter.data, std=0.05)
    return generator.eval()


def ijg_tables(quality: int, components: int) -> tuple[torch.Tensor, ...]:
    """Those of one file."""
    luma, chroma = (torch.from_numpy(table)[None].long() for table in scaled_tables(quality))
    return (luma, *[chroma] * (components - 1))


def some(sampling: str, count: int = 1, size: tuple[int, int] = (24, 40)) -> list[JpegBatch]:
    """Random files."""
    return [random_files(sampling, count, size, (1, 30))]


def test_parameters_of_the_published_rrdb() -> None:
    dense = sum((65 + 32 * i) * 32 * 9 + 32 for i in range(4)) + (65 + 4 * 32) * 64 * 9 + 64
    film = 64 * 128 + 128
    trunk = 23 * (3 * dense + film)
    ends = (12 * 64 * 9 + 64) + 2 * (64 * 64 * 9 + 64) + (65 * 64 * 9 + 64) + (64 * 3 * 9 + 3)
    embedding = (201 * 64 + 64) + (64 * 64 + 64)
    with torch.device("meta"):
        generator = generators.create("rrdb")
    assert sum(p.numel() for p in generator.parameters()) == trunk + ends + film + embedding
    assert trunk + ends + film + embedding == 17_002_819


def test_an_rrdb_for_one_quality_has_no_film() -> None:
    """Man et al. 2022, A.1: FiLM "in cases supporting multiple QFs"."""
    with torch.device("meta"):
        generator = generators.create("rrdb", {"tables": False})
    film, embedding = 64 * 128 + 128, (201 * 64 + 64) + (64 * 64 + 64)
    assert sum(p.numel() for p in generator.parameters()) == 17_002_819 - 24 * film - embedding
    plain = tiny("rrdb", tables=False, noise=False)
    files = some("4:2:0")[0]
    other = replace(files, tables=tuple(table * 2 for table in files.tables))
    other = replace(other, coefficients=tuple(c // 2 * 1.0 for c in files.coefficients))
    files = replace(
        other, tables=files.tables, coefficients=tuple(2 * c for c in other.coefficients)
    )
    with torch.no_grad():  # the same decoded image with other steps
        one, two = (plain([f], ZeroNoise()) for f in (files, other))
    torch.testing.assert_close(one, two)


def test_each_convolution_may_see_noise_of_its_own() -> None:
    usual, fresh = (tiny("rrdb", fresh_noise=f) for f in (False, True))
    shapes = [{n: p.shape for n, p in g.named_parameters()} for g in (usual, fresh)]
    assert shapes[0] == shapes[1]
    assert len(usual.needs.noise) == 3 + 1
    assert len(fresh.needs.noise) == 5 * 3 + 1
    files = some("4:4:4")
    with torch.no_grad():
        torch.testing.assert_close(usual(files, ZeroNoise()), fresh(files, ZeroNoise()))
        held = HeldNoise(CounterNoise(3), trainable=True)
    fresh(files, held).sum().backward()
    assert len(held.held) == 5 * 3 + 1
    assert all(v.grad is not None and bool(v.grad.any()) for v in held.held.values())


def test_parameters_of_the_default() -> None:
    with torch.device("meta"):
        generator = generators.create("unet")
    assert sum(p.numel() for p in generator.parameters()) == 3_495_756


@BOTH
@WITH_DITHER_OR_NOT
@pytest.mark.parametrize("size", [(1, 1), (5, 19), (24, 40)])
@torch.no_grad()
def test_any_size_and_sampling(family: str, dither: bool, size: tuple[int, int]) -> None:
    generator = tiny(family, dither=dither)
    for sampling in FACTORS:
        images = generator(some(sampling, 2, size), CounterNoise(0), 3)
        assert images.shape == (6, 3, *size)
        assert images.dtype == torch.float32
        assert images.isfinite().all()


@ALL
@torch.no_grad()
def test_noise_can_be_taken_out_of_a_regression_and_put_in(family: str) -> None:
    noisy, regression = tiny(family), tiny(family, noise=False)
    file = some("4:2:0")
    transfer(noisy, regression)
    plain = regression(file, ZeroNoise())
    torch.testing.assert_close(plain, noisy(file, ZeroNoise()))
    sampler = tiny(family)
    for parameter in sampler.parameters():
        nn.init.normal_(parameter)  # all but the weights of the noise must come from the regression
    transfer(regression, sampler)
    torch.testing.assert_close(sampler(file, ZeroNoise()), plain)
    assert not torch.allclose(sampler(file, CounterNoise(0)), plain)


@BOTH
@WITH_DITHER_OR_NOT
@torch.no_grad()
def test_samples_differ_and_do_not_depend_on_their_batch(family: str, dither: bool) -> None:
    generator = tiny(family, dither=dither)
    files = [*some("4:2:0"), *some("4:4:4")]
    encoded = generator.encode(files)
    images = generator.render(encoded, CounterNoise(3), 4).unflatten(0, (2, 4))
    assert not torch.allclose(images[:, 0], images[:, 1], atol=1e-4)
    for file, sampling in enumerate(("4:2:0", "4:4:4")):
        for sample in range(4):
            alone = generator(some(sampling), CounterNoise(3, first=sample))
            torch.testing.assert_close(images[file, sample], alone[0], atol=1e-5, rtol=1e-5)


@ALL
@torch.no_grad()
def test_without_noise_it_is_a_regression(family: str) -> None:
    generator = tiny(family, noise=False)
    assert not generator.stochastic
    images = generator(some("4:2:0"), RandomNoise(), 2)
    torch.testing.assert_close(images[0], images[1])
    assert tiny(family).stochastic


@ALL
@torch.no_grad()
def test_tables_and_sampling_are_seen(family: str) -> None:
    generator = tiny(family)
    (file,) = some("4:4:4")
    tables = [ijg_tables(quality, 3) for quality in (50, 25)]
    # Half the steps of twice the coefficients: the same picture.
    fine = replace(file, tables=tables[0], coefficients=tuple(2 * v for v in file.coefficients))
    coarse = replace(file, tables=tables[1])
    torch.testing.assert_close(fine.decoded(), coarse.decoded())
    first, second = (generator([one], ZeroNoise()) for one in (fine, coarse))
    assert not torch.allclose(first, second, atol=1e-5)
    rgb = replace(file.layout, color_space="rgb")
    assert not torch.equal(table_features([replace(file, layout=rgb)]), table_features([file]))


@ALL
def test_every_weight_gets_a_gradient(family: str) -> None:
    generator = tiny(family).train()
    files = [*some("4:2:0"), *some("gray")]
    generator(files, RandomNoise(torch.Generator().manual_seed(0)), 2).square().sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@BOTH
@WITH_DITHER_OR_NOT
def test_training_in_bfloat16(family: str, dither: bool) -> None:
    generator = tiny(family, dither=dither)
    file = some("4:2:0")
    exact = generator(file, CounterNoise(0), 2)
    with torch.autocast("cpu", torch.bfloat16):
        images = generator(file, CounterNoise(0), 2)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images, exact, atol=0.05, rtol=0.05)
    images.sum().backward()


def test_the_untrained_default_is_the_decoded_image() -> None:
    file = some("4:2:0")
    assert torch.equal(
        generators.create("unet", TINY["unet"])(file, CounterNoise(0)), decoded_rgb(file)
    )


@pytest.mark.parametrize(
    ("family", "last", "config"),
    [
        ("unet", "head", {"widths": [16, 16, 16]}),
        ("rrdb", "close", {"features": 8, "growth": 4}),
    ],
)
@torch.no_grad()
def test_the_variance_stays_sane_through_the_published_depth(
    family: str, last: str, config: dict[str, object]
) -> None:
    torch.manual_seed(0)
    generator = generators.create(family, config)
    spread: list[float] = []
    layer = generator.get_submodule(last)
    layer.register_forward_pre_hook(lambda _, inputs: spread.append(float(inputs[0].std())))
    generator(some("4:2:0"), CounterNoise(0))
    assert 0.1 < spread[0] < 10


def test_table_features() -> None:
    colour = Layout(8, 8, "ycbcr", ((4, 1), (1, 1), (2, 1)))
    grids = [torch.zeros(1, *colour.blocks(c), 8, 8) for c in range(3)]
    told = table_features([batch_of(grids, [t[0] for t in ijg_tables(20, 3)], colour)])
    steps = torch.stack([t[0].flatten() for t in ijg_tables(20, 3)]).flatten()
    torch.testing.assert_close(told[0, :192], steps.float().log2() / 4 - 1)
    assert told[0, 192:].tolist() == [0, 0, 2, 0, 1, 0, 0, 1, 0]
    gray = some("gray", 2)
    told = table_features(gray)
    assert torch.equal(told[:, :64], told[:, 128:192])
    assert told[0, 192:].tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert decoded_rgb(gray).shape == (2, 3, 24, 40)
    assert count([*gray, *some("4:2:0")]) == 3


@pytest.mark.parametrize(
    "kind", ["flat", "any", "wide", "fine beside coarse", "a little other than quality 20"]
)
def test_odd_tables_are_told_as_the_nearest_of_the_ijg(kind: str) -> None:
    random = torch.Generator().manual_seed(2)
    luma, chroma = (t[0] for t in ijg_tables(20, 2))
    any_steps = torch.randint(1, 256, (8, 8), generator=random)
    given = {
        "flat": (torch.full((8, 8), 16),) * 2,
        "any": (any_steps, any_steps.T),
        "wide": (luma * 50, chroma * 50),
        "fine beside coarse": (torch.ones(8, 8, dtype=torch.int64), chroma),
        "a little other than quality 20": (luma + 1, chroma - 1),
    }[kind]
    (file,) = some("4:4:4")
    odd = replace(file, tables=(given[0][None], given[1][None], given[1][None]))
    told = table_features([odd])[0, :192]
    known = {q: table_features([replace(file, tables=ijg_tables(q, 3))]) for q in range(1, 101)}
    equal = [q for q, features in known.items() if torch.equal(features[0, :192], told)]
    assert equal
    if kind == "a little other than quality 20":
        assert equal[0] in (19, 20, 21)
    if kind == "wide":
        assert equal[0] == 1


def test_bad_configurations_are_refused() -> None:
    assert set(generators.families()) >= {"unet", "rrdb"}
    for family, config, words in (
        ("vae", {}, "unknown family 'vae'"),
        ("unet", {"depth": 3}, "unknown field 'depth'"),
        ("unet", {"widths": 64}, "'widths' has the wrong type"),
        ("unet", {"noise": 1}, "'noise' has the wrong type"),
        ("unet", {"widths": [64]}, "one number per scale"),
        ("unet", {"encoder": [1, 1, 65]}, "blocks per scale"),
        ("rrdb", {"blocks": 10**9}, "blocks must be 1 to 64"),
        ("rrdb", {"growth": True}, "'growth' has the wrong type"),
    ):
        with pytest.raises(ValueError, match=words):
            generators.create(family, config)


@CUDA
@BOTH
@torch.no_grad()
def test_cuda_gives_the_same_samples(family: str) -> None:
    generator = tiny(family)
    file = some("4:2:0", size=(64, 96))
    cpu = generator(file, CounterNoise(3), 2)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        cuda = generator.cuda()([f.to(torch.device("cuda")) for f in file], CounterNoise(3), 2)
    torch.testing.assert_close(cuda.cpu(), cpu, atol=1e-4, rtol=1e-4)
