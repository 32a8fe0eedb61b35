"""Biases that are described, not stored: causal, local and block-diagonal ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Union

import torch
from torch import Tensor

from ._seqlens import _SeqLenInfo


class AttentionBias:
    """Something that is added to the scores. ``materialize`` writes it out, for tests and debugging."""

    HOLDS_DENSE_TENSOR = False

    def materialize(
        self,
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
        device: Union[str, torch.device] = "cpu",
    ) -> Tensor:
        """The bias as a tensor of ``shape`` = [..., queries, keys]: 0 where it allows, else -inf."""
        seen = self.allowed(int(shape[-2]), int(shape[-1]), torch.device(device))
        bias = torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill_(~seen, -math.inf)
        return bias.expand(tuple(shape))

    def allowed(self, queries: int, keys: int, device: torch.device) -> Tensor:
        """Which key each query sees, as a bool matrix [queries, keys]."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of single keys")


@dataclass(frozen=True)
class LowerTriangularMask(AttentionBias):
    """Query i sees keys 0 … i: counted from the first of both."""

    def allowed(self, queries: int, keys: int, device: torch.device) -> Tensor:
        """The lower triangle, at the top left."""
        return _band(queries, keys, device, 0, None, 0)

    def to(self, device: Any) -> LowerTriangularMask:
        """The same: it holds no tensor."""
        return self

    def add_bias(self, bias: Tensor) -> LowerTriangularMaskWithTensorBias:
        """Causal, and ``bias`` added to the scores."""
        return LowerTriangularMaskWithTensorBias(bias)

    def make_local_attention(self, window_size: int) -> LocalAttentionFromBottomRightMask:
        """Each query sees its last ``window_size`` keys."""
        return LocalAttentionFromBottomRightMask(window_size - 1, 0)


@dataclass(frozen=True)
class LowerTriangularFromBottomRightMask(LowerTriangularMask):
    """Query i sees keys up to i + keys - queries: counted from the last of both."""

    def allowed(self, queries: int, keys: int, device: torch.device) -> Tensor:
        """The lower triangle, at the bottom right."""
        return _band(queries, keys, device, keys - queries, None, 0)


@dataclass(frozen=True)
class LowerTriangularMaskWithTensorBias(LowerTriangularMask):
    """Causal, and a tensor added to the scores."""

    _bias: Tensor
    HOLDS_DENSE_TENSOR = True

    def materialize(
        self,
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
        device: Union[str, torch.device] = "cpu",
    ) -> Tensor:
        """Both together."""
        return super().materialize(shape, dtype, device) + self._bias.to(device, dtype)


@dataclass(frozen=True)
class LocalAttentionFromBottomRightMask(AttentionBias):
    """Each query sees ``window_left`` keys before its own and ``window_right`` after it."""

    window_left: int
    window_right: int

    def __post_init__(self) -> None:
        if self.window_left < 0 or self.window_right < 0:
            raise ValueError("the window reaches 0 or more keys to each side")

    def allowed(self, queries: int, keys: int, device: torch.device) -> Tensor:
        """A band that ends at the bottom right."""
        shift = keys - queries
        return _band(queries, keys, device, shift, self.window_left, self.window_right)

    def to(self, device: Any) -> LocalAttentionFromBottomRightMask:
        """The same: it holds no tensor."""
        return self


@dataclass(frozen=True)
class LowerTriangularFromBottomRightLocalAttentionMask(LowerTriangularFromBottomRightMask):
    """Each query sees its last ``_window_size`` keys, counted from the last of both."""

    _window_size: int

    def __post_init__(self) -> None:
        if self._window_size < 1:
            raise ValueError("the window holds at least one key")

    def allowed(self, queries: int, keys: int, device: torch.device) -> Tensor:
        """A band below the diagonal."""
        return _band(queries, keys, device, keys - queries, self._window_size - 1, 0)


