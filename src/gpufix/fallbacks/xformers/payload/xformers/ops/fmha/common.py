"""Classes by which callers name kernels, and look at what these take. torch chooses its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Union

import torch
from torch import Tensor

from .attn_bias import AttentionBias


@dataclass
class Inputs:
    """What an attention is computed from."""

    query: Tensor
    key: Tensor
    value: Tensor
    attn_bias: Optional[Union[Tensor, AttentionBias]] = None
    p: float = 0.0
    scale: Optional[float] = None
    output_dtype: Optional[torch.dtype] = None
    is_partial: bool = False


class AttentionOpBase:
    """A kernel's name and limits."""

    NAME = "torch"
    SUPPORTED_DEVICES = frozenset({"cuda", "cpu"})
    SUPPORTED_DTYPES: frozenset[torch.dtype] = frozenset(
        {torch.half, torch.bfloat16, torch.float, torch.double}
    )
    SUPPORTS_DROPOUT = True
    SUPPORTS_CUSTOM_SCALE = True
    SUPPORTS_DIFFERENT_VALUE_EMBED = True

    @classmethod
    def is_available(cls) -> bool:
        """torch is."""
        return True

    @classmethod
    def not_supported_reasons(cls, d: Inputs) -> list[str]:
        """None are known."""
        return []

    @classmethod
    def supports(cls, d: Inputs) -> bool:
        """Whatever torch's attention takes."""
        return not cls.not_supported_reasons(d)

    @classmethod
    def info(cls) -> str:
        """For ``xformers.info``."""
        return "available"


class AttentionFwOpBase(AttentionOpBase):
    """Of a forward pass."""


class AttentionBwOpBase(AttentionOpBase):
    """Of a backward pass."""


AttentionOp = Any
