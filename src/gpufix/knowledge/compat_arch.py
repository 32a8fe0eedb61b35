"""GPU architectures as code is built for them and as devices have them, in all usual spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CUDA = re.compile(
    r"(?:(?P<prefix>sm|compute|lto)_?)?(?:(?P<major>\d{1,2})\.(?P<minor>\d)|(?P<number>\d{2,3}))"
    r"(?P<variant>[af]?)(?P<ptx>\+ptx)?",
    re.ASCII,
)
_GFX = re.compile(
    r"(?P<name>gfx[0-9]{1,3}[0-9a-f]{2}|gfx[0-9]{1,2}(?:-[0-9])?-generic)"
    r"(?P<features>(?::(?:xnack|sramecc)[+-]){0,2})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class CudaArch:
    """A compute capability. variant: "", "a" (this exact one) or "f" (its family).

    ptx: the spelling names PTX ("compute_90") or PTX as well ("9.0+PTX").
    """

    major: int
    minor: int
    variant: str = ""
    ptx: bool = False

    @property
    def number(self) -> int:
        """120 for 12.0."""
        return self.major * 10 + self.minor

    @property
    def name(self) -> str:
        return f"sm_{self.number}{self.variant}"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class GfxArch:
    """An AMD target id: "gfx90a" and features such as (("xnack", "-"),); absent = any."""

    name: str
    features: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.name + "".join(f":{feature}{sign}" for feature, sign in self.features)


Arch = CudaArch | GfxArch


def parse_arch(text: str) -> Arch:
    """sm_120, compute_90, 12.0, 12.0a, 100f, 9.0+PTX, gfx90a:xnack-, gfx11-generic.

    Raises ValueError for anything else.
    """
    spelling = text.strip().lower()
    if found := _CUDA.fullmatch(spelling):
        number = found["number"]
        major = int(number[:-1]) if number else int(found["major"])
        minor = int(number[-1]) if number else int(found["minor"])
        return CudaArch(
            major, minor, found["variant"], found["prefix"] == "compute" or bool(found["ptx"])
        )
    if found := _GFX.fullmatch(spelling):
        parts = [part for part in found["features"].split(":") if part]
        features = tuple(sorted((part[:-1], part[-1]) for part in parts))
        if len({name for name, _ in features}) == len(features):
            return GfxArch(found["name"], features)
    raise ValueError(f"{text!r} is no GPU architecture")
