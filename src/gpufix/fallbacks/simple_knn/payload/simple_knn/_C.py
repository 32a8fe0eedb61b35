"""The functions of simple-knn's extension."""

from __future__ import annotations

import torch
from torch import Tensor

from ._choice import mean_distance
from ._gpufix_tiers import outside_graphs, without_autocast

_SCALARS = {
    torch.float16: "Half",
    torch.float64: "Double",
    torch.bfloat16: "BFloat16",
    torch.int32: "Int",
    torch.int64: "Long",
}


@outside_graphs
def distCUDA2(points: Tensor) -> Tensor:
    """Mean squared distance of each point to its 3 nearest others: float32 [N], without gradient.

    ``points``: float32 [N, 3] on any device. A point is no neighbour of itself, its copies are, at
    distance 0. A neighbour that is not there (N < 4), is not finite or whose squared distance
    overflows counts as the greatest float32; a point that is not finite gets infinity.

    Raises RuntimeError for another dtype or shape and in the capture of a graph, torch's OutOfMemoryError when even small steps do
    not fit.
    """
    if points.dtype != torch.float32:
        found = _SCALARS.get(points.dtype, str(points.dtype))
        raise RuntimeError(f"expected scalar type Float but found {found}")
    if points.is_cuda and torch.cuda.is_current_stream_capturing():
        raise RuntimeError("distCUDA2 cannot be captured: how it sorts depends on the points")
    if points.dim() != 2 or points.shape[1] != 3:
        raise RuntimeError(f"distCUDA2: points must be [N, 3], not {list(points.shape)}")
    with torch.no_grad(), without_autocast(points.device):
        return _of_finite(points.detach().contiguous())


def _of_finite(points: Tensor) -> Tensor:
    if not len(points):
        return points.new_empty(0)
    if all(bool(x.isfinite()) for x in points.aminmax()):  # a NaN comes through
        return mean_distance(points)
    finite = points.isfinite().all(1)
    mean = points.new_full((len(points),), torch.inf)
    if bool(finite.any()):
        mean[finite] = mean_distance(points[finite])
    return mean
