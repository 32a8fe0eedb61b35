"""Symmetric matrices as their upper triangles."""

from __future__ import annotations

from torch import Tensor


def triangle(matrices: Tensor) -> Tensor:
    """[..., 6] of [..., 3, 3]."""
    return matrices.flatten(-2)[..., [0, 1, 2, 4, 5, 8]]
