"""Each loss of training against a value worked out by hand or by brute force."""

import itertools
from collections.abc import Sequence
from math import exp, log
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from jpegx.jpeg import libjpeg_model, transform
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.models.critic import Critic, Ratings
from jpegx.models.files import decoded_rgb
from jpegx.models.registry import critics
from jpegx.training.data.compress import compress, layout_of
from jpegx.training.data.patches import Group, ijg_tables
from jpegx.training.losses.adversarial_game import (
    critic_loss,
    feature_matching,
    generator_loss,
    gradient_penalty,
    paired_loss,
    paired_penalty,
    share_above,
)
from jpegx.training.losses.moments import first_moment, second_moment
from jpegx.training.losses.perceptual import BadVgg, Vgg, perceptual
from jpegx.training.losses.pixel_errors import logarithmic_error
from jpegx.training.losses.recompression import (
    consistency,
    consistency_rmse,
    decoded_change,
    rounded_to_bytes,
)
from jpegx.training.losses.sliced_crps import sliced_crps

CPU = torch.device("cpu")


def softplus(value: float) -> float:
    return log(1 + exp(value))


def test_adversarial_losses_are_the_non_saturating_ones() -> None:
    real, fake = [torch.tensor([1.0, -2.0])], [torch.tensor([0.5, 3.0])]
    critic = (softplus(-1) + softplus(2)) / 2 + (softplus(0.5) + softplus(3)) / 2
    assert float(critic_loss(real, fake)) == pytest.approx(critic)
    assert float(generator_loss(fake)) == pytest.approx((softplus(-0.5) + softplus(-3)) / 2)
    # Each map counts alike, however many logits it has.
    maps = [fake[0], torch.tensor([7.0])]
    wanted = ((softplus(-0.5) + softplus(-3)) / 2 + softplus(-7)) / 2
    assert float(generator_loss(maps)) == pytest.approx(wanted)


def test_pairs_are_compared_position_by_position() -> None:
    fine, coarse = torch.tensor([[[[1.0, -2.0]]]]), torch.tensor([[[[0.5]]]])
    real, fake = [fine, coarse], [torch.tensor([[[[0.5, 1.0]]]]), torch.tensor([[[[2.5]]]])]
    critic = ((softplus(-0.5) + softplus(3)) / 2 + softplus(2)) / 2
    assert float(paired_loss(real, fake)) == pytest.approx(critic)
    assert float(paired_loss(fake, real)) == pytest.approx(
        ((softplus(0.5) + softplus(-3)) / 2 + softplus(-2)) / 2
    )
    # Of the fine maps' means, -0.5 and 0.75, and of the coarse ones the sample's is above.
    assert float(share_above(real, fake)) == 0
    assert float(share_above([fine, coarse], [fine - 1, coarse + 1])) == 0.5


