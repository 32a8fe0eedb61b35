"""The names of xformers' cutlass kernels. torch chooses among its own."""

from __future__ import annotations

import torch

from .common import AttentionBwOpBase, AttentionFwOpBase

_DTYPES = frozenset({torch.float, torch.half, torch.bfloat16})


class FwOp(AttentionFwOpBase):
    """The forward kernel's name."""

    NAME = "cutlassF"
    SUPPORTED_DTYPES = _DTYPES


class BwOp(AttentionBwOpBase):
    """The backward kernel's name."""

    NAME = "cutlassB"
    SUPPORTED_DTYPES = _DTYPES
