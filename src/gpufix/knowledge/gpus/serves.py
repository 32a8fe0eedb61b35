"""Which machine code and which PTX serve which GPU under which driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from gpufix.frozen import Frozen
from gpufix.knowledge.gpus.architectures import (
    Arch,
    CudaArch,
    GfxArch,
    completions,
    cubin_serves,
    hip_serves,
    parse_arch,
    ptx_serves,
)

CUDA_OF_PTX: dict[tuple[int, int], tuple[int, int]] = {
    (6, 3): (10, 0),
    (6, 4): (10, 1),
    (6, 5): (10, 2),
    **{(7, minor): (11, minor) for minor in range(9)},
    **{(8, minor): (12, minor) for minor in range(6)},
    (8, 6): (12, 7),
    (8, 7): (12, 8),
    (8, 8): (12, 9),
    **{(9, minor): (13, minor) for minor in range(6)},
}
_OLDEST, _NEWEST = min(CUDA_OF_PTX), max(CUDA_OF_PTX)


def cuda_of_ptx(isa: tuple[int, int]) -> tuple[int, int] | None:
    """The first CUDA that reads this PTX ISA; of older ISAs 10.0's will do; None = not known."""
    return CUDA_OF_PTX[_OLDEST] if isa < _OLDEST else CUDA_OF_PTX.get(isa)


def driver_reads(isa: tuple[int, int], driver_cuda: tuple[int, int]) -> bool | None:
    """Whether a driver for `driver_cuda` (nvidia-smi's "CUDA Version") compiles this PTX ISA.

    None for an ISA newer than the table, on a driver newer than the table.
    """
    needed = cuda_of_ptx(isa)
    if needed is not None:
        return needed <= driver_cuda
    return False if driver_cuda <= CUDA_OF_PTX[_NEWEST] else None


def parse_version(text: str) -> tuple[int, int]:
    """ "12.8" -> (12, 8), "13" -> (13, 0). Raises ValueError."""
    major, _, rest = text.partition(".")
    return int(major), int(rest.partition(".")[0] or 0)


Status = Literal["native", "jit", "too new", "none", "unknown"]


class ServingCode(Protocol):
    """One kind of GPU code: kind "cubin", "ptx", "hip" or another; ptx_version "8.4" or None."""

    @property
    def kind(self) -> str: ...
    @property
    def arch(self) -> str: ...
    @property
    def ptx_version(self) -> str | None: ...


class Named(Frozen):
    """Code known by name only, as in torch.cuda.get_arch_list(): no PTX version."""

    kind: str
    arch: str
    ptx_version: str | None = None


class Coverage(Frozen):
    """status, the code that decides it ("sm_86", "PTX sm_80"), and one clause that says why.

    "too new": PTX that the driver cannot compile is all there is.
    needs_cuda: the code is PTX that only a driver for this CUDA ("13.0") or a newer one compiles.
    """

    status: Status
    by: str | None
    why: str
    needs_cuda: str | None = None


def codes(names: Iterable[str]) -> list[Named]:
    """ "sm_90", "compute_90", "9.0+PTX", "gfx90a" as code. Raises ValueError for other names."""
    found: list[Named] = []
    for name in names:
        arch = parse_arch(name)
        if isinstance(arch, GfxArch):
            found.append(Named("hip", str(arch)))
            continue
        prefix = name.strip().lower()
        if not prefix.startswith("compute"):
            found.append(Named("lto" if prefix.startswith("lto") else "cubin", arch.name))
        if arch.ptx:
            found.append(Named("ptx", arch.name))
    return found


def serves(
    code: Sequence[ServingCode],
    target: str | Arch,
    driver_cuda: str | None = None,
    build_cuda: str | None = None,
) -> Coverage:
    """What `code` is to `target` ("sm_120", "gfx1101"); of a host-only library this must not be asked.

    driver_cuda: what the driver supports, "12.8"; without it the driver is taken to read any PTX.
    build_cuda: the toolkit that built the code, for Jetson. Raises ValueError for a bad target.
    """
    device = parse_arch(target) if isinstance(target, str) else target
    if isinstance(device, GfxArch):
        return _hip(code, device)
    cubin = _cubin(code, device, build_cuda)
    if cubin and cubin.status == "native":
        return cubin
    ptx = _ptx(code, device, driver_cuda)
    return ptx if cubin is None or ptx.status == "jit" else cubin


def _arch(item: ServingCode) -> Arch | None:
    try:
        return parse_arch(item.arch)
    except ValueError:
        return None


