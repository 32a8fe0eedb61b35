"""Sequences that stand one after the other in one tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Optional, Sequence

import torch
from torch import Tensor


@dataclass
class _SeqLenInfo:
    """Where each sequence begins in a tensor that holds them one after the other."""

    seqstart: Tensor  # int32, one more than there are sequences
    max_seqlen: int
    min_seqlen: int
    seqstart_py: list[int]

    @classmethod
    def from_seqlens(cls, seqlens: Iterable[int], device: Any = None) -> _SeqLenInfo:
        """From their lengths."""
        starts, lengths = [0], [int(n) for n in seqlens]
        for length in lengths:
            if length < 0:
                raise ValueError("a sequence cannot have fewer than 0 tokens")
            starts.append(starts[-1] + length)
        longest, shortest = max(lengths, default=0), min(lengths, default=0)
        return cls(
            torch.tensor(starts, dtype=torch.int32, device=device), longest, shortest, starts
        )

    @property
    def lengths(self) -> list[int]:
        """Of each sequence."""
        return [b - a for a, b in self.intervals()]

    def intervals(self) -> Iterator[tuple[int, int]]:
        """First and past-the-last token of each."""
        yield from zip(self.seqstart_py, self.seqstart_py[1:])

    def to(self, device: Any) -> _SeqLenInfo:
        """With its tensor on a device; kept there, so that a second call copies nothing."""
        if self.seqstart.device != torch.device(device):
            self.seqstart = self.seqstart.to(device, non_blocking=True)
        return self

    def split(self, x: Tensor, batch_sizes: Optional[Sequence[int]] = None) -> list[Tensor]:
        """``x`` [1, tokens, ...] into one tensor a sequence, or a batch of equal ones."""
        if x.shape[0] != 1 or self.seqstart_py[-1] != x.shape[1]:
            raise ValueError(f"expected [1, {self.seqstart_py[-1]}, ...], not {list(x.shape)}")
        sizes = [1] * (len(self.seqstart_py) - 1) if batch_sizes is None else list(batch_sizes)
        out, at = [], 0
        for size in sizes:
            begin, end = self.seqstart_py[at], self.seqstart_py[at + size]
            out.append(x[:, begin:end].reshape(size, -1, *x.shape[2:]))
            at += size
        return out
