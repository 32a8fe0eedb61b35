"""GPU architectures in the spellings of nvcc, torch and hipcc, and how they relate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

# Jetson and DRIVE parts, whose machine code is not that of discrete GPUs of the same major.
TEGRA = frozenset({53, 62, 72, 87})
# From CUDA 13.2, code for these runs on the Jetson of the same major as well.
UNIFIED, UNIFIED_SINCE = frozenset({70, 80, 86}), (13, 2)
# Devices that share what "f" code may use.
FAMILIES = (frozenset({100, 103, 107}), frozenset({110}), frozenset({120, 121}))

GENERIC_MEMBERS = {
    "gfx9-generic": ("gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"),
    "gfx9-4-generic": ("gfx940", "gfx941", "gfx942", "gfx950"),
    "gfx10-1-generic": ("gfx1010", "gfx1011", "gfx1012", "gfx1013"),
    "gfx10-3-generic": tuple(f"gfx103{n}" for n in range(7)),
    "gfx11-generic": tuple(f"gfx11{n}" for n in ("00", "01", "02", "03", "50", "51", "52", "53")),
    "gfx12-generic": ("gfx1200", "gfx1201"),
}


def _chip(arch: CudaArch) -> int:
    """CUDA 12.8 and 12.9 call Thor 10.1, CUDA 13 calls it 11.0."""
    return 110 if arch.number == 101 else arch.number


def _same_family(code: int, device: int) -> bool:
    return code == device or any(code in family and device in family for family in FAMILIES)


def cubin_serves(
    code: CudaArch, device: CudaArch, build_cuda: tuple[int, int] | None = None
) -> bool | None:
    """Whether machine code for `code` runs on `device`; the device's variant means nothing.

    build_cuda: the CUDA version it was built with. None (unknown) only where that decides.
    """
    have, want = _chip(code), _chip(device)
    if code.variant == "a" or have == want:
        return have == want
    if have // 10 != want // 10 or have > want:
        return False
    if code.variant == "f":
        return _same_family(have, want)
    if want in TEGRA and have in UNIFIED:
        return build_cuda >= UNIFIED_SINCE if build_cuda else None
    return have not in TEGRA and want not in TEGRA


def ptx_serves(code: CudaArch, device: CudaArch) -> bool:
    """Whether PTX for `code` can be compiled for `device`, by a driver that knows its version."""
    want = _chip(device)
    if code.variant == "a":
        return _chip(code) == want
    if code.variant == "f":
        return _same_family(_chip(code), want) and _chip(code) <= want
    # As plain PTX sm_101 is what its number says: it also compiles for 10.3.
    return code.number <= want


def hip_serves(code: GfxArch, device: GfxArch) -> bool | None:
    """Whether a code object for `code` runs on `device`.

    None when that hangs on a feature (xnack, sramecc) of which the device's name says nothing, and
    for generic targets that we do not know.
    """
    if code.name != device.name:
        if not code.name.endswith("-generic"):
            return False
        members = GENERIC_MEMBERS.get(code.name)
        if members is None:
            return None
        if device.name not in members:
            return False
    return _features_fit(dict(code.features), dict(device.features))


def _features_fit(wanted: dict[str, str], present: dict[str, str]) -> bool | None:
    if any(present.get(name, sign) != sign for name, sign in wanted.items()):
        return False
    return True if wanted.keys() <= present.keys() else None


def completions(device: GfxArch) -> list[GfxArch]:
    """All full names of a device of which not every feature is given."""
    given = dict(device.features)
    open_features = [name for name in ("sramecc", "xnack") if name not in given]
    return [
        GfxArch(
            device.name,
            tuple(sorted({**given, **dict(zip(open_features, signs, strict=True))}.items())),
        )
        for signs in product("+-", repeat=len(open_features))
    ]


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


@dataclass(frozen=True, slots=True)
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
