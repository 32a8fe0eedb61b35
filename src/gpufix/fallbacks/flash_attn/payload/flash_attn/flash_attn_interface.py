"""The functions that projects call. Tensors are batch x tokens x heads x dimension, or, where sequences
stand one after the other (varlen), tokens x heads x dimension."""

from __future__ import annotations

from typing import Optional, Tuple, Union

from torch import Tensor

from ._attend import Lengths, Rule, attend

Out = Union[Tensor, Tuple[Tensor, Tensor, Optional[Tensor]]]
Window = Tuple[int, int]


def flash_attn_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    dropout_p: float = 0.0,
    softmax_scale: Optional[float] = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: Optional[Tensor] = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
) -> Out:
    """Attention of ``q`` to ``k`` and ``v``, whose heads may be fewer by a whole factor.

    ``causal`` and ``window_size`` (tokens to the left and to the right, -1: all) count from the last
    query, which stands beside the last key. ``softcap`` bounds scores by a tanh. ``alibi_slopes`` (heads or
    batch x heads) are taken from scores for each token of distance. A query that sees no key gives 0.

    With ``return_attn_probs``: also the scores' log-sum-exp (batch x heads x tokens, float32), and None.
    ``deterministic`` is torch's to say: ``torch.use_deterministic_algorithms``.

    Raises RuntimeError for shapes, dtypes and devices that do not fit.
    """
    rule = Rule.of(q, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes)
    return attend(q, k, v, None, rule, return_attn_probs)


def flash_attn_kvpacked_func(
    q: Tensor,
    kv: Tensor,
    dropout_p: float = 0.0,
    softmax_scale: Optional[float] = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: Optional[Tensor] = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
) -> Out:
    """As ``flash_attn_func``; ``kv`` is batch x tokens x 2 x heads x dimension."""
    k, v = kv.unbind(-3)
    return flash_attn_func(
        q, k, v, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
        return_attn_probs,
    )  # fmt: skip


def flash_attn_qkvpacked_func(
    qkv: Tensor,
    dropout_p: float = 0.0,
    softmax_scale: Optional[float] = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: Optional[Tensor] = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
) -> Out:
    """As ``flash_attn_func``; ``qkv`` is batch x tokens x 3 x heads x dimension."""
    q, k, v = qkv.unbind(-3)
    return flash_attn_func(
        q, k, v, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
        return_attn_probs,
    )  # fmt: skip


def flash_attn_varlen_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: Optional[float] = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: Optional[Tensor] = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    block_table: Optional[Tensor] = None,
) -> Out:
    """As ``flash_attn_func``, of sequences that stand one after the other in tokens x heads x dimension.

    ``cu_seqlens_q`` and ``cu_seqlens_k`` (int32, one more than sequences) say where each begins and the last
    ends; ``max_seqlen_q`` and ``max_seqlen_k`` are the longest. The log-sum-exp is heads x tokens.
    """
    if block_table is not None:
        raise NotImplementedError(
            "flash_attn (gpufix): block_table, of a paged cache, is not known here"
        )
    lengths = Lengths(cu_seqlens_q, cu_seqlens_k, int(max_seqlen_q), int(max_seqlen_k))
    rule = Rule.of(q, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes)
    return attend(q, k, v, lengths, rule, return_attn_probs)


def flash_attn_varlen_kvpacked_func(
    q: Tensor,
    kv: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: Optional[float] = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: Optional[Tensor] = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
) -> Out:
    """As ``flash_attn_varlen_func``; ``kv`` is tokens x 2 x heads x dimension."""
    k, v = kv.unbind(-3)
    return flash_attn_varlen_func(
        q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
        return_attn_probs,
    )  # fmt: skip


def flash_attn_varlen_qkvpacked_func(
    qkv: Tensor,
    cu_seqlens: Tensor,
    max_seqlen: int,
    dropout_p: float = 0.0,
    softmax_scale: Optional[float] = None,
    causal: bool = False,
    window_size: Window = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: Optional[Tensor] = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
) -> Out:
    """As ``flash_attn_varlen_func``; ``qkv`` is tokens x 3 x heads x dimension."""
    q, k, v = qkv.unbind(-3)
    return flash_attn_varlen_func(
        q, k, v, cu_seqlens, cu_seqlens, max_seqlen, max_seqlen, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, deterministic,
        return_attn_probs,
    )  # fmt: skip