@dataclass
class BlockDiagonalMask(AttentionBias):
    """Sequence i of the queries sees sequence i of the keys, and nothing else.

    Queries and keys are [1, all tokens, ...]. Make it with ``from_seqlens`` or ``from_tensor_list``.
    """

    q_seqinfo: _SeqLenInfo
    k_seqinfo: _SeqLenInfo
    _batch_sizes: Optional[Sequence[int]] = field(default=None)

    def block(self, queries: int, keys: int) -> Optional[AttentionBias]:
        """The bias inside one block; None = all is seen."""
        return None

    def allowed(self, queries: int, keys: int, device: torch.device) -> Tensor:
        """Block by block."""
        seen = torch.zeros(queries, keys, dtype=torch.bool, device=device)
        blocks = zip(self.q_seqinfo.intervals(), self.k_seqinfo.intervals())
        for (q0, q1), (k0, k1) in blocks:
            inner = self.block(q1 - q0, k1 - k0)
            seen[q0:q1, k0:k1] = True if inner is None else inner.allowed(q1 - q0, k1 - k0, device)
        return seen

    @classmethod
    def from_seqlens(
        cls,
        q_seqlen: Sequence[int],
        kv_seqlen: Optional[Sequence[int]] = None,
        *,
        device: Any = None,
    ) -> BlockDiagonalMask:
        """From the lengths; those of the keys are the queries' where none are given."""
        if kv_seqlen is not None and len(q_seqlen) != len(kv_seqlen):
            raise ValueError(f"{len(q_seqlen)} query and {len(kv_seqlen)} key sequences")
        queries = _SeqLenInfo.from_seqlens(q_seqlen, device)
        same = kv_seqlen is None or list(kv_seqlen) == list(q_seqlen)
        keys = queries if same else _SeqLenInfo.from_seqlens(kv_seqlen or (), device)
        return cls(q_seqinfo=queries, k_seqinfo=keys)

    @classmethod
    def from_tensor_list(cls, tensors: Sequence[Tensor]) -> tuple[BlockDiagonalMask, Tensor]:
        """From tensors [batch, tokens, ...]; also all of them in one, [1, all tokens, ...]."""
        sizes = [t.shape[0] for t in tensors]
        lengths = [t.shape[1] for t in tensors for _ in range(t.shape[0])]
        mask = cls.from_seqlens(lengths)
        mask._batch_sizes = sizes
        return mask, torch.cat([t.reshape(1, -1, *t.shape[2:]) for t in tensors], dim=1)

    @classmethod
    def from_tensor_lists_qkv(
        cls,
        tensors_q: Sequence[Tensor],
        tensors_k: Sequence[Tensor],
        tensors_v: Optional[Sequence[Tensor]] = None,
    ) -> tuple[BlockDiagonalMask, Tensor, Tensor, Optional[Tensor]]:
        """The same for queries and keys of their own lengths, and values of the keys'."""
        if len(tensors_q) != len(tensors_k):
            raise ValueError(f"{len(tensors_q)} tensors of queries, {len(tensors_k)} of keys")
        if any(q.shape[0] != k.shape[0] for q, k in zip(tensors_q, tensors_k)):
            raise ValueError("queries and keys differ in batch size")
        queries, q = cls.from_tensor_list(tensors_q)
        keys, k = cls.from_tensor_list(tensors_k)
        values = None if tensors_v is None else cls.from_tensor_list(tensors_v)[1]
        mask = cls(queries.q_seqinfo, keys.q_seqinfo, queries._batch_sizes)
        return mask, q, k, values

    def split_queries(self, tensor: Tensor) -> Sequence[Tensor]:
        """A result in the queries' layout, taken apart."""
        return self.q_seqinfo.split(tensor, self._batch_sizes)

    def split_kv(self, tensor: Tensor) -> Sequence[Tensor]:
        """A tensor in the keys' layout, taken apart."""
        return self.k_seqinfo.split(tensor, self._batch_sizes)

    def split(self, tensor: Tensor) -> Sequence[Tensor]:
        """As ``split_queries``, where queries and keys have the same lengths."""
        if self.q_seqinfo is not self.k_seqinfo:
            raise ValueError("queries and keys differ: use split_queries or split_kv")
        return self.q_seqinfo.split(tensor, self._batch_sizes)

    def to(self, device: Any) -> BlockDiagonalMask:
        """With its tensors on a device."""
        self.q_seqinfo.to(device)
        self.k_seqinfo.to(device)
        return self

    def make_causal(self) -> BlockDiagonalCausalMask:
        """Causal in each block, from its first query and key."""
        return BlockDiagonalCausalMask(self.q_seqinfo, self.k_seqinfo, self._batch_sizes)

    def make_causal_from_bottomright(self) -> BlockDiagonalCausalFromBottomRightMask:
        """Causal in each block, from its last query and key."""
        made = BlockDiagonalCausalFromBottomRightMask
        return made(self.q_seqinfo, self.k_seqinfo, self._batch_sizes)

    def make_local_attention(self, window_size: int) -> BlockDiagonalCausalLocalAttentionMask:
        """Causal in each block, and no farther back than the window."""
        made = BlockDiagonalCausalLocalAttentionMask
        return made(self.q_seqinfo, self.k_seqinfo, self._batch_sizes, window_size)


@dataclass
class BlockDiagonalCausalMask(BlockDiagonalMask):
    """Causal in each block, from its first query and key."""

    def block(self, queries: int, keys: int) -> AttentionBias:
        """Of one block."""
        return LowerTriangularMask()


@dataclass
class BlockDiagonalCausalFromBottomRightMask(BlockDiagonalMask):
    """Causal in each block, from its last query and key; no block has more queries than keys."""

    def __post_init__(self) -> None:
        pairs = zip(self.q_seqinfo.lengths, self.k_seqinfo.lengths)
        if any(queries > keys for queries, keys in pairs):
            raise ValueError("a block has more queries than keys: the first of them would see none")

    def block(self, queries: int, keys: int) -> AttentionBias:
        """Of one block."""
        return LowerTriangularFromBottomRightMask()


@dataclass
class BlockDiagonalCausalLocalAttentionMask(BlockDiagonalCausalMask):
    """Causal in each block, from its first query and key, and no farther back than the window."""

    _window_size: int = 0

    def __post_init__(self) -> None:
        if self._window_size < 1:
            raise ValueError("the window holds at least one key")

    def block(self, queries: int, keys: int) -> AttentionBias:
        """Of one block: a band from the top left, however many keys there are."""
        return _TopLeftBand(self._window_size)


@dataclass(frozen=True)
class _TopLeftBand(AttentionBias):
    window: int

    def allowed(self, queries: int, keys: int, device: torch.device) -> Tensor:
        return _band(queries, keys, device, 0, self.window - 1, 0)


def _band(
    queries: int, keys: int, device: torch.device, shift: int, left: Optional[int], right: int
) -> Tensor:
    """Keys from ``left`` before (None: all) to ``right`` after query + shift."""
    own = torch.arange(queries, device=device)[:, None] + shift
    key = torch.arange(keys, device=device)[None, :]
    seen = key <= own + right
    return seen if left is None else seen & (key >= own - left)
