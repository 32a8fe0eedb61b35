"""The module's tiers, and how each is tried.

There is no torch.compile among them. On a GPU it needs Triton itself; on a CPU, compiling the
distances alone takes 12 s and the whole eager search of a million points 5 s, once a run.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Callable  # a subscript of the other one needs Python 3.9

import torch
from torch import Tensor

from . import _eager
from ._gpufix_tiers import Tiers, Unusable, need_triton
from ._order import curve_order

Search = Callable[[Tensor, Tensor], Tensor]
MOST = 1 << 29  # points that the kernel's 32-bit indices reach


def mean_distance(points: Tensor) -> Tensor:
    """Mean squared distance to the 3 nearest others, [n], of finite float32 points [n, 3], n > 0."""
    with torch.cuda.device_of(points) if points.is_cuda else nullcontext():
        search: Search = TIERS.on(points.device)
        return (search if len(points) <= MOST else _eager.search)(points, curve_order(points))


def _triton(device: torch.device) -> Search:
    need_triton(device)
    from ._triton import search

    return _tried(search, device)


def _search(device: torch.device) -> Search:
    if device.type != "cuda":
        return _eager.search
    try:
        from ._jiterated import Jiterated

        return _tried(partial(_eager.search, arithmetic=Jiterated()), device)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception:  # no run-time compiler: the same results, more slowly
        return _eager.search


def _tried(search: Search, device: torch.device) -> Search:
    """``search``, when a few points come out as in plain torch."""
    points = torch.arange(120, dtype=torch.float32, device=device).mul_(0.7).sin_().view(40, 3)
    order = curve_order(points)
    got, wanted = search(points, order), _eager.search(points, order)
    error = float(((got - wanted) / wanted).abs().amax())
    if not error < 1e-5:
        raise Unusable(f"40 points came out wrong (relative error {error:.1e})")
    return search


TIERS = Tiers("simple_knn", {"triton": _triton, "eager": _search})
