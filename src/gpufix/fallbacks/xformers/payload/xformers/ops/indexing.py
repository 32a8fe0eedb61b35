"""Rows added and gathered by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import torch
from torch import Tensor


def scaled_index_add(
    input: Tensor,
    index: Tensor,
    source: Tensor,
    scaling: Optional[Tensor] = None,
    alpha: float = 1.0,
) -> Tensor:
    """``input`` with ``alpha * scaling * source`` added to its rows ``index`` (each once)."""
    scaled = source if scaling is None else source * scaling
    return torch.index_add(input, 0, index, scaled.to(input.dtype), alpha=alpha)


def index_select_cat(sources: Sequence[Tensor], indices: Sequence[Tensor]) -> Tensor:
    """Rows of each source, flattened and put one after the other."""
    rows = [source[index].flatten() for source, index in zip(sources, indices)]
    return torch.cat(rows, dim=0)
