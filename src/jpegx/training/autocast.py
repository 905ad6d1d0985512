"""The number type of the networks' arithmetic while training."""

from dataclasses import dataclass
from typing import cast

import torch

from jpegx.sampling import hardware, spec


@dataclass(frozen=True)
class Precision:
    """Networks in ``dtype`` (bfloat16 or float32) on a device; weights and losses are float32."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def choose(cls, name: str, device: torch.device) -> "Precision":
        """By name: "float32", "bfloat16", or "auto": bfloat16 where the device computes in it."""
        chosen = cast(spec.Precision, name)  # recipes allow no others
        return cls(device, hardware.choose_precision(chosen, device))

    def autocast(self) -> torch.autocast:
        """A context for the networks' forward passes."""
        enabled = self.dtype == torch.bfloat16
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)
