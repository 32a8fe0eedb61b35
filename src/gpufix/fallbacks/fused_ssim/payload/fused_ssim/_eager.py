"""Structural similarity in plain torch operations, with its derivative written out.

Images are contiguous, batch x channels x (depth x) height x width; every function returns new
tensors. ``derivatives`` are those of the map by the blurs of x, x*x and x*y, stacked in front.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ._blur import Room, blur


class Plan(NamedTuple):
    """The launches of one shape on one stream, and what memory they share with others."""

    stream: int
    forward: tuple[int, int, int, int, bytes]
    backward: tuple[int, int, int, int, bytes]
    counter: Tensor
    partial: Tensor
    one: Tensor
    deferred: bool
    kept: int  # images' worth of memory between the two


class Eager:
    """What every tier offers. ``radius``: of the window; ``c1``, ``c2``: the map's constants."""

    def serves(self, x: Tensor, radius: int) -> bool:
        """Whether it has code for such images and windows."""
        return True

    def forward(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The map, clamped to [-1, 1], and its derivatives where they are to be kept."""
        axes = x.dim() - 2
        if axes == 3 or x.numel() == 0:
            blurred = blur(moments(x, y, x.new_empty((4, *x.shape))), radius, axes)
        else:
            room = Room(x, (4, *x.shape[:2]), x.shape[2], x.shape[3], radius)
            moments(x, y, room.inside)
            blurred = room.blurred()
        return self._similarity(blurred, c1, c2, keep)

    def backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor | None, radius: int
    ) -> Tensor:
        """The gradient by x of the map's sum, weighted by ``chain`` where given."""
        if chain is not None:
            derivatives = derivatives * chain
        return self._gradient(x, y, blur(derivatives, radius, x.dim() - 2))

    @torch.no_grad()
    def mean(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, margin: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The map's mean, without a border of ``margin``, and the derivatives, zero in the border."""
        map_, derivatives = self.forward(x, y, c1, c2, radius, keep)
        if derivatives is not None:
            clear_border(derivatives, margin, x.dim() - 2)
        return inner(map_, margin).mean(), derivatives

    def defers_gradient(self, x: Tensor) -> bool:
        """Whether the mean's gradient is better computed in the backward pass than at once."""
        return False

    def plan(self, x: Tensor, c1: float, c2: float, margin: int) -> Plan | None:
        """How C++ can do what ``mean`` and ``mean_backward`` did for such an image."""
        return None

    @torch.no_grad()
    def mean_backward(
        self,
        x: Tensor,
        y: Tensor,
        derivatives: Tensor,
        chain: Tensor | None,
        count: int,
        radius: int,
    ) -> Tensor:
        """The gradient by x of the mean over ``count`` pixels, times the number ``chain``."""
        scale = 1 / max(count, 1)
        gradient = self.backward(x, y, derivatives, None, radius)
        return gradient.mul_(scale if chain is None else chain * scale)

    def _similarity(
        self, blurred: Tensor, c1: float, c2: float, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        return similarity(blurred, c1, c2, keep)

    def _gradient(self, x: Tensor, y: Tensor, blurred: Tensor) -> Tensor:
        by_x, by_xx, by_xy = blurred.unbind(0)
        return torch.addcmul(by_x, x, by_xx, value=2).addcmul_(y, by_xy)


def moments(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """x, y, x*x + y*y and x*y into ``out``: the two variances appear only as their sum."""
    first, second, squares, product = out.unbind(0)
    first.copy_(x)
    second.copy_(y)
    torch.mul(x, x, out=squares).addcmul_(y, y)
    torch.mul(x, y, out=product)
    return out


def similarity(blurred: Tensor, c1: float, c2: float, keep: bool) -> tuple[Tensor, Tensor | None]:
    """The map out of the four blurred moments, which are overwritten, and its derivatives.

    Each line is a pass over memory: there are as few as may be.
    """
    ux, uy, squares, product = blurred.unbind(0)
    first, two = torch.tensor((c1, 2.0), dtype=torch.float64).unbind(0)  # numbers to torch
    cross = ux * uy
    energy = (ux * ux).addcmul_(uy, uy)
    d = squares.sub_(energy).clamp_(min=0).add_(c2)
    c = energy.add_(c1)
    b = product.sub_(cross).add_(c2 / 2)
    a = torch.add(first, cross, alpha=2)
    half_ = torch.div(two, c * d)
    map_ = (a * b).mul_(half_)
    if not keep:
        return map_.clamp_(-1, 1), None
    derivatives = torch.empty((3, *ux.shape), dtype=ux.dtype, device=ux.device)
    half_.masked_fill_(map_.abs() > 1, 0)
    by_x, by_xx, by_xy = derivatives.unbind(0)
    torch.mul(a, half_, out=by_xy)
    torch.mul(map_, c, out=by_xx).mul_(half_).mul_(-0.5)
    torch.mul(ux, map_, out=by_x).mul_(c.sub_(d)).addcmul_(uy, b.sub_(a, alpha=0.5), value=2)
    by_x.mul_(half_)
    return map_.clamp_(-1, 1), derivatives


def inner(image: Tensor, margin: int) -> Tensor:
    """Without a border of ``margin``; a view."""
    if margin == 0:
        return image
    for axis in range(2, image.dim()):
        size = image.shape[axis]
        image = image.narrow(axis, min(margin, size), max(size - 2 * margin, 0))
    return image


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
