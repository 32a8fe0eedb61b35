"""Blocks of many lengths at once, by the kernels that torch's SDPA itself chooses among.

They are private operators of torch: their arguments are read from their schemas, and before the
first use on a device each is held, forward and backward, against one call a block. Whatever goes
wrong there, blocks are computed by size.
"""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

import torch
from torch import Tensor

from .attn_bias import (
    BlockDiagonalCausalFromBottomRightMask,
    BlockDiagonalCausalMask,
    BlockDiagonalMask,
)

Kernel = Callable[[Tensor, Tensor, Tensor, BlockDiagonalMask, float, Optional[float]], Tensor]
_HALF = (torch.float16, torch.bfloat16)
# custom_mask_type of the memory-efficient kernel: CausalFromTopLeft = 1, CausalFromBottomRight = 2.
_MASKS: dict[type[BlockDiagonalMask], int] = {
    BlockDiagonalMask: 0,
    BlockDiagonalCausalMask: 1,
    BlockDiagonalCausalFromBottomRightMask: 2,
}
_proved: dict[tuple[Any, ...], bool] = {}


def kernel(query: Tensor, value: Tensor, bias: BlockDiagonalMask) -> Optional[Kernel]:
    """The kernel for these tensors; None where blocks must be computed by size."""
    if query.device.type != "cuda" or type(bias) not in _MASKS:
        return None
    if torch.compiler.is_compiling():
        return None
    for candidate, fits in ((_flash, _flash_fits), (_efficient, _efficient_fits)):
        if fits(query, value, bias) and _proven(candidate, query, value, type(bias)):
            return candidate
    return None


def _flash_fits(query: Tensor, value: Tensor, bias: BlockDiagonalMask) -> bool:
    """Half precision, one head dimension; its causal mask is the same only for equal lengths."""
    dim = query.shape[-1]
    aligned = type(bias) is BlockDiagonalMask or bias.q_seqinfo is bias.k_seqinfo
    same = dim == value.shape[-1] and dim % 8 == 0 and dim <= 256
    return query.dtype in _HALF and same and aligned


def _efficient_fits(query: Tensor, value: Tensor, bias: BlockDiagonalMask) -> bool:
    if query.dtype not in (*_HALF, torch.float32):
        return False
    step = 8 if query.dtype in _HALF else 4
    return query.shape[-1] % step == 0 and value.shape[-1] % step == 0


def _flash(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: BlockDiagonalMask,
    p: float,
    scale: Optional[float],
) -> Tensor:
    queries, keys = bias.q_seqinfo.to(query.device), bias.k_seqinfo.to(query.device)
    out: Tensor = _called(
        torch.ops.aten._flash_attention_forward.default,
        query=query[0],
        key=key[0],
        value=value[0],
        cum_seq_q=queries.seqstart,
        cum_seq_k=keys.seqstart,
        max_q=queries.max_seqlen,
        max_k=keys.max_seqlen,
        dropout_p=p,
        is_causal=_MASKS[type(bias)] > 0,
        return_debug_mask=False,
        scale=scale,
    )
    return out.unsqueeze(0)


def _efficient(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: BlockDiagonalMask,
    p: float,
    scale: Optional[float],
) -> Tensor:
    queries, keys = bias.q_seqinfo.to(query.device), bias.k_seqinfo.to(query.device)
    learns = torch.is_grad_enabled() and any(t.requires_grad for t in (query, key, value))
    return _called(
        torch.ops.aten._efficient_attention_forward.default,
        query=query,
        key=key,
        value=value,
        bias=None,
        cu_seqlens_q=queries.seqstart,
        cu_seqlens_k=keys.seqstart,
        max_seqlen_q=queries.max_seqlen,
        max_seqlen_k=keys.max_seqlen,
        dropout_p=p,
        custom_mask_type=_MASKS[type(bias)],
        compute_log_sumexp=learns,
        scale=scale,
    )


def _called(operator: Any, **given: Any) -> Tensor:
    """The operator's first result; of the arguments given, those that this torch's schema has."""
    names = [a.name for a in operator._schema.arguments]
    out: Tensor = operator(**{n: given[n] for n in names if n in given})[0]
    return out


def _proven(candidate: Kernel, query: Tensor, value: Tensor, kind: type[BlockDiagonalMask]) -> bool:
    key = (candidate, kind, query.device, query.dtype, query.shape[-1], value.shape[-1])
    if key not in _proved:
        try:
            _proved[key] = _agrees(candidate, query, value.shape[-1], kind)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:
            _proved[key] = False
            lines = str(error).splitlines() or [type(error).__name__]
            logging.getLogger("xformers").warning(
                "xformers (gpufix): %s is not used: %s", candidate.__name__, lines[0][:300]
            )
    return _proved[key]


def _agrees(candidate: Kernel, like: Tensor, value_dim: int, kind: type[BlockDiagonalMask]) -> bool:
    """Results and gradients of a few small blocks against one call a block."""
    from ._compute import _by_size

    bias = kind.from_seqlens([3, 17, 1, 40], device=like.device)
    made = torch.Generator().manual_seed(0)
    shapes = [(1, 61, 2, dim) for dim in (like.shape[-1], like.shape[-1], value_dim, value_dim)]
    drawn = [torch.randn(s, generator=made).to(like.device, like.dtype) for s in shapes]
    results = []
    with torch.enable_grad(), torch.autocast("cuda", enabled=False):
        for compute in (candidate, _by_size):
            q, k, v = (t.clone().requires_grad_() for t in drawn[:3])
            out = compute(q, k, v, bias, 0.0, None)
            results.append((out, *torch.autograd.grad(out, (q, k, v), drawn[3])))
    close = 1e-3 if like.dtype == torch.float32 else 5e-2
    return all(torch.allclose(a, b, rtol=close, atol=close) for a, b in zip(*results))
