"""For which device, or which CUDA, a file is, as its own path says: requirements-rocm.txt."""

from __future__ import annotations

import re

_STACKS = {"amd": {"rocm", "hip", "amd"}, "nvidia": {"cuda", "cu", "nvidia"}}
_OTHERS = {"cpu", "xpu", "hpu", "npu", "tpu", "mps", "mac", "macos", "metal", "ascend", "intel"}
_WORDS = re.compile(r"[a-z]+")
_RELEASE = re.compile(r"(?:cu|cuda|rocm)[-_]?(\d[\d.]*)")


def for_others(path: str, vendor: str) -> bool:
    """Whether it names another maker's GPUs, or other devices, and not this maker's."""
    words = set(_WORDS.findall(path.lower()))
    mine, theirs = _STACKS[vendor], _STACKS["amd" if vendor == "nvidia" else "nvidia"]
    return words.isdisjoint(mine) and not words.isdisjoint(theirs | _OTHERS)


def for_release(path: str, variant: str) -> bool:
    """Whether it names the CUDA or ROCm of a build itself: requirements-cu121.txt."""
    digits = re.sub(r"\D", "", variant)
    named = (re.sub(r"\D", "", text) for text in _RELEASE.findall(path.lower()))
    return bool(digits) and any(digits.startswith(each) for each in named)
