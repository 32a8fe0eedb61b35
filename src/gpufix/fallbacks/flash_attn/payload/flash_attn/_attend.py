"""What is asked, checked; and which way it is computed."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple, Union

import torch
from torch import Tensor

from . import _kernel, _plain

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Lengths(NamedTuple):
    """Where sequences begin and the last ends, and the longest of them; of queries and of keys."""

    queries: Tensor
    keys: Tensor
    most_queries: int
    most_keys: int


class Rule(NamedTuple):
    """``left``, ``right``: tokens that a query sees beside its own place, -1 for all."""

    dropout: float
    scale: float
    left: int
    right: int
    softcap: float
    slopes: Optional[Tensor]

    @classmethod
    def of(
        cls,
        q: Tensor,
        dropout: float,
        scale: Optional[float],
        causal: bool,
        window: Tuple[int, int],
        softcap: float,
        slopes: Optional[Tensor],
    ) -> Rule:
        """``causal`` is a window that ends at the query's own place."""
        left, right = (-1 if side < 0 else int(side) for side in window)
        scale = q.shape[-1] ** -0.5 if scale is None else float(scale)
        return cls(float(dropout), scale, left, 0 if causal else right, max(softcap, 0.0), slopes)


def attend(
    q: Tensor, k: Tensor, v: Tensor, lengths: Optional[Lengths], rule: Rule, with_sums: bool
) -> Union[Tensor, Tuple[Tensor, Tensor, Optional[Tensor]]]:
    """The result; with the log-sum-exp of the scores where it is asked for."""
    _check(q, k, v, lengths)
    if with_sums and rule.dropout:
        raise NotImplementedError(
            "flash_attn (gpufix): return_attn_probs with dropout is not known here"
        )
    if with_sums or not _kernel.serves(q, v, lengths, rule):
        out, sums = _plain.attention(q, k, v, lengths, rule, with_sums)
    else:
        out, sums = _kernel.attention(q, k, v, lengths, rule), None
    return out if sums is None else (out, sums, None)


def _check(q: Tensor, k: Tensor, v: Tensor, lengths: Optional[Lengths]) -> None:
    axes = 4 if lengths is None else 3
    shapes = f"q {list(q.shape)}, k {list(k.shape)}, v {list(v.shape)}"
    if not q.dim() == k.dim() == v.dim() == axes:
        raise RuntimeError(f"flash_attn (gpufix): expected {axes} dimensions, not {shapes}")
    if not (q.dtype == k.dtype == v.dtype and q.dtype in _DTYPES):
        found = ", ".join(str(t.dtype) for t in (q, k, v))
        raise RuntimeError(f"FlashAttention only support fp16 and bf16 data type, not {found}")
    if not q.device == k.device == v.device:
        raise RuntimeError(
            f"flash_attn (gpufix): q on {q.device}, k on {k.device}, v on {v.device}"
        )
    fit = k.shape[:-1] == v.shape[:-1] and q.shape[-1] == k.shape[-1]
    if not fit or (lengths is None and q.shape[0] != k.shape[0]):
        raise RuntimeError(f"flash_attn (gpufix): these do not fit together: {shapes}")
    if k.shape[-2] == 0 or q.shape[-2] % k.shape[-2]:
        raise RuntimeError(
            f"Number of heads in key/value must divide number of heads in query: {shapes}"
        )
    if lengths is not None and lengths.queries.shape != lengths.keys.shape:
        raise RuntimeError(
            "flash_attn (gpufix): cu_seqlens_q and cu_seqlens_k differ in their sequences"
        )
