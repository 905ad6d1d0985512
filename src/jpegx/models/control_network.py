"""Convolutions over the grid of blocks that see a control signal in every layer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.fused import conv_relu
from jpegx.models.layers import Film, modulate

SLOPE = 0.2  # of the leaky ReLU
_BEGIN = 0.1  # of He's initialization


class ControlConv(nn.Module):
    """A 3x3 convolution of features and, where there is one, of a control signal beside them."""

    def __init__(self, inputs: int, control: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.weight = nn.Parameter(torch.empty(outputs, inputs + control, 3, 3))
        nn.init.kaiming_uniform_(self.weight, a=SLOPE)
        self.weight.data.mul_(_BEGIN)

    def matched(self, weight: Tensor) -> Tensor:
        """See :class:`jpegx.models.transfer.TakesNoise`."""
        if weight.shape[1] <= self.inputs:
            return torch.cat([weight, self.weight[:, weight.shape[1] :].to(weight)], dim=1)
        return weight[:, : self.weight.shape[1]]

    def part(self, control: Tensor | None) -> Tensor:
        """The weights that count: without a control signal those of the features."""
        return self.weight if control is not None else self.weight[:, : self.inputs]


class ControlNetwork(nn.Module):
    """Layers of [concatenate the control signal, 3x3 convolution, batch normalization, leaky ReLU].

    Bahat and Michaeli 2021, section 3.2: on the grid of blocks, whose coefficients are channels. A
    3x3 convolution without the control signal ends it. ``embedding``: size of a vector by which
    each file scales and shifts the normalized features (FiLM); 0 for none, as published.
    ``residual``: every layer but the first adds to its features.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        outputs: int,
        control: int,
        embedding: int,
        residual: bool,
    ) -> None:
        super().__init__()
        self.residual = residual
        sizes = [inputs] + [width] * (layers - 1)
        self.convs = nn.ModuleList(ControlConv(size, control, width) for size in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(layers))
        self.films = nn.ModuleList(
            Film(embedding, width) for _ in range(layers if embedding else 0)
        )
        self.last = nn.Conv2d(width, outputs, 3, padding=1)
        nn.init.kaiming_uniform_(self.last.weight, a=SLOPE)
        self.last.weight.data.mul_(_BEGIN)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(
        self, features: Tensor, control: Tensor | None, embedding: Tensor | None = None
    ) -> Tensor:
        """What the last layer gives, (N, outputs, rows, columns), in the type of the weights.

        ``features``: (N, inputs, rows, columns). ``control``: (N, its channels, rows, columns);
        None stands for zeros. ``embedding``: (N, size), or (1, size) for all, where there is FiLM.
        """
        # Where its weights are held, so are the statistics of its normalization.
        learns = self.training and self.last.weight.requires_grad
        folds = not learns and (embedding is None or len(embedding) == 1)
        dtype = self.last.weight.dtype
        features = features.to(dtype).contiguous(memory_format=torch.channels_last)
        if control is not None:
            control = control.contiguous(memory_format=torch.channels_last)
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            assert isinstance(conv, ControlConv)
            assert isinstance(norm, nn.BatchNorm2d)
            weight, before = conv.part(control), features
            if control is not None:
                features = torch.cat([features, control.to(features.dtype)], dim=1)
            film = self.films[number](embedding) if self.films else None
            if folds:
                weight, bias = _folded(weight, norm, film)
                features = conv_relu(features, weight, bias, SLOPE)
            else:
                features = F.conv2d(features, weight, padding=1)
                features = norm(features) if learns else _normalized(features, norm)
                if film is not None:
                    features = modulate(features, film)
                features = F.leaky_relu(features, SLOPE)
            if self.residual and number:
                features = features + before
        result: Tensor = self.last(features)
        return result


def _folded(
    weight: Tensor, norm: nn.BatchNorm2d, film: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor]:
    """A convolution's weight and bias that do the normalization, and FiLM for one file, as well."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.float() / (norm.running_var.float() + norm.eps).sqrt()
    shift = norm.bias.float() - norm.running_mean.float() * scale
    if film is not None:
        more, change = (values[0].float() for values in film)
        scale, shift = scale * more, shift * more + change
    return (weight * scale[:, None, None, None]).to(weight.dtype), shift.to(weight.dtype)


def _normalized(features: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Features by the statistics that the normalization has kept."""
    kept = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    return F.batch_norm(features, *kept, training=False, eps=norm.eps)
