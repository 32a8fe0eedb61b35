"""The flash kernels that torch's own attention uses, called as flash-attn calls them.

They are private operators of torch: their arguments are read from their schemas, and before the first
use of each kind on a device they are held, forward and backward, against ``_plain``. Whatever goes
wrong there, ``_plain`` computes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import torch
from torch import Tensor

from . import _plain

if TYPE_CHECKING:
    from ._attend import Lengths, Rule

_HALF = (torch.float16, torch.bfloat16)
_proved: Dict[Tuple[Any, ...], bool] = {}


def serves(q: Tensor, v: Tensor, lengths: Optional[Lengths], rule: Rule) -> bool:
    """Half precision on a GPU, and no rule that torch's kernels do not know."""
    dim = q.shape[-1]
    if q.device.type != "cuda" or q.dtype not in _HALF or rule.softcap or rule.slopes is not None:
        return False
    if dim != v.shape[-1] or dim % 8 or dim > 256 or q.numel() == 0 or v.numel() == 0:
        return False
    return not torch.compiler.is_compiling() and _proven(q, v, lengths is not None, rule)


def attention(q: Tensor, k: Tensor, v: Tensor, lengths: Optional[Lengths], rule: Rule) -> Tensor:
    if lengths is None:
        starts: Tuple[Optional[Tensor], Optional[Tensor]] = (None, None)
        most = q.shape[1], k.shape[1]
    else:
        starts = lengths.queries.to(q.device).int(), lengths.keys.to(q.device).int()
        most = lengths.most_queries, lengths.most_keys
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    given = {
        "query": q, "key": k, "value": v, "cum_seq_q": starts[0], "cum_seq_k": starts[1],
        "max_q": most[0], "max_k": most[1], "dropout_p": rule.dropout,
        "is_causal": rule.left < 0 and rule.right == 0, "return_debug_mask": False,
        "scale": rule.scale,
    }  # fmt: skip
    if rule.left >= 0 or rule.right > 0:
        given.update(window_size_left=rule.left, window_size_right=rule.right)
    operator = torch.ops.aten._flash_attention_forward.default
    known = {argument.name for argument in operator._schema.arguments}
    if not known >= given.keys():
        raise RuntimeError(f"torch {torch.__version__}: no {sorted(given.keys() - known)}")
    out: Tensor = operator(**given)[0]
    return out


def _proven(q: Tensor, v: Tensor, varlen: bool, rule: Rule) -> bool:
    grouped = q.shape[-2] != v.shape[-2]
    kind = (varlen, rule.left >= 0, min(rule.right, 1), grouped)
    key = (q.device, q.dtype, q.shape[-1], *kind)
    if key not in _proved:
        try:
            _proved[key] = _agrees(q, varlen, rule, grouped)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:
            _proved[key] = False
            lines = str(error).splitlines() or [type(error).__name__]
            logging.getLogger("flash_attn").warning(
                "flash_attn (gpufix): torch's flash kernel is not used: %s", lines[0][:300]
            )
    return _proved[key]


def _agrees(like: Tensor, varlen: bool, rule: Rule, grouped: bool) -> bool:
    """Results and gradients of a few small sequences, some with more queries than keys."""
    from ._attend import Lengths

    small = rule._replace(
        dropout=0.0, left=min(rule.left, 5), right=min(rule.right, 3), scale=like.shape[-1] ** -0.5
    )
    made = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, like.shape[-1], generator=made).to(like.device, like.dtype)

    heads = 4, 2 if grouped else 4
    tries: List[Tuple[Tensor, Tensor, Tensor, Optional[Lengths]]] = []
    if varlen:
        starts = ([0, 3, 20, 21, 61], [0, 30, 40, 41, 81])
        places = [torch.tensor(s, dtype=torch.int32, device=like.device) for s in starts]
        lengths = Lengths(places[0], places[1], 40, 40)
        tries.append((draw(61, heads[0]), draw(81, heads[1]), draw(81, heads[1]), lengths))
    else:
        for queries, keys in ((40, 40), (17, 70), (1, 9), (33, 20)):
            tries.append(
                (draw(2, queries, heads[0]), draw(2, keys, heads[1]), draw(2, keys, heads[1]), None)
            )
    for *qkv, given in tries:
        results = []
        with torch.enable_grad(), torch.autocast("cuda", enabled=False):
            for plain in (False, True):
                q, k, v = (t.detach().clone().requires_grad_() for t in qkv)
                if plain:
                    out = _plain.attention(q, k, v, given, small, False)[0]
                else:
                    out = attention(q, k, v, given, small)
                loss = (
                    out * torch.linspace(-1, 1, out.numel(), device=out.device).view_as(out)
                ).sum()
                results.append((out, *torch.autograd.grad(loss, (q, k, v))))
        if not all(torch.allclose(a, b, rtol=5e-2, atol=5e-2) for a, b in zip(*results)):
            return False
    return True