def test_the_paired_penalty_of_a_linear_critic() -> None:
    weight = torch.randn(3, 4, 4)
    critic = Linear(weight)
    images, mean = torch.rand(5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    penalty = paired_penalty(critic, images, images, mean)
    # 16 pixels; a change is felt in units of 1/2.
    wanted = 16 * float(weight.square().sum()) / 4
    assert float(penalty.detach()) == pytest.approx(wanted, rel=1e-5)
    penalty.backward()
    assert critic.weight.grad is not None
    assert torch.allclose(critic.weight.grad, 8 * weight, atol=1e-4)


def test_each_image_counts_as_much_in_the_logarithmic_error() -> None:
    targets = torch.zeros(2, 3, 4, 4)
    images = torch.tensor([0.5, 0.1])[:, None, None, None].expand(2, 3, 4, 4)
    assert float(F.mse_loss(images, targets)) == pytest.approx((0.25 + 0.01) / 2)
    wanted = (log(0.25) + log(0.01)) / 2
    assert float(logarithmic_error(images, targets)) == pytest.approx(wanted, rel=1e-3)
    # An image that is exact already has a finite error and a finite gradient.
    images = images * torch.tensor([1.0, 0.0])[:, None, None, None]
    images.requires_grad_(True)
    logarithmic_error(images, targets).backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()


class Linear(Critic):
    """A critic whose gradient is its weight."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        return Ratings([(seen[0] * self.weight).sum(dim=(1, 2, 3), keepdim=True)], [])

    def tolerance(self, mean: Tensor) -> Tensor:
        return torch.full_like(mean[:, :1], 0.5)


def test_gradient_penalty_of_a_linear_critic() -> None:
    weight = torch.randn(3, 4, 4)
    critic = Linear(weight)
    penalty = gradient_penalty(critic, torch.rand(5, 3, 4, 4), torch.zeros(5, 3, 4, 4))
    assert float(penalty.detach()) == pytest.approx(float(weight.square().sum() / 2), rel=1e-5)
    penalty.backward()
    assert critic.weight.grad is not None
    assert torch.allclose(critic.weight.grad, weight, atol=1e-5)


@pytest.mark.parametrize("family", ["light", "resnet34"])
def test_gradient_penalty_trains_the_critics(family: str) -> None:
    config: dict[str, object] = {"width": 4} if family == "resnet34" else {"widths": [4, 8]}
    critic = critics.create(family, config)
    gradient_penalty(critic, torch.rand(2, 3, 32, 32), torch.zeros(2, 3, 32, 32)).backward()
    weight = next(critic.parameters())
    assert weight.grad is not None
    assert weight.grad.abs().max() > 0


def files_of(images: Tensor, sampling: str, qualities: tuple[int, ...]) -> JpegBatch:
    layout = layout_of(sampling, (images.shape[3], images.shape[2]))
    tables = [ijg_tables(qualities)[:, min(c, 1)] for c in range(len(layout.factors))]
    grids = libjpeg_model.encode(images, layout, tables)
    return JpegBatch(layout, tuple(grids), tuple(tables))


def decoded(file: JpegBatch) -> Tensor:
    values = transform.dequantize([c.float() for c in file.coefficients], file.tables)
    return transform.decode_dct(values, file.layout) / 255


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0", "gray"])
def test_consistency_is_the_distance_of_the_decoded_images(sampling: str) -> None:
    random = torch.Generator().manual_seed(1)
    channels = 1 if sampling == "gray" else 3
    source = torch.randint(0, 256, (2, channels, 24, 32), generator=random, dtype=torch.uint8)
    other = torch.randint(0, 256, (2, channels, 24, 32), generator=random, dtype=torch.uint8)
    file, again = (files_of(image, sampling, (10, 60)) for image in (source, other))
    # Brute force: libjpeg's own coefficients of both images, decoded, compared.
    change = decoded(again) - decoded(file)
    images = other.expand(-1, 3, -1, -1) / 255
    # The integer encoder rounds colours and the DCT; a few coefficients fall to the other side.
    expected = float(change.square().mean())
    assert float(consistency(images, [file])) == pytest.approx(expected, rel=0.03)
    rmse = consistency_rmse([decoded_change(images, file)])
    assert rmse == pytest.approx(255 * expected**0.5, rel=0.03)


def test_consistency_of_several_groups_is_the_mean_over_all_values() -> None:
    images = torch.rand(3, 3, 16, 16)
    gray = files_of(torch.randint(0, 256, (1, 1, 16, 16), dtype=torch.uint8), "gray", (30,))
    color = files_of(torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8), "4:2:0", (30, 9))
    one, two = consistency(images[:1], [gray]), consistency(images[1:], [color])
    both = (one * 256 + two * 2 * 3 * 256) / (256 + 6 * 256)
    assert float(consistency(images, [gray, color])) == pytest.approx(float(both), rel=1e-5)


def test_a_consistent_image_has_no_loss_and_an_inconsistent_one_a_useful_gradient() -> None:
    source = torch.full((1, 3, 16, 16), 100, dtype=torch.uint8)
    file = files_of(source, "4:4:4", (20,))
    assert float(consistency(source / 255, [file])) < 1e-10
    # Brighter by 20: the DC is 160 away, and rounding lets the gradient of the DC through.
    images = (source / 255 + 20 / 255).requires_grad_(True)
    loss = consistency(images, [file])
    loss.backward()
    assert images.grad is not None
    assert float(loss.detach()) > 0
    assert (images.grad > 0).all()


def test_first_moment_by_hand() -> None:
    samples = torch.tensor([[1.0, 2.0, 6.0]]).view(1, 3, 1, 1, 1)
    target = torch.tensor([[[[1.0]]]])
    assert float(first_moment(samples, target)) == pytest.approx(4.0)  # (1 - 3)^2
    # The samples' variance is 7: a mean of three of them is off by 7 / 3 on average.
    assert float(first_moment(samples, target, unbiased=True)) == pytest.approx(4 - 7 / 3)


def test_second_moment_by_hand() -> None:
    samples = torch.tensor([[1.0, 2.0, 6.0]]).view(1, 3, 1, 1, 1)
    target, reference = torch.tensor([[[[5.0]]]]), torch.tensor([[[[2.0]]]])
    variance = (4 + 1 + 9) / 3
    assert float(second_moment(samples, target, reference)) == pytest.approx((9 - variance) ** 2)
    loss = second_moment(samples, target, reference, unbiased=True)
    assert float(loss) == pytest.approx((9 - 7) ** 2)


def test_second_moment_of_the_norms_that_the_paper_leaves_open() -> None:
    """Two images of two values; the variances of two samples are 1 and 4, 9 and 0."""
    samples = torch.tensor([[[0.0, 0.0], [2.0, 4.0]], [[0.0, 5.0], [6.0, 5.0]]]).view(2, 2, 1, 1, 2)
    target = torch.tensor([[2.0, 1.0], [0.0, 3.0]]).view(2, 1, 1, 2)
    reference = torch.zeros(2, 1, 1, 2)
    differences = ((4 - 1, 1 - 4), (0 - 9, 9 - 0))
    wanted = {
        "squared": (9 + 9 + 81 + 81) / 4,
        "root": (3 + 9) / 2,
        "absolute": sum(abs(d) for image in differences for d in image) / 4,
    }
    for norm, value in wanted.items():
        assert float(second_moment(samples, target, reference, norm=norm)) == pytest.approx(value)
    equal = torch.zeros(1, 2, 1, 1, 2, requires_grad=True)
    second_moment(equal, target[:1] * 0, reference[:1], norm="root").backward()
    assert equal.grad is not None
    assert bool(equal.grad.isfinite().all())


def test_unbiased_first_moment_does_not_depend_on_the_number_of_samples() -> None:
    random = torch.Generator().manual_seed(0)
    samples = torch.randn(20000, 4, 1, 1, 1, generator=random)
    targets = torch.full((20000, 1, 1, 1), 2.0)
    assert float(first_moment(samples, targets)) == pytest.approx(4.25, abs=0.05)
    loss = first_moment(samples, targets, unbiased=True)
    assert float(loss) == pytest.approx(4.0, abs=0.05)


def test_feature_matching_by_hand() -> None:
    fake, real = [torch.tensor([1.0, 3.0]), torch.tensor([5.0])], [torch.zeros(2), torch.ones(1)]
    assert float(feature_matching(fake, real)) == pytest.approx((2 + 4) / 2)


def write_vgg(path: Path) -> dict[str, Tensor]:
    """VGG-19 with torchvision's names, most of it zero, that hands the image's mean colour on."""
    widths = [64, 64, 128, 128, *(256,) * 4, *(512,) * 8]
    indices = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    weights = {}
    inputs = 3
    for index, width in zip(indices, widths, strict=True):
        weight = torch.zeros(width, inputs, 3, 3)
        weight[0, 0, 1, 1] = 1
        weights[f"features.{index}.weight"] = weight
        weights[f"features.{index}.bias"] = torch.zeros(width)
        inputs = width
    weights["classifier.0.bias"] = torch.zeros(3)
    save_file(weights, path)
    return weights


def test_perceptual_loss_is_the_distance_at_conv5_4(tmp_path: Path) -> None:
    write_vgg(tmp_path / "vgg.safetensors")
    vgg = Vgg(19, tmp_path / "vgg.safetensors", "conv5_4")
    images, targets = torch.full((1, 3, 32, 32), 0.9), torch.full((1, 3, 32, 32), 0.6)
    features = vgg(images)
    assert features.shape == (1, 512, 2, 2)
    assert features[0, 0] == pytest.approx((0.9 - 0.485) / 0.229)
    distance = (0.3 / 0.229) ** 2 / 512
    assert float(perceptual(vgg, images, targets)) == pytest.approx(distance, rel=1e-4)


def test_the_layer_of_vgg(tmp_path: Path) -> None:
    write_vgg(tmp_path / "vgg.safetensors")
    images = torch.rand(1, 3, 32, 32)
    shapes = {"relu5_4": (512, 2, 2), "conv2_2": (128, 16, 16), "conv1_1": (64, 32, 32)}
    for layer, shape in shapes.items():
        features = Vgg(19, tmp_path / "vgg.safetensors", layer)(images)
        assert tuple(features.shape[1:]) == shape
    after = Vgg(19, tmp_path / "vgg.safetensors", "relu1_1")(images)
    assert (features < 0).any()
    assert torch.equal(after, features.clamp(min=0))


def test_files_that_are_not_vgg_are_named(tmp_path: Path) -> None:
    weights = write_vgg(tmp_path / "vgg.safetensors")
    (tmp_path / "text").write_text("no weights")
    del weights["features.34.bias"]
    save_file(weights, tmp_path / "short.safetensors")
    for name, words in (
        ("none", "no such file"),
        ("text", "not a file of weights"),
        ("short.safetensors", "34.bias"),
    ):
        with pytest.raises(BadVgg, match=words):
            Vgg(19, tmp_path / name, "conv5_4")


def test_compression_is_libjpegs_and_gray_targets_are_gray() -> None:
    patches = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    tables = [ijg_tables(pair) for pair in ((10, 80), (30, 90))]
    groups = [Group(patches, tables[0], "4:2:0"), Group(patches, tables[1], "gray")]
    batch = compress(groups, CPU)
    assert batch.targets.shape == (4, 3, 32, 32)
    assert torch.equal(batch.targets[:2], patches / 255)
    assert torch.equal(batch.targets[2:, 0], batch.targets[2:, 2])
    color, gray = batch.files
    assert (color.layout.channels, gray.layout.channels) == (3, 1)
    single = files_of(patches[1:], "4:2:0", (80,))
    for ours, alone in zip(color.coefficients, single.coefficients, strict=True):
        assert torch.equal(ours[1:], alone)
    assert torch.equal(decoded_rgb(batch.files)[2:], decoded_rgb([gray]))


def test_rounding_to_bytes_clips() -> None:
    values = torch.tensor([-0.5, 0.4999, 2.0])
    assert torch.allclose(rounded_to_bytes(values) * 255, torch.tensor([0.0, 127.0, 255.0]))


def score(samples: Tensor, sources: Tensor, decoded: Tensor, count: int = 4) -> float:
    return float(sliced_crps(samples, sources, decoded, torch.Generator().manual_seed(2), count))


def test_sliced_crps_is_that_of_the_filters_by_brute_force() -> None:
    samples = torch.rand(2, 3, 3, 48, 40, generator=torch.Generator().manual_seed(0))
    targets = torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(1))
    decoded = torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(3))
    # Brightness, and colour differences three times as large: lengths 1, 3, 3, at right angles.
    axes = torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]])
    axes *= torch.tensor([1.0, 3, 3])[:, None] / axes.norm(dim=1, keepdim=True)
    colors = [torch.einsum("oc,...chw->...ohw", axes, i) for i in (samples.flatten(0, 1), targets)]
    tolerance = torch.empty(2, 1, 48, 40)
    for file, row, column in itertools.product(range(2), range(48), range(40)):
        around = (slice(max(0, at - 7), at + 8) for at in (row, column))
        brightness = decoded[file].mean(dim=0)[*around]
        tolerance[file, 0, row, column] = brightness.std(correction=0) + 0.02
    drawn, expected = torch.Generator().manual_seed(2), []
    for scale in (1, 2, 4, 8):
        filters = torch.randn(2, 3, 5, 5, generator=drawn)
        filters /= filters.flatten(1).norm(dim=1)[:, None, None, None]
        reduced = [scale * F.avg_pool2d(i, scale) for i in colors]
        unit = F.avg_pool2d(tolerance, scale)[:, :, 2:-2, 2:-2]
        forecasts = F.conv2d(reduced[0], filters).unflatten(0, (2, 3)) / unit[:, None]
        outcomes = F.conv2d(reduced[1], filters) / unit
        value = (forecasts - outcomes[:, None]).abs().mean()
        for one, other in ((0, 1), (0, 2), (1, 2)):
            value -= (forecasts[:, one] - forecasts[:, other]).abs().mean() / 6
        expected.append(float(value))
    assert score(samples, targets, decoded, 2) == pytest.approx(sum(expected) / 4, rel=1e-4)


def test_sliced_crps_is_least_for_the_spread_of_the_sources() -> None:
    random = torch.Generator().manual_seed(0)
    sources, noise = torch.randn(40, 3, 40, 40, generator=random), torch.Generator()
    flat = torch.zeros_like(sources)
    scores = {}
    for spread in (0.0, 0.5, 1.0, 2.0):
        samples = spread * torch.randn(40, 2, 3, 40, 40, generator=noise.manual_seed(1))
        scores[spread] = score(samples, sources, flat)
    assert min(scores, key=lambda spread: scores[spread]) == 1.0
    # Of the right spread, but in stripes: worse, though each pixel alone is as it should be.
    line = torch.randn(40, 2, 3, 40, 1, generator=noise.manual_seed(1))
    stripes = line.expand(-1, -1, -1, -1, 40)
    assert score(stripes, sources, flat) > 1.05 * scores[1.0]
