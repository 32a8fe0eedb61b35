"""A tensor taken apart along a dimension, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import torch
from torch import Tensor


def unbind(x: Tensor, dim: int) -> tuple[Tensor, ...]:
    """``x`` cut along ``dim``: views of it."""
    return torch.unbind(x, dim)


def get_stack_strides(tensors: Sequence[Tensor], dim: int) -> Optional[tuple[int, ...]]:
    """The strides of the tensor of which these are the slices along ``dim``; None: of none."""
    first = tensors[0]
    dim = dim + first.ndim + 1 if dim < 0 else dim
    places = [t.storage_offset() for t in tensors]
    storage = first.untyped_storage().data_ptr()
    alike = all(
        t.shape == first.shape
        and t.stride() == first.stride()
        and t.untyped_storage().data_ptr() == storage
        for t in tensors
    )
    step = places[1] - places[0] if len(places) > 1 else first.numel()
    if not alike or any(b - a != step for a, b in zip(places, places[1:])):
        return None
    strides = [int(n) for n in first.stride()]
    strides.insert(dim, int(step))
    return tuple(strides)


def stack_or_none(tensors: Sequence[Tensor], dim: int) -> Optional[Tensor]:
    """The tensor of which these are slices, without a copy; None where they are of none."""
    strides = get_stack_strides(tensors, dim)
    if strides is None:
        return None
    first = tensors[0]
    dim = dim + first.ndim + 1 if dim < 0 else dim
    shape = list(first.shape)
    shape.insert(dim, len(tensors))
    return first.as_strided(shape, strides)
