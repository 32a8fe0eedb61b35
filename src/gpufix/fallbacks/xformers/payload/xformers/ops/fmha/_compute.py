"""Attention by torch: one call where the layout allows, a call for each size of block else."""

from __future__ import annotations

import math
from typing import Optional, Union

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from . import _varlen
from .attn_bias import (
    AttentionBias,
    BlockDiagonalMask,
    LowerTriangularFromBottomRightMask,
    LowerTriangularMask,
)

Bias = Optional[Union[Tensor, AttentionBias]]


def attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Bias, p: float, scale: Optional[float]
) -> Tensor:
    """As ``memory_efficient_attention``."""
    _check(query, key, value)
    if query.ndim == 3:
        q, k, v = (t.unsqueeze(2) for t in (query, key, value))
        if isinstance(bias, Tensor):
            bias = bias.unsqueeze(-3)
        return attention(q, k, v, bias, p, scale).squeeze(2)
    if query.ndim == 5:
        return _grouped(query, key, value, bias, p, scale)
    if isinstance(bias, BlockDiagonalMask):
        return _blocks(query, key, value, bias, p, scale)
    return _dense(query, key, value, bias, p, scale)


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    q, k, v = query.shape, key.shape, value.shape
    if len(q) not in (3, 4, 5) or not len(q) == len(k) == len(v):
        raise ValueError(f"expected 3, 4 or 5 dimensions, the same for all: {_shapes(q, k, v)}")
    heads = q[2:-1] == k[2:-1] == v[2:-1]
    if not (heads and q[0] == k[0] == v[0] and k[1] == v[1] and q[-1] == k[-1]):
        raise ValueError(f"these do not fit together: {_shapes(q, k, v)}")


def _shapes(q: torch.Size, k: torch.Size, v: torch.Size) -> str:
    return f"query {list(q)}, key {list(k)}, value {list(v)}"


def _grouped(
    query: Tensor, key: Tensor, value: Tensor, bias: Bias, p: float, scale: Optional[float]
) -> Tensor:
    """[B, M, G, H, K] as G * H heads."""
    groups, heads = query.shape[2:4]
    q, k, v = (t.flatten(2, 3) for t in (query, key, value))
    if isinstance(bias, Tensor):
        bias = bias.flatten(1, 2) if bias.ndim == 5 else bias
    return attention(q, k, v, bias, p, scale).unflatten(2, (groups, heads))


def _dense(
    query: Tensor, key: Tensor, value: Tensor, bias: Bias, p: float, scale: Optional[float]
) -> Tensor:
    """[B, M, H, K], by one call."""
    queries, keys = query.shape[1], key.shape[1]
    causal = type(bias) is LowerTriangularMask or (
        type(bias) is LowerTriangularFromBottomRightMask and queries == keys
    )
    mask = None if causal else _mask(bias, query, queries, keys)
    out = scaled_dot_product_attention(
        query.transpose(1, 2),
        key.transpose(1, 2),
        value.transpose(1, 2),
        attn_mask=mask,
        dropout_p=p,
        is_causal=causal,
        scale=scale,
    )
    return out.transpose(1, 2)


def _mask(bias: Bias, query: Tensor, queries: int, keys: int) -> Optional[Tensor]:
    """For torch: bool where a bias only hides, else a tensor of the query's dtype."""
    if bias is None:
        return None
    if isinstance(bias, AttentionBias):
        if bias.HOLDS_DENSE_TENSOR:
            return bias.materialize((queries, keys), query.dtype, query.device)
        return bias.allowed(queries, keys, query.device)
    if not isinstance(bias, Tensor):
        raise NotImplementedError(f"a bias of type {type(bias).__name__} is not known here")
    if bias.dtype == torch.bool:
        raise ValueError("a tensor bias is added to the scores: a bool tensor cannot be")
    return bias.to(query.dtype)


def _blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: BlockDiagonalMask,
    p: float,
    scale: Optional[float],
) -> Tensor:
    """Without a mask: by torch's kernels for sequences of several lengths, else by blocks."""
    total_q, total_k = bias.q_seqinfo.seqstart_py[-1], bias.k_seqinfo.seqstart_py[-1]
    if query.shape[:2] != (1, total_q) or key.shape[:2] != (1, total_k):
        found = f"query {list(query.shape)}, key {list(key.shape)}"
        raise ValueError(f"the bias is for [1, {total_q}, …] and [1, {total_k}, …]: {found}")
    sizes = set(zip(bias.q_seqinfo.lengths, bias.k_seqinfo.lengths))
    if len(sizes) > 1 and (kernel := _varlen.kernel(query, value, bias)) is not None:
        return kernel(query, key, value, bias, p, scale)
    return _by_size(query, key, value, bias, p, scale)


def _by_size(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: BlockDiagonalMask,
    p: float,
    scale: Optional[float],
) -> Tensor:
    """Blocks of one size are one batch."""
    starts: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (q0, q1), (k0, k1) in zip(bias.q_seqinfo.intervals(), bias.k_seqinfo.intervals()):
        starts.setdefault((q1 - q0, k1 - k0), []).append((q0, k0))
    if not starts:
        return _dense(query, key, value, None, p, scale)
    pieces: list[tuple[list[int], Tensor]] = []
    for (queries, keys), places in starts.items():
        q0s, k0s = [q for q, _ in places], [k for _, k in places]
        q = _gathered(query, q0s, queries)
        k, v = (_gathered(t, k0s, keys) for t in (key, value))
        pieces.append((q0s, _dense(q, k, v, bias.block(queries, keys), p, scale)))
    if len(pieces) == 1:
        return pieces[0][1].flatten(0, 1).unsqueeze(0)
    rows = [(at, row) for ats, out in pieces for at, row in zip(ats, out.unbind(0))]
    rows.sort(key=lambda placed: placed[0])
    return torch.cat([row for _, row in rows], dim=0).unsqueeze(0)


def _gathered(x: Tensor, starts: list[int], length: int) -> Tensor:
    """[1, tokens, ...] → [blocks, length, ...]; a view where the blocks stand side by side."""
    if all(b - a == length for a, b in zip(starts, starts[1:])):
        first = starts[0]
        return x[0, first : first + length * len(starts)].unflatten(0, (len(starts), length))
    return torch.stack([x[0, at : at + length] for at in starts])


def log_sum_exp(query: Tensor, key: Tensor, bias: Bias, scale: Optional[float]) -> Tensor:
    """[batch, heads, tokens], float32: of each query's scores. Computes them whole."""
    if query.ndim != 4:
        raise NotImplementedError("the log-sum-exp is given for [batch, tokens, heads, dim] alone")
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    q, k = query.transpose(1, 2).float(), key.transpose(1, 2).float()
    scores = q @ k.transpose(-1, -2) * factor
    if isinstance(bias, AttentionBias):
        scores = scores + bias.materialize(scores.shape[-2:], torch.float32, scores.device)
    elif bias is not None:
        scores = scores + bias.float()
    return scores.logsumexp(-1)
