"""The critics: sizes, gradients, and that they learn."""

import pytest
import torch

from jpeg_batches import showing
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.models.critics.resnet34 import BasicBlock
from jpegx.models.files import decoded_rgb
from jpegx.models.registry import critics

pytestmark = pytest.mark.usefixtures("one_thread")


def _files(count: int, size: int) -> list[JpegBatch]:
    generator = torch.Generator().manual_seed(0)
    decoded = torch.rand(count, 3, size, size, generator=generator)
    return [showing(decoded, 16.0)]


def test_resnet34_has_the_published_size() -> None:
    critic = critics.create("resnet34")
    # ResNet-34 for 1000 classes has 21,797,672 parameters (He et al. 2016); here one logit.
    assert sum(p.numel() for p in critic.parameters()) == 21_797_672 - 513 * 1000 + 513


@pytest.mark.parametrize("family", ["resnet34", "light"])
def test_logits_features_and_the_gradient_penalty(family: str) -> None:
    small = {"width": 4} if family == "resnet34" else {"widths": [8, 16, 16]}
    critic = critics.create(family, small)
    files = _files(2, 64)
    images = decoded_rgb(files).clone().requires_grad_()
    logits, features = critic(images, files)
    assert logits.shape == (2,)
    assert all(len(f) == 2 for f in features)
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    gradient.square().sum().backward()  # R1 needs the second derivative
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters())


@pytest.mark.parametrize("size", [(16, 16), (17, 13)])
def test_the_shortcut_is_a_strided_convolution(size: tuple[int, int]) -> None:
    block = BasicBlock(4, 8, 2).eval()
    features = torch.rand(2, 4, *size)
    torch.nn.init.zeros_(block.second.weight)  # the shortcut alone is left
    assert isinstance(block.shortcut, torch.nn.Sequential)
    convolution, norm = block.shortcut
    kernel = convolution.get_parameter("weight")
    wanted = torch.relu(norm(torch.nn.functional.conv2d(features, kernel, stride=2)))
    torch.testing.assert_close(block(features), wanted)


def test_the_light_critic_leaves_chance_at_once() -> None:
    torch.manual_seed(0)
    critic = critics.create("light", {"widths": [8, 16]})
    optimizer = torch.optim.Adam(critic.parameters(), 3e-3)
    files = _files(8, 16)
    sources = decoded_rgb(files) + 0.05 * torch.randn(8, 3, 16, 16)
    samples = decoded_rgb(files) + 0.05 * torch.randn(8, 3, 1, 1)
    for _ in range(25):
        real, fake = critic(sources, files)[0], critic(samples, files)[0]
        loss = torch.nn.functional.softplus(torch.cat([-real, fake])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.35  # chance is log 2 = 0.69


def test_the_light_critic_sees_the_difference_from_the_decoded_image() -> None:
    critic = critics.create("light", {"widths": [8]})
    files = _files(1, 16)
    images = decoded_rgb(files)
    other = [showing(images + 0.1)]
    assert not torch.equal(critic(images, files)[0], critic(images, other)[0])


def test_unknown_critics_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown critic 'vgg'"):
        critics.create("vgg")
    with pytest.raises(ValueError, match="widths"):
        critics.create("light", {"widths": []})
    with pytest.raises(ValueError, match="unknown field 'depth'"):
        critics.create("light", {"depth": 3})
