"""What lies between the eager tier's blurs as one kernel each, where torch can make it.

torch compiles such elementwise functions with the run-time compiler that it brings along, on NVIDIA and
on AMD; no Triton, no C compiler. The interface is beta: the loader tries it before it is used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ._blur import blur
from ._eager import Eager

_SIMILARITY = """
template <typename T>
void gpufix_ssim_similarity(T ux, T uy, T squares, T product, T c1, T c2,
                            T& map, T& by_x, T& by_xx, T& by_xy) {
    T cross = ux * uy, energy = ux * ux + uy * uy, variance = squares - energy;
    T a = T(2) * cross + c1, b = T(2) * (product - cross) + c2;
    T c = energy + c1, d = (variance < T(0) ? T(0) : variance) + c2;
    T inverse = T(1) / (c * d), m = a * b * inverse;
    bool above = T(1) < m, below = m < T(-1);
    T free = above || below ? T(0) : inverse;
    map = above ? T(1) : below ? T(-1) : m;
    by_x = T(2) * free * (uy * (b - a) + ux * m * (c - d));
    by_xx = -m * c * free;
    by_xy = T(2) * a * free;
}
"""
_GRADIENT = """
template <typename T>
T gpufix_ssim_gradient(T by_x, T by_xx, T by_xy, T x, T y, T scale) {
    return scale * (by_x + T(2) * x * by_xx + y * by_xy);
}
"""


class Jiterated(Eager):
    """As Eager, in a tenth of the passes over memory."""

    def __init__(self) -> None:
        make: Any = torch.cuda.jiterator
        self._all = make._create_multi_output_jit_fn(_SIMILARITY, 4, c1=0.0, c2=0.0)
        self._join = make._create_jit_fn(_GRADIENT)

    def _similarity(
        self, blurred: Tensor, c1: float, c2: float, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        if blurred.numel() == 0:
            return super()._similarity(blurred, c1, c2, keep)
        map_, *derivatives = self._all(*blurred.unbind(0), c1=c1, c2=c2)
        return map_, torch.stack(derivatives) if keep else None

    def _gradient(self, x: Tensor, y: Tensor, blurred: Tensor) -> Tensor:
        return self._scaled(x, y, blurred, x.new_ones(()))

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
        scale = x.new_full((), 1 / max(count, 1))
        blurred = blur(derivatives, radius, x.dim() - 2)
        return self._scaled(x, y, blurred, scale if chain is None else chain * scale)

    def _scaled(self, x: Tensor, y: Tensor, blurred: Tensor, scale: Tensor) -> Tensor:
        if x.numel() == 0:
            return torch.empty_like(x)
        gradient: Tensor = self._join(*blurred.unbind(0), x, y, scale)
        return gradient
