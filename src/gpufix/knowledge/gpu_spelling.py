"""Spellings of an architecture: sm_120, compute_90, 12.0, 9.0a, 120, gfx90a:xnack-."""

from __future__ import annotations

import re

from gpufix.knowledge.compat_arch import Arch, GfxArch, parse_arch
from gpufix.knowledge.gpu_errors import AmbiguousGpu, UnknownGpu
from gpufix.knowledge.gpu_names import close
from gpufix.knowledge.table import table

_PREFIX = re.compile(r"(?:cc|compute capability)[ _-]*(?=\d)|(?<=sm|te)[ -](?=\d)", re.I)

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
    if text.lower() == "90a":
        raise AmbiguousGpu(text, [("sm_90a", "NVIDIA Hopper"), ("gfx90a", "AMD MI200")])
    arch = _parsed(_PREFIX.sub("", text))
    if arch is not None:
        name = _RENAMED.get(str(arch), str(arch))
        return _checked(text, name, arch.name if isinstance(arch, GfxArch) else name)
    if is_known(f"gfx{text.lower()}"):
        raise UnknownGpu(text, [f"gfx{text.lower()}"])
    return None


def _parsed(text: str) -> Arch | None:
    try:
        return parse_arch(text)
    except ValueError:
        return None


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
