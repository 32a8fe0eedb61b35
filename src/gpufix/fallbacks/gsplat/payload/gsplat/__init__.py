"""Gaussian splatting with gsplat's interface, in Triton where Triton works, else in torch.

Stands in for gsplat where its extension cannot be built. Needs torch alone. ``gsplat.tier()`` says what
runs on a device, and why; ``GPUFIX_GSPLAT_TIER=triton|eager`` names the one to begin with. Names that
are not here fail at their import.
"""

from __future__ import annotations

import torch

from ._choice import TIERS
from ._gpufix_tiers import Tier
from ._version import __version__
from .compression import PngCompression
from .cuda._wrapper import (
    fully_fused_projection,
    isect_offset_encode,
    isect_tiles,
    quat_scale_to_covar_preci,
    rasterize_to_pixels,
    spherical_harmonics,
)
from .exporter import export_splats
from .optimizers import SelectiveAdam
from .rendering import rasterization
from .strategy import DefaultStrategy, MCMCStrategy, Strategy

__all__ = [
    "DefaultStrategy",
    "MCMCStrategy",
    "PngCompression",
    "SelectiveAdam",
    "Strategy",
    "__version__",
    "export_splats",
    "fully_fused_projection",
    "isect_offset_encode",
    "isect_tiles",
    "quat_scale_to_covar_preci",
    "rasterization",
    "rasterize_to_pixels",
    "spherical_harmonics",
]


def tier(device: torch.device | str | None = None) -> Tier:
    """What runs on this device (default: the GPU where there is one), and why nothing better."""
    return TIERS.tier(device)
