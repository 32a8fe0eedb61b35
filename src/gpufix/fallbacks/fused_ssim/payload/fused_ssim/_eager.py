"""Structural similarity in plain torch operations, with its derivative written out.

Images are contiguous, batch x channels x (depth x) height x width; every function returns new
tensors. ``derivatives`` are those of the map by the blurs of x, x*x and x*y, stacked in front.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ._window import weights


class Eager:
    """What every tier offers. ``radius``: of the window; ``c1``, ``c2``: the map's constants."""

    def serves(self, x: Tensor, radius: int) -> bool:
        """Whether it has code for such images and windows."""
        return True

    def forward(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The map, clamped to [-1, 1], and its derivatives where they are to be kept."""
        return similarity(*blur(moments(x, y), radius).unbind(0), c1, c2, keep)

    def backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor | None, radius: int
    ) -> Tensor:
        """The gradient by x of the map's sum, weighted by ``chain`` where given."""
        if chain is not None:
            derivatives = derivatives * chain
        by_x, by_xx, by_xy = blur(derivatives, radius).unbind(0)
        return by_x.addcmul_(x, by_xx, value=2).addcmul_(y, by_xy)

    def mean(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, margin: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The map's mean, without a border of ``margin``, and the derivatives, zero in the border."""
        map_, derivatives = self.forward(x, y, c1, c2, radius, keep)
        if derivatives is not None:
            clear_border(derivatives, margin, x.dim() - 2)
        return inner(map_, margin).mean(), derivatives

    def mean_backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor, count: int, radius: int
    ) -> Tensor:
        """The gradient by x of the mean over ``count`` pixels, times the number ``chain``."""
        return self.backward(x, y, derivatives, None, radius).mul_(chain / max(count, 1))


def moments(x: Tensor, y: Tensor) -> Tensor:
    """x, y, x*x + y*y and x*y, stacked in front: the two variances appear only as their sum."""
    out = x.new_empty((4, *x.shape))
    out[0], out[1] = x, y
    torch.mul(x, x, out=out[2]).addcmul_(y, y)
    torch.mul(x, y, out=out[3])
    return out


def blur(stack: Tensor, radius: int) -> Tensor:
    """Every plane of ``stack`` (several x batch x channels x ...) blurred; zero outside."""
    shape, window = stack.shape, weights(radius)
    if stack.numel() == 0:
        return stack.clone()
    if len(shape) == 6:  # depth first: what is left are planes
        stack = _blur_axis(stack.reshape(1, -1, shape[3], shape[4] * shape[5]), window, 2)
    planes = stack.reshape(1, -1, shape[-2], shape[-1])
    return _blur_axis(_blur_axis(planes, window, 3), window, 2).reshape(shape)


def _blur_axis(planes: Tensor, window: list[float], axis: int) -> Tensor:
    # One group a plane, at least three: torch's own depthwise kernel, which never rounds to TF32.
    size, padding = [1, 1], [0, 0]
    size[axis - 2], padding[axis - 2] = len(window), len(window) // 2
    kernel = planes.new_tensor(window).reshape(1, 1, *size)
    groups = planes.shape[1]
    return F.conv2d(planes, kernel.repeat(groups, 1, 1, 1), padding=padding, groups=groups)


def similarity(
    ux: Tensor, uy: Tensor, squares: Tensor, product: Tensor, c1: float, c2: float, keep: bool
) -> tuple[Tensor, Tensor | None]:
    """The map out of the four blurred moments, which are overwritten, and its derivatives."""
    cross = ux * uy
    energy = (ux * ux).addcmul_(uy, uy)
    b = product.sub_(cross).mul_(2).add_(c2)
    a = cross.mul_(2).add_(c1)
    d = squares.sub_(energy).clamp_(min=0).add_(c2)
    c = energy.add_(c1)
    inverse = (c * d).reciprocal_()
    map_ = (a * b).mul_(inverse)
    if not keep:
        return map_.clamp_(-1, 1), None
    derivatives = ux.new_empty((3, *ux.shape))
    torch.mul(map_, c, out=derivatives[1]).mul_(inverse).neg_()
    by_x = torch.mul(ux.mul_(map_), c.sub_(d), out=derivatives[0])
    by_x.addcmul_(uy, b.sub_(a)).mul_(inverse).mul_(2)
    torch.mul(a, inverse, out=derivatives[2]).mul_(2)
    derivatives.masked_fill_(map_.abs() > 1, 0)
    return map_.clamp_(-1, 1), derivatives


def inner(image: Tensor, margin: int) -> Tensor:
    """Without a border of ``margin``; a view."""
    if margin == 0:
        return image
    return image[(..., *[slice(margin, -margin)] * (image.dim() - 2))]


def clear_border(stack: Tensor, margin: int, axes: int) -> None:
    """Zero in the border of the last ``axes`` dimensions."""
    for axis in range(-axes, 0) if margin else ():
        size = stack.shape[axis]
        edge = min(margin, size)
        stack.narrow(axis, 0, edge).zero_()
        stack.narrow(axis, size - edge, edge).zero_()


def with_border(chain: Tensor, like: Tensor, margin: int) -> Tensor:
    """The gradient of ``inner``: zero in the border."""
    out = torch.zeros_like(like)
    inner(out, margin).copy_(chain)
    return out
