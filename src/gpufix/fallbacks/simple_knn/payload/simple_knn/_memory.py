"""How much memory a step may take, and what happens when that was too much."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")

MOST = 512 << 20  # bytes
SHARE = 8  # of the free memory


def budget(device: torch.device) -> int:
    """Bytes for passing results on this device: an eighth of what is free, 512 MiB at most."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    else:
        free = _free_host_memory()
    return min(MOST, free // SHARE)


def _free_host_memory() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on every system
        return SHARE * MOST


def is_out_of_memory(error: RuntimeError) -> bool:
    """torch's own error on a GPU; on the CPU it is a RuntimeError like any other."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    return "DefaultCPUAllocator" in str(error)


def halving(work: Callable[[int], T], size: int, least: int) -> T:
    """``work(size)``, with half the size again and again while memory runs out.

    Raises the error of the last try once ``size`` is down to ``least``.
    """
    while True:
        try:
            return work(size)
        except RuntimeError as error:
            if size <= least or not is_out_of_memory(error):
                raise
        size = max(size // 2, least)
