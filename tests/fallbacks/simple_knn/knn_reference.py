"""Float64 answers by looking at every pair, and arrangements of points that try a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FLT_MAX = 3.4028234663852886e38


def mean_distance(points: Any) -> Any:
    """Float32 [n]: as distCUDA2 by its documentation, with distances found in float64."""
    import torch

    p = points.double()
    d = (p[:, None] - p[None]).square().sum(2)
    d = d.nan_to_num(torch.inf).fill_diagonal_(torch.inf).clamp(max=FLT_MAX)
    missing = torch.full((len(p), 3), FLT_MAX, dtype=d.dtype)
    three = torch.cat((d, missing), 1).sort(1).values[:, :3]
    mean = three.float().sum(1) / 3
    return mean.masked_fill(~points.isfinite().all(1), torch.inf)


def error(got: Any, wanted: Any) -> float:
    """The largest relative difference; infinity when infinities or shapes differ."""
    if got.shape != wanted.shape or not bool((got.isinf() == wanted.isinf()).all()):
        return float("inf")
    got, wanted = got[~got.isinf()].double(), wanted[~wanted.isinf()].double()
    if not len(got):
        return 0.0
    return float(((got - wanted).abs() / wanted.clamp(min=1e-36)).nan_to_num(9e9).max())


def _uniform(n: int) -> Any:
    import torch

    return torch.rand(n, 3, generator=torch.Generator().manual_seed(n))


def _normal(n: int) -> Any:
    import torch

    return torch.randn(n, 3, generator=torch.Generator().manual_seed(n))


def _sphere(n: int) -> Any:
    p = _normal(n)
    return p / p.norm(dim=1, keepdim=True)


def _with(n: int, changes: Callable[[Any], None]) -> Any:
    p = _uniform(n)
    changes(p)
    return p


def _mostly_tiny(n: int) -> Any:
    p = _uniform(n)
    p[n // 10 :] *= 1e-12
    return p


def _lattice(n: int) -> Any:
    import torch

    side = torch.arange(int(n ** (1 / 3)) + 1).float()
    return torch.cartesian_prod(side, side, side)[:n].contiguous()


def _scales(n: int) -> Any:
    import torch

    return _normal(n) * 10 ** (60 * _uniform(n)[:, :1] - 30) * torch.tensor([1.0, 1e-3, 1.0])


SETS: dict[str, Callable[[int], Any]] = {
    "uniform": _uniform,
    "sphere": _sphere,
    "few tight clusters": lambda n: _uniform(7)[(_uniform(n)[:, 0] * 7).long()] + 1e-6 * _normal(n),
    "mostly within 1e-12": _mostly_tiny,
    "each about three times": lambda n: _uniform(n)[(_uniform(n + 1)[:n, 1] * n / 3).long()],
    "one place": lambda n: _uniform(n)[:1].expand(n, 3).contiguous(),
    "line": lambda n: _with(n, lambda p: p[:, 1:].fill_(0.5)),
    "plane": lambda n: _with(n, lambda p: p[:, 2].fill_(7.0)),
    "one far away": lambda n: _with(n, lambda p: p[0].fill_(1e12)),
    "some far away": lambda n: _with(n, lambda p: p[: n // 30].mul_(1000.0)),
    "all scales": _scales,
    "overflow": lambda n: (_uniform(n) - 0.5) * 3e38,
    "lattice": _lattice,
    "halving steps": lambda n: (
        _uniform(n) * 0.5 ** (100 * _uniform(n + 1)[:n, 1].sort().values)[:, None]
    ),
    "far from the origin": lambda n: _uniform(n) + 1000.0,
}
