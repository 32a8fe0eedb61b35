"""Distances to nearest neighbours, with simple-knn's interface: ``simple_knn._C.distCUDA2``.

Stands in for simple-knn where its extension cannot be built. Needs torch alone: a Triton kernel where
Triton works, else plain torch operations; exact in both. ``simple_knn.tier()`` says which, and why;
``GPUFIX_SIMPLE_KNN_TIER=triton|eager`` names the one to begin with.
"""

from __future__ import annotations

import torch

from ._choice import TIERS
from ._gpufix_tiers import Tier

__version__ = "1.0.0+gpufix"


def tier(device: torch.device | str | None = None) -> Tier:
    """What runs on this device (default: the GPU where there is one), and why nothing better."""
    return TIERS.tier(device)
