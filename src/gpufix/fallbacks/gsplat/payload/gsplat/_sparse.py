"""Gradients that hold only what the cameras saw, as torch.optim.SparseAdam takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Sparse(torch.autograd.Function):
    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:  # type: ignore[override]
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        rows = gradient.flatten(1).ne(0).any(-1).nonzero()[:, 0]
        values = gradient.index_select(0, rows)
        return torch.sparse_coo_tensor(
            rows[None], values, gradient.shape, is_coalesced=True, check_invariants=False
        )


def sparse(tensor: Tensor) -> Tensor:
    """The same, with a gradient in rows: those that are not zero."""
    return _Sparse.apply(tensor)  # type: ignore[no-any-return]
