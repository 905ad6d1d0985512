"""The number type of the networks' arithmetic while training."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """Networks in bfloat16 or float32 on a device; weights and losses are always float32."""

    device: torch.device
    name: str

    def autocast(self) -> torch.autocast:
        """A context for the networks' forward passes."""
        enabled = self.name == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)
