"""``memory_efficient_attention`` over torch's scaled_dot_product_attention.

Layouts are [batch, tokens, dim], [batch, tokens, heads, dim] and, for grouped queries, [batch,
tokens, groups, heads, dim]. float32, float16, bfloat16 (float64 too); any head dimension; a value
dimension of its own. Block-diagonal biases are never computed as a mask.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple, Type, Union

import torch
from torch import Tensor

from . import attn_bias, cutlass, flash
from ._compute import attention, log_sum_exp
from .attn_bias import (
    AttentionBias,
    BlockDiagonalMask,
    LowerTriangularMask,
)
from .common import AttentionBwOpBase, AttentionFwOpBase, AttentionOpBase, Inputs

AttentionOp = Tuple[Optional[Type[AttentionFwOpBase]], Optional[Type[AttentionBwOpBase]]]

MemoryEfficientAttentionCutlassOp: AttentionOp = (cutlass.FwOp, cutlass.BwOp)
MemoryEfficientAttentionCutlassFwdFlashBwOp: AttentionOp = (cutlass.FwOp, flash.BwOp)
MemoryEfficientAttentionFlashAttentionOp: AttentionOp = (flash.FwOp, flash.BwOp)

ALL_FW_OPS: list[type[AttentionFwOpBase]] = [flash.FwOp, cutlass.FwOp]
ALL_BW_OPS: list[type[AttentionBwOpBase]] = [flash.BwOp, cutlass.BwOp]

__all__ = [
    "ALL_BW_OPS",
    "ALL_FW_OPS",
    "AttentionBias",
    "AttentionOp",
    "AttentionOpBase",
    "BlockDiagonalMask",
    "Inputs",
    "LowerTriangularMask",
    "MemoryEfficientAttentionCutlassFwdFlashBwOp",
    "MemoryEfficientAttentionCutlassOp",
    "MemoryEfficientAttentionFlashAttentionOp",
    "attn_bias",
    "memory_efficient_attention",
    "memory_efficient_attention_forward",
    "memory_efficient_attention_forward_requires_grad",
]


def memory_efficient_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_bias: Optional[Union[Tensor, AttentionBias]] = None,
    p: float = 0.0,
    scale: Optional[float] = None,
    *,
    op: Any = None,
    output_dtype: Optional[torch.dtype] = None,
) -> Tensor:
    """softmax(query @ keyᵀ * scale + bias) @ value, in the layout of the query.

    scale: 1/√dim where none is given. p: dropout of the weights. ``op`` chose a kernel; torch
    chooses its own. Raises ValueError for shapes that do not fit, NotImplementedError for a bias
    that is not known here.
    """
    out = attention(query, key, value, attn_bias, p, scale)
    return out if output_dtype is None else out.to(output_dtype)


def memory_efficient_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_bias: Optional[Union[Tensor, AttentionBias]] = None,
    p: float = 0.0,
    scale: Optional[float] = None,
    *,
    op: Any = None,
    output_dtype: Optional[torch.dtype] = None,
) -> Tensor:
    """As ``memory_efficient_attention``, without a backward pass."""
    with torch.no_grad():
        return memory_efficient_attention(
            query, key, value, attn_bias, p, scale, output_dtype=output_dtype
        )


def memory_efficient_attention_forward_requires_grad(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_bias: Optional[Union[Tensor, AttentionBias]] = None,
    p: float = 0.0,
    scale: Optional[float] = None,
    *,
    op: Any = None,
    output_dtype: Optional[torch.dtype] = None,
) -> tuple[Tensor, Tensor]:
    """The output and the log-sum-exp of each query's scores, [batch, heads, tokens], float32."""
    if p != 0.0:
        raise NotImplementedError("dropout is not supported where the log-sum-exp is asked for")
    out = memory_efficient_attention_forward(
        query, key, value, attn_bias, p, scale, output_dtype=output_dtype
    )
    return out, log_sum_exp(query, key, attn_bias, scale)
