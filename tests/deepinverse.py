"""DeepInverse for the tests, where it is installed."""

import torch

_operators: list[torch.library.Library] = []  # what is defined goes when its library does


def define_missing_operators() -> None:
    """Let DeepInverse be imported beside a torchvision whose operators do not load.

    A torchvision built for CUDA does not load them beside a PyTorch built for CPUs, and then fails
    at the name of one. DeepInverse imports torchvision first of all, and uses none of them here.
    """
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:
        _operators.append(torch.library.Library("torchvision", "DEF"))
        for name in ("nms", "qnms"):
            _operators[0].define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
