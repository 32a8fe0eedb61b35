"""Launches of the Triton kernels."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ._eager import Eager
from ._triton import _backward, _forward
from ._window import RADIUS

BLOCK = 128  # columns of a program, one a thread
ROWS = 64  # of a program, where there are enough: each pays 10 more
FEWEST_ROWS = 16
PROGRAMS = 1056  # below so many, rows are cut finer: 8 a multiprocessor on a large GPU


class Triton(Eager):
    """One device's kernels: float32 images and the original's window."""

    def __init__(self, device: torch.device) -> None:
        self.warps = BLOCK // _wave(device)

    def serves(self, x: Tensor, radius: int) -> bool:
        return x.dim() == 4 and radius == RADIUS and x.dtype == torch.float32

    def forward(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        map_, derivatives = torch.empty_like(x), _room(x, keep)
        self._forward(x, y, map_, derivatives, None, 0, c1, c2, 1.0)
        return map_, derivatives

    def backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor | None, radius: int
    ) -> Tensor:
        if chain is None:
            return self._backward(x, y, derivatives, x.new_ones(()), 1.0, False)
        return self._backward(x, y, derivatives, chain, 1.0, True)

    def mean(
        self, x: Tensor, y: Tensor, c1: float, c2: float, radius: int, margin: int, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        planes, height, width = _planes(x)
        count = planes * max(height - 2 * margin, 0) * max(width - 2 * margin, 0)
        derivatives = _room(x, keep)
        if count == 0:
            return x.new_full(
                (), float("nan")
            ), None if derivatives is None else derivatives.zero_()
        partial = x.new_empty(_cut(planes, height, width).programs)
        self._forward(x, y, None, derivatives, partial, margin, c1, c2, 1.0 / count)
        return partial.sum(), derivatives

    def mean_backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor, count: int, radius: int
    ) -> Tensor:
        return self._backward(x, y, derivatives, chain, 1.0 / max(count, 1), False)

    def _forward(
        self,
        x: Tensor,
        y: Tensor,
        map_: Tensor | None,
        derivatives: Tensor | None,
        partial: Tensor | None,
        margin: int,
        c1: float,
        c2: float,
        scale: float,
    ) -> None:
        planes, height, width = _planes(x)
        cut = _cut(planes, height, width)
        if cut.programs == 0:
            return
        with _on(x.device):
            _forward[(cut.programs,)](
                x,
                y,
                x if map_ is None else map_,
                x if derivatives is None else derivatives,
                x if partial is None else partial,
                height,
                width,
                x.numel(),
                cut.strips,
                cut.segments,
                cut.rows,
                margin,
                c1,
                c2,
                scale,
                MAP=map_ is not None,
                KEEP=derivatives is not None,
                SUM=partial is not None,
                BLOCK=BLOCK,
                num_warps=self.warps,
            )

    def _backward(
        self, x: Tensor, y: Tensor, derivatives: Tensor, chain: Tensor, scale: float, each: bool
    ) -> Tensor:
        gradient = torch.empty_like(x)
        planes, height, width = _planes(x)
        cut = _cut(planes, height, width)
        if cut.programs == 0:
            return gradient
        with _on(x.device):
            _backward[(cut.programs,)](
                x,
                y,
                derivatives,
                chain,
                gradient,
                height,
                width,
                x.numel(),
                cut.strips,
                cut.segments,
                cut.rows,
                scale,
                CHAIN=each,
                BLOCK=BLOCK,
                num_warps=self.warps,
            )
        return gradient


class _Cut(NamedTuple):
    strips: int
    segments: int
    rows: int
    programs: int


@lru_cache(maxsize=256)
def _cut(planes: int, height: int, width: int) -> _Cut:
    """Planes in strips of BLOCK columns and segments of some rows, a program each."""
    strips = -(-width // BLOCK)
    wanted = -(-PROGRAMS // max(planes * strips, 1))
    rows = min(ROWS, max(FEWEST_ROWS, -(-height // wanted)))
    segments = -(-height // rows)
    return _Cut(strips, segments, rows, planes * strips * segments)


def _planes(x: Tensor) -> tuple[int, int, int]:
    batch, channels, height, width = x.shape
    return batch * channels, height, width


def _room(x: Tensor, keep: bool) -> Tensor | None:
    return x.new_empty((3, *x.shape)) if keep else None


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """Triton launches on the current device."""
    if device.type != "cuda" or device.index == torch.cuda.current_device():
        return nullcontext()
    return torch.cuda.device(device)


def _wave(device: torch.device) -> int:
    """Threads of a wave."""
    if device.type != "cuda" or torch.version.hip is None:
        return 32
    properties = torch.cuda.get_device_properties(device)
    name = getattr(properties, "gcnArchName", "")
    return getattr(properties, "warp_size", 64 if name.startswith(("gfx8", "gfx9")) else 32)
