"""The same in one kernel each, where torch can make it.

torch compiles such elementwise functions with the run-time compiler that it brings along, on NVIDIA and
on AMD; no Triton, no C compiler. The interface is beta: the loader tries it before it is used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ._arithmetic import Arithmetic

_SQUARES = """
template <typename T>
T gpufix_knn_squares(T ax, T ay, T az, T bx, T by, T bz) {
    T x = ax - bx, y = ay - by, z = az - bz;
    return fma(z, z, fma(y, y, x * x));
}
"""
_STEP = """
template <typename T>
T gpufix_knn_step(T low, T high, T box_low, T box_high, T total) {
    T right = box_low - high, left = low - box_high, step = right > left ? right : left;
    step = step > T(0) ? step : T(0);
    return fma(step, step, total);
}
"""
_THREE = """
template <typename T>
void gpufix_knn_three(T a, T b, T c, T d, T e, T f, T g, T h, T& first, T& second, T& third) {
    T values[8] = {a, b, c, d, e, f, g, h};
    T x = a, y = values[1], z = values[2], t;
    if (y < x) { t = x; x = y; y = t; }
    if (z < y) { t = y; y = z; z = t; }
    if (y < x) { t = x; x = y; y = t; }
    for (int i = 3; i < 8; ++i) {
        T v = values[i];
        z = v < z ? v : z;
        if (z < y) { t = y; y = z; z = t; }
        if (y < x) { t = x; x = y; y = t; }
    }
    first = x;
    second = y;
    third = z;
}
"""
_JOINED = """
template <typename T>
void gpufix_knn_joined(T a, T b, T c, T d, T e, T f, T& first, T& second, T& third) {
    T top = a > d ? a : d, low = b < e ? b : e;
    T right = a > e ? a : e, left = b > d ? b : d, cross = right < left ? right : left;
    T last = c < f ? c : f;
    first = a < d ? a : d;
    second = top < low ? top : low;
    third = last < cross ? last : cross;
}
"""


class Jiterated(Arithmetic):
    """As Arithmetic, in a fraction of the passes over memory, and of the memory."""

    pair_floats = 2 * 8 * 8

    def __init__(self) -> None:
        make: Any = torch.cuda.jiterator
        self._squares = make._create_jit_fn(_SQUARES)
        self._step = make._create_jit_fn(_STEP)
        self._three = make._create_multi_output_jit_fn(_THREE, 3)
        self._joined = make._create_multi_output_jit_fn(_JOINED, 3)

    def squares(self, x: Tensor, y: Tensor) -> Tensor:
        if not x.numel() or not y.numel():
            return super().squares(x, y)
        found: Tensor = self._squares(*x.unbind(0), *y.unbind(0))
        return found

    def gap(self, low: Tensor, high: Tensor, box: Tensor) -> Tensor:
        if not low.numel() or not box.numel():
            return super().gap(low, high, box)
        total = box.new_zeros(())
        for axis in range(3):
            total = self._step(low[axis], high[axis], box[axis], box[axis + 3], total)
        return total

    def three_least(self, values: Tensor) -> Tensor:
        if not values.numel():
            return super().three_least(values)
        return torch.stack(self._three(*values.unbind(0)))

    def joined(self, a: Tensor, b: Tensor) -> Tensor:
        if not a.numel():
            return super().joined(a, b)
        return torch.stack(self._joined(*a.unbind(0), *b.unbind(0)))
