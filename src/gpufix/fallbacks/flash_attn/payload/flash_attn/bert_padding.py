"""Tokens out of padded batches, and back."""

from __future__ import annotations

from typing import Optional, Tuple

import torch
from torch import Tensor

from ._version import PARTS


def index_first_axis(input: Tensor, indices: Tensor) -> Tensor:
    """The rows of these numbers."""
    return input.index_select(0, indices)


def index_put_first_axis(values: Tensor, indices: Tensor, first_axis_dim: int) -> Tensor:
    """Rows at these numbers, 0 elsewhere."""
    return values.new_zeros(first_axis_dim, *values.shape[1:]).index_copy(0, indices, values)


def unpad_input(
    hidden_states: Tensor, attention_mask: Tensor, unused_mask: Optional[Tensor] = None
) -> Tuple[Tensor, ...]:
    """The tokens that a mask (batch x tokens) marks, one after the other.

    Returns them, their numbers among all, where sequences begin (int32, one more than there are), the
    longest as an int and, as flash-attn does since 2.7, the marked tokens of each sequence. Tokens of
    ``unused_mask`` are kept too, and not counted in the last.
    """
    every = attention_mask if unused_mask is None else attention_mask + unused_mask
    lengths = every.sum(-1, dtype=torch.int32)
    indices = torch.nonzero(every.flatten(), as_tuple=False).flatten()
    starts = torch.nn.functional.pad(lengths.cumsum(0, dtype=torch.int32), (1, 0))
    tokens = index_first_axis(hidden_states.flatten(0, 1), indices)
    found = (tokens, indices, starts, int(lengths.max()))
    if PARTS < (2, 7):
        return found
    return (*found, attention_mask.sum(-1, dtype=torch.int32))


def pad_input(hidden_states: Tensor, indices: Tensor, batch: int, seqlen: int) -> Tensor:
    """batch x seqlen x ...: the tokens at their numbers, 0 elsewhere."""
    return index_put_first_axis(hidden_states, indices, batch * seqlen).unflatten(
        0, (batch, seqlen)
    )
