"""Which GPU code runs on which GPU: NVIDIA machine code and PTX, AMD code objects.

Sources: CUDA Blackwell compatibility guide 1.2 (machine code within a major, PTX forward); DEVICE_REQUIREMENT
in torch/cuda/__init__.py of torch 2.15.0 (Jetson, Thor, CUDA 13.2); 39 PTX targets put through ptxas 13.5 for
26 architectures ("a", "f", 10.1 = 11.0); LLVM AMDGPUUsage (features, generic targets). No GPU was used.
"""

from __future__ import annotations

from itertools import product

from .compat_arch import CudaArch, GfxArch

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
