"""Spellings of an architecture: sm_120, compute_90, 12.0, 9.0a, 120, gfx90a:xnack-."""

from __future__ import annotations

import re

from gpufix.knowledge.gpu_errors import AmbiguousGpu, UnknownGpu
from gpufix.knowledge.gpu_names import close
from gpufix.knowledge.table import table

_SM = re.compile(r"(?:sm|compute|sm_|compute_|cc |cc)[ _-]?(\d{2,3})([af]?)", re.I)
_CC = re.compile(r"(?:cc ?|compute capability )?(\d{1,2})\.(\d)([af]?)", re.I)
_BARE = re.compile(r"(\d{2,3})([af]?)", re.I)
_GFX = re.compile(r"(gfx[0-9a-f]{3,4})((?::(?:sramecc|xnack)[+-])*)", re.I)

# CUDA 12.8 and 12.9 call Thor 10.1; it is the same chip (torch/cuda/__init__.py, 2.15).
_RENAMED = {"sm_101": "sm_110", "sm_101a": "sm_110a", "sm_101f": "sm_110f"}


def arch_of_spelling(text: str) -> str | None:
    """ "12.0a" -> "sm_120a", "GFX1101" -> "gfx1101". None when it is no such spelling.

    Raises UnknownGpu for a spelling of something that is not a GPU, AmbiguousGpu for "90a".
    """
    if re.search(r"\+ptx$", text, re.I):
        raise UnknownGpu(
            text,
            [text[: -len("+ptx")].strip()],
            "+PTX says what a build embeds, not which GPU must be served",
        )
    if re.fullmatch(r"gfx[\w-]+-generic", text, re.I):
        raise UnknownGpu(text, reason="a generic target is code that several GPUs run, not a GPU")
    if found := _GFX.fullmatch(text):
        return _checked(text, found[0].lower(), found[1].lower())
    if text.lower() == "90a":
        raise AmbiguousGpu(text, [("sm_90a", "NVIDIA Hopper"), ("gfx90a", "AMD MI200")])
    if found := _SM.fullmatch(text) or _BARE.fullmatch(text):
        arch = f"sm_{found[1]}{found[2].lower()}"
    elif found := _CC.fullmatch(text):
        arch = f"sm_{found[1]}{found[2]}{found[3].lower()}"
    elif is_known(f"gfx{text.lower()}"):
        raise UnknownGpu(text, [f"gfx{text.lower()}"])
    else:
        return None
    arch = _RENAMED.get(arch, arch)
    return _checked(text, arch, arch)


def is_known(arch: str) -> bool:
    """Whether an architecture (without features) is in the tables."""
    if arch.startswith("gfx"):
        return arch in table("gpus")["amd"]
    return arch.removeprefix("sm_") in table("cuda_toolkits")["sm"]


def _checked(text: str, arch: str, base: str) -> str:
    if not is_known(base):
        raise UnknownGpu(text, _near(base))
    return arch


def _near(base: str) -> list[str]:
    digits = base.removeprefix("sm_").removeprefix("gfx")
    known = [f"sm_{sm}" for sm in table("cuda_toolkits")["sm"]] + list(table("gpus")["amd"])
    same = [arch for arch in known if arch in (f"gfx{digits}", f"sm_{digits.rstrip('af')}")]
    return same or close(base, known, 0.75)