def _cubin(code: Sequence[ServingCode], device: CudaArch, build: str | None) -> Coverage | None:
    archs = [
        arch for item in code if item.kind == "cubin" and isinstance(arch := _arch(item), CudaArch)
    ]
    built = parse_version(build) if build else None
    verdicts = [(cubin_serves(arch, device, built), arch) for arch in archs]
    # The closest one below is what the driver picks.
    fits = max((arch for verdict, arch in verdicts if verdict), default=None)
    if fits:
        return Coverage("native", fits.name, f"machine code for {fits.name}")
    unsure = max((arch for verdict, arch in verdicts if verdict is None), default=None)
    if unsure:
        why = f"{unsure.name} code runs on this Jetson when built with CUDA 13.2 or newer"
        return Coverage("unknown", unsure.name, why)
    return None


def _ptx(code: Sequence[ServingCode], device: CudaArch, driver: str | None) -> Coverage:
    """The driver compiles the PTX for the newest architecture that fits, or none: what is older in
    the same container is no way out (launched with driver 580: error 222)."""
    fitting = [
        (arch, _isa(item))
        for item in sorted((item for item in code if item.kind == "ptx"), key=_newest_first)
        if isinstance(arch := _arch(item), CudaArch) and ptx_serves(arch, device)
    ]
    refused: Coverage | None = None
    for arch, isa in (row for row in fitting if row[0] == fitting[0][0]):
        by = f"PTX {arch.name}"
        verdict = driver_reads(isa, parse_version(driver)) if driver and isa else True
        if verdict or isa is None:
            return Coverage("jit", by, f"compiled from {by} at first use", _needs(isa))
        refused = refused or _too_new(by, isa, verdict, driver)
    return refused or _nothing(code, device)


def _too_new(by: str, isa: tuple[int, int], verdict: bool | None, driver: str | None) -> Coverage:
    needs = _needs(isa)
    what = f"CUDA {needs}" if needs else "a newer CUDA than is known"
    why = f"{by} of ISA {isa[0]}.{isa[1]} needs a driver for {what}, this one is for {driver}"
    return Coverage("too new" if verdict is False else "unknown", by, why, needs)


def _needs(isa: tuple[int, int] | None) -> str | None:
    """The CUDA of the oldest driver that compiles an ISA."""
    cuda = cuda_of_ptx(isa) if isa else None
    return f"{cuda[0]}.{cuda[1]}" if cuda else None


def _newest_first(item: ServingCode) -> tuple[int, int]:
    arch = _arch(item)
    return (-arch.major, -arch.minor) if isinstance(arch, CudaArch) else (0, 0)


def _isa(item: ServingCode) -> tuple[int, int] | None:
    try:
        return parse_version(item.ptx_version) if item.ptx_version else None
    except ValueError:
        return None


def _hip(code: Sequence[ServingCode], device: GfxArch) -> Coverage:
    archs = [
        arch for item in code if item.kind == "hip" and isinstance(arch := _arch(item), GfxArch)
    ]
    for arch in sorted(archs, key=lambda arch: arch.name.endswith("-generic")):
        if hip_serves(arch, device):
            return Coverage("native", str(arch), f"code object for {arch}")
    if any(hip_serves(arch, device) is None for arch in archs):
        return _hip_by_features(archs, device)
    return _nothing(code, device)


def _hip_by_features(archs: list[GfxArch], device: GfxArch) -> Coverage:
    """The device's name leaves features open: what holds for all its full names holds for it."""
    full = completions(device)
    if all(any(hip_serves(arch, name) for arch in archs) for name in full):
        return Coverage("native", device.name, "code objects for each setting of its features")
    fits = next(arch for arch in archs if hip_serves(arch, device) is None)
    return Coverage("unknown", str(fits), f"whether this device runs code for {fits} is not known")


def _nothing(code: Sequence[ServingCode], device: Arch) -> Coverage:
    ours = ("hip", "spirv", "bitcode") if isinstance(device, GfxArch) else ("cubin", "ptx", "lto")
    open_kinds = {"other", "spirv", "lto", "bitcode"}
    unsure = sorted(
        {item.kind for item in code if item.kind in open_kinds and item.kind in (*ours, "other")}
    )
    if unsure:
        return Coverage("unknown", None, f"nothing but {', '.join(unsure)} might serve it")
    held = sorted(
        {
            f"PTX {item.arch}" if item.kind == "ptx" else item.arch
            for item in code
            if item.kind in ours
        }
    )
    return Coverage(
        "none", None, f"holds code for {', '.join(held)}" if held else "no code for this vendor"
    )
