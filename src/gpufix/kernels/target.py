"""A GPU architecture to compile for, as the command line names it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CUDA = re.compile(r"sm_(\d{2,3})([af]?)(\+ptx)?", re.IGNORECASE)
_HIP = re.compile(r"gfx[0-9a-f]{3,4}")
# Architectures whose bf16 matrix instructions common/matrix.h uses.
_HIP_MATRIX = re.compile(r"gfx(90a|94[0-2]|950|11[0-9a-f]{2}|12[0-9a-f]{2})")


@dataclass(frozen=True)
class Target:
    """``sm_90``, ``sm_120+PTX`` (machine code and PTX) or ``gfx1030``."""

    arch: str
    ptx: bool = False

    @property
    def vendor(self) -> str:
        return "cuda" if self.arch.startswith("sm_") else "hip"

    @property
    def number(self) -> str:
        """``90`` of ``sm_90``: what compute_XX and sm_XX share."""
        return self.arch.removeprefix("sm_")

    @property
    def has_bf16_matrix(self) -> bool:
        """Whether the suite has a bf16 matrix path for it: sm_80 and later, CDNA2+, RDNA3+."""
        if self.vendor == "cuda":
            return int(self.number.rstrip("af")) >= 80
        return _HIP_MATRIX.fullmatch(self.arch) is not None

    def __str__(self) -> str:
        return self.arch + ("+PTX" if self.ptx else "")


def parse_target(text: str) -> Target:
    """Raises ValueError on anything but an architecture of the two vendors."""
    text = text.strip()
    if match := _CUDA.fullmatch(text):
        return Target("sm_" + match[1] + match[2].lower(), ptx=match[3] is not None)
    if _HIP.fullmatch(text):
        return Target(text)
    raise ValueError(f"not a GPU architecture: {text!r} (sm_90, sm_120+PTX, gfx1030)")
