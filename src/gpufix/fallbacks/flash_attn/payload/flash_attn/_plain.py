"""Attention by torch's scaled_dot_product_attention, with a mask where it has no word for the rule.

Sequences of one pair of lengths are one batch. Scores with a softcap are computed whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional, Tuple

import torch
from torch import Tensor
from torch.nn.functional import dropout, scaled_dot_product_attention

if TYPE_CHECKING:
    from ._attend import Lengths, Rule


def attention(
    q: Tensor, k: Tensor, v: Tensor, lengths: Optional[Lengths], rule: Rule, with_sums: bool
) -> Tuple[Tensor, Optional[Tensor]]:
    """The result and, where asked for, the scores' log-sum-exp: inf where a query sees no key."""
    if lengths is not None:
        return _sequences(q, k, v, lengths, rule, with_sums)
    out = _dense(q, k, v, rule)
    return out, _log_sum_exp(q, k, rule) if with_sums else None


def _sequences(
    q: Tensor, k: Tensor, v: Tensor, lengths: Lengths, rule: Rule, with_sums: bool
) -> Tuple[Tensor, Optional[Tensor]]:
    starts_q, starts_k = lengths.queries.tolist(), lengths.keys.tolist()
    if starts_q[-1] > len(q) or starts_k[-1] > len(k):
        raise RuntimeError(
            f"flash_attn (gpufix): cu_seqlens end at {starts_q[-1]} and {starts_k[-1]}, "
            f"there are {len(q)} and {len(k)} tokens"
        )
    alike: Dict[Tuple[int, int], List[int]] = {}
    for i, (q0, q1, k0, k1) in enumerate(zip(starts_q, starts_q[1:], starts_k, starts_k[1:])):
        if q1 > q0:
            alike.setdefault((q1 - q0, k1 - k0), []).append(i)
    rows, places, sums = [], [], []
    for (queries, keys), which in alike.items():
        at_q = _tokens([starts_q[i] for i in which], queries, q.device)
        at_k = _tokens([starts_k[i] for i in which], keys, q.device)
        some = rule
        if rule.slopes is not None and rule.slopes.dim() == 2:
            some = rule._replace(slopes=rule.slopes[which])
        out, sum_ = attention(q[at_q], k[at_k], v[at_k], None, some, with_sums)
        rows.append(out.flatten(0, 1))
        places.append(at_q.flatten())
        if sum_ is not None:
            sums.append(sum_.transpose(0, 1).flatten(1))
    whole = q.new_zeros(*q.shape[:-1], v.shape[-1])
    if rows:
        whole = whole.index_copy(0, torch.cat(places), torch.cat(rows))
    if not with_sums:
        return whole, None
    infinite = torch.full((q.shape[1], len(q)), torch.inf, device=q.device)
    return whole, infinite.index_copy(
        1, torch.cat(places), torch.cat(sums, 1)
    ) if sums else infinite


def _tokens(starts: List[int], length: int, device: torch.device) -> Tensor:
    """[sequences, length]: the numbers of their tokens."""
    first = torch.tensor(starts, device=device)[:, None]
    return first + torch.arange(length, device=device)


def _dense(q: Tensor, k: Tensor, v: Tensor, rule: Rule) -> Tensor:
    blind = _blind(q.shape[1], k.shape[1], rule)
    if blind:
        seeing = _dense(q[:, blind:], k, v, rule) if blind < q.shape[1] else None
        nothing = q.new_zeros(q.shape[0], blind, q.shape[2], v.shape[-1])
        return nothing if seeing is None else torch.cat([nothing, seeing], 1)
    q, k, v = _by_heads(q, k, v)
    if rule.softcap:
        weights = _scores(q, k, rule).softmax(-1).to(v.dtype)
        return (dropout(weights, rule.dropout) @ v).transpose(1, 2)
    queries, keys = q.shape[2], k.shape[2]
    # A single query that stands beside the last key sees all before it.
    causal = rule.right == 0 and queries == keys > 1
    plain = rule.left < 0 and rule.slopes is None and (causal or rule.right < 0 or queries == 1)
    out = scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=None if plain else _mask(q, k, rule),
        dropout_p=rule.dropout,
        is_causal=plain and causal,
        scale=rule.scale,
    )
    return out.transpose(1, 2)


def _blind(queries: int, keys: int, rule: Rule) -> int:
    """How many of the first queries see no key."""
    if keys == 0:
        return queries
    return 0 if rule.right < 0 else min(queries, max(0, queries - keys - rule.right))


def _by_heads(q: Tensor, *others: Tensor) -> List[Tensor]:
    """batch x heads x tokens x dimension, as many heads for all."""
    out = [q.transpose(1, 2)]
    for x in others:
        x = x.transpose(1, 2)
        times = q.shape[2] // x.shape[1]
        out.append(x if times == 1 else x.repeat_interleave(times, 1))
    return out


def _distance(queries: int, keys: int, device: torch.device) -> Tensor:
    """[queries, keys]: how far a key stands to the right of the query's own place."""
    own = torch.arange(queries, device=device)[:, None] + (keys - queries)
    return torch.arange(keys, device=device) - own


def _allowed(distance: Tensor, rule: Rule) -> Optional[Tensor]:
    seen = None
    if rule.right >= 0:
        seen = distance <= rule.right
    if rule.left >= 0:
        near = distance >= -rule.left
        seen = near if seen is None else seen & near
    return seen


def _mask(q: Tensor, k: Tensor, rule: Rule) -> Optional[Tensor]:
    """For torch: bool where it only hides, else what is added to the scores."""
    distance = _distance(q.shape[2], k.shape[2], q.device)
    seen = _allowed(distance, rule)
    if rule.slopes is None:
        return seen
    bias = -rule.slopes.float().reshape(-1, q.shape[1], 1, 1) * distance.abs()
    if seen is not None:
        bias = bias.masked_fill(~seen, -torch.inf)
    return bias.to(q.dtype)


def _scores(q: Tensor, k: Tensor, rule: Rule) -> Tensor:
    """All of them, in float32 or better; -inf where a query does not see."""
    wide = torch.float64 if q.dtype == torch.float64 else torch.float32
    scores = q.to(wide) @ k.to(wide).transpose(-1, -2) * rule.scale
    if rule.softcap:
        scores = rule.softcap * torch.tanh(scores / rule.softcap)
    mask = _mask(q.to(wide), k, rule)
    if mask is None:
        return scores
    return scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask


@torch.no_grad()
def _log_sum_exp(q: Tensor, k: Tensor, rule: Rule) -> Tensor:
    by_head = _by_heads(q, k)
    sums = _scores(by_head[0], by_head[1], rule).logsumexp(-1).float()
    return sums.masked_fill(sums == -torch.inf, torch.inf)
