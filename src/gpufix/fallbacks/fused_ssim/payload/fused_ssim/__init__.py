"""Structural similarity of images and its gradient, with fused-ssim's interface.

Stands in for fused-ssim where its extension cannot be built. Needs torch alone: CUDA kernels that its
run-time compiler makes, else Triton's, else torch.compile, else plain torch operations.
``fused_ssim.tier()`` says which, and why; ``GPUFIX_FUSED_SSIM_TIER=cuda|triton|compile|eager`` names
the one to begin with.

The window is a Gaussian of 11 pixels and sigma 1.5, images end in zeros, C1 = 0.01², C2 = 0.03²: the
values are meant for images in [0, 1]. Only the first image receives a gradient.
"""

from __future__ import annotations

import math
from typing import Any, Tuple, Union

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from . import _node
from ._choice import TIERS, implementation
from ._eager import inner, with_border
from ._gpufix_tiers import Tier, outside_graphs
from ._inputs import checked
from ._window import C1, C2, RADIUS

allowed_padding = ["same", "valid"]
is_3D_supported = True


def tier(device: torch.device | str | None = None) -> Tier:
    """What runs on this device (default: the GPU where there is one), and why nothing better."""
    return TIERS.tier(device)


def launcher() -> str:
    """What does a step of ``fused_ssim`` on a GPU: C++, or Python and why."""
    reason = _node.NATIVE.why()
    return f"Python: {reason}" if reason else "C++"


@outside_graphs
def fused_ssim(
    img1: Tensor, img2: Tensor, padding: str = "same", train: bool = True, window_size: int = 11
) -> Tensor:
    """The mean similarity of two batches of images, batch x channels x height x width.

    ``valid`` averages over the pixels whose window lies inside the image alone. ``train=False``
    keeps nothing for a backward pass.
    """
    value: Tensor | None = _node.step(img1, img2, padding, train, window_size)
    return _mean(img1, img2, padding, train, window_size, 2) if value is None else value


@outside_graphs
def fused_ssim3d(
    img1: Tensor, img2: Tensor, padding: str = "same", train: bool = True, window_size: int = 11
) -> Tensor:
    """As ``fused_ssim``, for volumes: batch x channels x depth x height x width."""
    return _mean(img1, img2, padding, train, window_size, 3)


def _mean(
    img1: Tensor, img2: Tensor, padding: str, train: bool, window_size: int, axes: int
) -> Tensor:
    assert padding in allowed_padding
    if isinstance(window_size, bool) or window_size not in range(3, 12, 2):
        raise ValueError(f"window_size: an odd number from 3 to 11, not {window_size!r}")
    x, y = checked(img1, img2, axes)
    radius = window_size // 2
    margin = radius if padding == "valid" else 0
    run = implementation(x, radius)
    if not (x.requires_grad and torch.is_grad_enabled()):
        return run.mean(x.detach(), y.detach(), C1, C2, radius, margin, False)[0]
    # The GPU begins before autograd is told.
    mean, derivatives = run.mean(x, y, C1, C2, radius, margin, train)
    kept: _Kept = None
    if derivatives is not None:
        count = math.prod(x.shape[:2])
        for size in x.shape[2:]:
            count *= max(size - 2 * margin, 0)
        if run.defers_gradient(x):
            kept = y, derivatives, count, radius
        else:
            kept = run.mean_backward(x, y, derivatives, None, count, radius)
        if axes == 2 and radius == RADIUS:
            _node.learn(run, x, margin)
    return _Mean.apply(x, mean, kept)  # type: ignore[no-any-return, no-untyped-call]


# For the backward pass: the gradient, or what it is computed from with the images.
_Kept = Union[None, Tensor, Tuple[Tensor, Tensor, int, int]]


class _Mean(torch.autograd.Function):
    """The mean that was computed, with its gradient by x: one that is there is only scaled.

    Of large images it is computed in the backward pass: the host is there before the GPU is done.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, mean: Tensor, kept: _Kept) -> Tensor:
        ctx.mark_dirty(mean)
        ctx.deferred = None
        if isinstance(kept, Tensor):
            ctx.save_for_backward(kept)
        elif kept is not None:
            y, derivatives, *ctx.deferred = kept
            ctx.save_for_backward(x, y, derivatives)
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, chain: Tensor) -> tuple[Tensor | None, ...]:
        kept = _kept(ctx)
        if not ctx.deferred:
            return kept[0] * chain, None, None
        x, y, derivatives = kept
        count, radius = ctx.deferred
        run = implementation(x, radius)
        return run.mean_backward(x, y, derivatives, chain, count, radius), None, None


class FusedSSIMMap(torch.autograd.Function):
    """The map itself: ``FusedSSIMMap.apply(C1, C2, img1, img2, padding, train, spatial_dims)``."""

    @staticmethod
    def forward(
        ctx: Any,
        C1: float,
        C2: float,
        img1: Tensor,
        img2: Tensor,
        padding: str = "same",
        train: bool = True,
        spatial_dims: int = 2,
    ) -> Tensor:
        x, y = checked(img1, img2, spatial_dims)
        keep = train and img1.requires_grad
        map_, derivatives = implementation(x, RADIUS).forward(x, y, C1, C2, RADIUS, keep)
        ctx.margin = RADIUS if padding == "valid" else 0
        if derivatives is not None:
            ctx.save_for_backward(x, y, derivatives)
        return inner(map_, ctx.margin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, opt_grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y, derivatives = _kept(ctx)
        chain = with_border(opt_grad, x, ctx.margin) if ctx.margin else opt_grad.contiguous()
        gradient = implementation(x, RADIUS).backward(x, y, derivatives, chain, RADIUS)
        return None, None, gradient, None, None, None, None


def _kept(ctx: Any) -> tuple[Tensor, ...]:
    kept: tuple[Tensor, ...] = ctx.saved_tensors
    if not kept:
        raise RuntimeError("fused_ssim: train=False keeps nothing for a backward pass")
    return kept
