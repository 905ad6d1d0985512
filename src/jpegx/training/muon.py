"""Muon: momentum, orthogonalized, for convolutions (Jordan et al. 2024)."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from jpegx.sampling.hardware import choose_precision

_MOMENTUM = 0.95
_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that brings singular values near 1
_LEAST = 32  # channels on both sides: smaller kernels, the first and the last, are Adam's


class Muon(torch.optim.Optimizer):
    """Muon for the kernels of convolutions, Adam for everything else, at one learning rate.

    A kernel is a matrix, outputs x (inputs, rows, columns). Its update is the Nesterov momentum of
    its gradient with all singular values near 1, times ``lr * ratio``, and times the square root of
    height over width where a matrix is higher than wide. ``betas``: of Adam.

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], betas: tuple[float, float], ratio: float
    ) -> None:
        super().__init__(list(parameters), {"lr": 0.0})
        everything = self.param_groups[0]["params"]
        kernels = [p for p in everything if p.dim() == 4 and min(p.shape[:2]) >= _LEAST]
        chosen = set(map(id, kernels))
        self.ratio = ratio
        self._adam = torch.optim.Adam(
            [p for p in everything if id(p) not in chosen], lr=0.0, betas=betas, fused=True
        )
        # One state for both, which is saved, restored and cleared as one.
        self._adam.state = self.state
        self._kernels = [
            list(group) for _, group in groupby(sorted(kernels, key=_shape), key=_shape)
        ]

    # PyTorch's gives the loss of its closure; here there is none.
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One update with the gradients that there are."""
        if closure is not None:
            raise ValueError("Muon takes no closure")
        rate = self.param_groups[0]["lr"]
        self._adam.param_groups[0]["lr"] = rate
        self._adam.step()
        for kernels in self._kernels:
            some = [kernel for kernel in kernels if kernel.grad is not None]
            if not some:
                continue
            height, width = len(some[0]), some[0][0].numel()
            momenta = torch.stack([self._momentum(k).reshape(height, width) for k in some])
            changes = orthogonalize(momenta)
            factor = rate * self.ratio * max(1.0, height / width) ** 0.5
            for kernel, change in zip(some, changes, strict=True):
                kernel.add_(change.reshape(kernel.shape), alpha=-factor)

    def _momentum(self, kernel: nn.Parameter) -> Tensor:
        """Nesterov's: the gradient, pulled towards the momentum, which moves on."""
        state, gradient = self.state[kernel], kernel.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(kernel)
        momentum: Tensor = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        return gradient.lerp(momentum, _MOMENTUM).contiguous()


def orthogonalize(matrices: Tensor) -> Tensor:
    """Matrices float32 (N, h, w) with their singular vectors, and singular values near 1.

    Five steps of a Newton-Schulz iteration, which leave them between about 0.7 and 1.2 where they
    were not tiny. In bfloat16 where the device computes in it.
    """
    a, b, c = _COEFFICIENTS
    high = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if high else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    x = x.to(choose_precision("auto", matrices.device))
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    x = x.to(matrices.dtype)
    return x.mT if high else x


def _shape(parameter: nn.Parameter) -> tuple[int, ...]:
    return tuple(parameter.shape)
