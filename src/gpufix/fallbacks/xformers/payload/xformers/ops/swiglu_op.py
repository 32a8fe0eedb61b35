"""SwiGLU: two linear maps, one gated by the other's SiLU, and a third."""

from __future__ import annotations

from typing import Optional

from torch import Tensor, nn
from torch.nn import functional


def swiglu(
    x: Tensor,
    w1: Tensor,
    b1: Optional[Tensor],
    w2: Tensor,
    b2: Optional[Tensor],
    w3: Tensor,
    b3: Optional[Tensor],
    *,
    op: object = None,
) -> Tensor:
    """``linear(silu(linear(x, w1)) * linear(x, w2), w3)``; ``op`` chose a kernel, and is not used."""
    gate, value = functional.linear(x, w1, b1), functional.linear(x, w2, b2)
    return functional.linear(functional.silu(gate) * value, w3, b3)


class SwiGLU(nn.Module):
    """The layer; ``w12`` holds both first maps when ``_pack_weights``, as checkpoints expect."""

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        out_features: Optional[int] = None,
        bias: bool = True,
        *,
        _pack_weights: bool = True,
    ) -> None:
        super().__init__()
        out_features = out_features or in_features
        self.w12: Optional[nn.Linear] = None
        if _pack_weights:
            self.w12 = nn.Linear(in_features, 2 * hidden_features, bias=bias)
        else:
            self.w1 = nn.Linear(in_features, hidden_features, bias=bias)
            self.w2 = nn.Linear(in_features, hidden_features, bias=bias)
        self.w3 = nn.Linear(hidden_features, out_features, bias=bias)
        self.in_features, self.hidden_features = in_features, hidden_features
        self.out_features, self.op = out_features, None

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape [..., in_features]."""
        if self.w12 is not None:
            gate, value = self.w12(x).chunk(2, dim=-1)
        else:
            gate, value = self.w1(x), self.w2(x)
        out: Tensor = self.w3(functional.silu(gate) * value)
        return out

    def _ordered_params(self) -> tuple[Optional[Tensor], ...]:
        if self.w12 is None:
            return (self.w1.weight, self.w1.bias, self.w2.weight, self.w2.bias, *self._last())
        w1, w2 = self.w12.weight.unflatten(0, (2, -1)).unbind(0)
        halves = (None, None) if self.w12.bias is None else self.w12.bias.chunk(2)
        return (w1, halves[0], w2, halves[1], *self._last())

    def _last(self) -> tuple[Tensor, Optional[Tensor]]:
        return self.w3.weight, self.w3.bias
