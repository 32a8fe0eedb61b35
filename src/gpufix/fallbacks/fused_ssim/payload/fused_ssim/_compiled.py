"""Structural similarity through torch.compile: shifted sums, which it fuses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ._eager import Eager, similarity
from ._window import weights


class Compiled(Eager):
    """As Eager; sizes may change without compiling again."""

    def __init__(self) -> None:
        self._forward = torch.compile(_forward, dynamic=True)
        self._backward = torch.compile(_backward, dynamic=True)

    def forward(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        if x.numel() == 0:
            return super().forward(x, y, c1, c2, radius, keep)
        map_, derivatives = self._forward(x, y, c1, c2, radius, keep)
        return map_, derivatives

    def backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor | None, radius: int
    ) -> Tensor:
        if x.numel() == 0:
            return super().backward(x, y, derivatives, chain, radius)
        gradient: Tensor = self._backward(x, y, derivatives, chain, radius)
        return gradient


def _shifted_sums(stack: Tensor, radius: int, axes: int) -> Tensor:
    window = weights(radius)
    for axis in range(axes):
        size = stack.shape[-1 - axis]
        padded = F.pad(stack, [0, 0] * axis + [radius, radius])
        parts = [w * padded.narrow(-1 - axis, k, size) for k, w in enumerate(window)]
        stack = sum(parts[1:], parts[0])
    return stack


def _forward(
    x: Tensor, y: Tensor, c1: float, c2: float, radius: int, keep: bool
) -> tuple[Tensor, Tensor | None]:
    axes = x.dim() - 2
    blurred = [_shifted_sums(t, radius, axes) for t in (x, y, x * x + y * y, x * y)]
    return similarity(*blurred, c1, c2, keep)


def _backward(
    x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor | None, radius: int
) -> Tensor:
    if chain is not None:
        derivatives = derivatives * chain
    by_x, by_xx, by_xy = (_shifted_sums(t, radius, x.dim() - 2) for t in derivatives.unbind(0))
    return by_x + 2 * x * by_xx + y * by_xy
