"""Ehrlich et al. 2020, "Quantization Guided JPEG Artifact Correction"."""

from jpegx.models.families.qgac.quantization_guided import QgacGenerator

__all__ = ["QgacGenerator"]
