"""The original's compiled module, for code that calls it directly: same functions, same results.

``dm_dmu1``, ``dm_dsigma1_sq`` and ``dm_dsigma12`` are the map's derivatives by the blurs of img1,
img1² and img1 * img2; empty where ``train`` is false.
"""

from __future__ import annotations

import torch
from fused_ssim._choice import implementation
from fused_ssim._gpufix_tiers import outside_graphs
from fused_ssim._inputs import checked
from fused_ssim._window import RADIUS
from torch import Tensor


def fusedssim(
    C1: float, C2: float, img1: Tensor, img2: Tensor, train: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(map, dm_dmu1, dm_dsigma1_sq, dm_dsigma12) of batch x channels x height x width."""
    return _forward(C1, C2, img1, img2, train, 2)


def fusedssim3d(
    C1: float, C2: float, img1: Tensor, img2: Tensor, train: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As ``fusedssim``, for batch x channels x depth x height x width."""
    return _forward(C1, C2, img1, img2, train, 3)


def fusedssim_backward(
    C1: float,
    C2: float,
    img1: Tensor,
    img2: Tensor,
    dL_dmap: Tensor,
    dm_dmu1: Tensor,
    dm_dsigma1_sq: Tensor,
    dm_dsigma12: Tensor,
) -> Tensor:
    """The gradient by img1, out of the map's gradient and what ``fusedssim`` returned."""
    return _backward(img1, img2, dL_dmap, (dm_dmu1, dm_dsigma1_sq, dm_dsigma12), 2)


def fusedssim_backward3d(
    C1: float,
    C2: float,
    img1: Tensor,
    img2: Tensor,
    dL_dmap: Tensor,
    dm_dmu1: Tensor,
    dm_dsigma1_sq: Tensor,
    dm_dsigma12: Tensor,
) -> Tensor:
    """As ``fusedssim_backward``, for volumes."""
    return _backward(img1, img2, dL_dmap, (dm_dmu1, dm_dsigma1_sq, dm_dsigma12), 3)


@outside_graphs
@torch.no_grad()
def _forward(
    c1: float, c2: float, img1: Tensor, img2: Tensor, train: bool, axes: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, y = checked(img1, img2, axes)
    map_, kept = implementation(x, RADIUS).forward(x, y, c1, c2, RADIUS, train)
    if kept is None:
        return map_, x.new_empty(0), x.new_empty(0), x.new_empty(0)
    return map_, kept[0], kept[1], kept[2]


@outside_graphs
@torch.no_grad()
def _backward(
    img1: Tensor, img2: Tensor, chain: Tensor, derivatives: tuple[Tensor, ...], axes: int
) -> Tensor:
    x, y = checked(img1, img2, axes)
    run = implementation(x, RADIUS)
    return run.backward(x, y, torch.stack(derivatives), chain.contiguous(), RADIUS)
