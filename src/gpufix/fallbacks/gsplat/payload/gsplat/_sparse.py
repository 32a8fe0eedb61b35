"""Gradients that hold only what the cameras saw, as torch.optim.SparseAdam takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ._lens import Gaussians


class _Sparse(torch.autograd.Function):
    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:  # type: ignore[override]
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        rows = gradient[0].ne(0).any(-1).nonzero()[:, 0]
        values = gradient[0].index_select(0, rows)
        whole = torch.sparse_coo_tensor(rows[None], values, gradient.shape[1:], is_coalesced=True)
        return whole.unsqueeze(0)


def sparse(g: Gaussians) -> Gaussians:
    """The same, of one batch, whose means, quaternions, scales and covariances get sparse gradients."""
    if len(g.means) != 1:
        return g
    first = (t if t is None else _Sparse.apply(t) for t in g[:4])
    return Gaussians(*first, g.opacities)
