"""Structural similarity with torch.compile: what lies between the blurs, fused."""

from __future__ import annotations

import torch
from torch import Tensor

from ._eager import Eager


class Compiled(Eager):
    """As Eager; sizes may change without compiling again."""

    def __init__(self) -> None:
        self._fused_similarity = torch.compile(_similarity, dynamic=True)
        self._fused_gradient = torch.compile(_gradient, dynamic=True)

    def _similarity(
        self, blurred: Tensor, c1: float, c2: float, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        map_, derivatives = self._fused_similarity(blurred, c1, c2, keep)
        return map_, derivatives

    def _gradient(self, x: Tensor, y: Tensor, blurred: Tensor) -> Tensor:
        gradient: Tensor = self._fused_gradient(x, y, blurred)
        return gradient


def _similarity(blurred: Tensor, c1: float, c2: float, keep: bool) -> tuple[Tensor, Tensor | None]:
    ux, uy, squares, product = blurred.unbind(0)
    cross, energy = ux * uy, ux * ux + uy * uy
    a, b = 2 * cross + c1, 2 * (product - cross) + c2
    c, d = energy + c1, (squares - energy).clamp(min=0) + c2
    inverse = 1 / (c * d)
    map_ = a * b * inverse
    derivatives = None
    if keep:
        free = (map_.abs() <= 1).to(map_.dtype)
        by_x = 2 * inverse * (uy * (b - a) + ux * map_ * (c - d))
        derivatives = torch.stack((by_x, -map_ * c * inverse, 2 * a * inverse)) * free
    return map_.clamp(-1, 1), derivatives


def _gradient(x: Tensor, y: Tensor, blurred: Tensor) -> Tensor:
    by_x, by_xx, by_xy = blurred.unbind(0)
    return by_x + 2 * x * by_xx + y * by_xy
