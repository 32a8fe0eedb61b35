"""GPUs of all vendors, and their drivers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from gpufix.facts.context import CollectContext
from gpufix.facts.machine import amd, nvidia
from gpufix.facts.machine.nvidia import reachable
from gpufix.facts.reading import read, text
from gpufix.facts.toolchain.programs import shown
from gpufix.frozen import Frozen
from gpufix.model import Driver, Gpu

_NVIDIA_NODES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvmap", "nvhost-gpu", "nvgpu/igpu0/as")
_VERSION = re.compile(r"(?<![\w.])(\d{3,4}\.\d+(?:\.\d+)?)(?![\w.])")


def nvidia_driver(
    ctx: CollectContext, survey: dict[str, Any], on_bus: Sequence[PciDevice]
) -> Driver:
    """NVIDIA's driver. `survey` is NVML's answer, {} when there was none."""
    library = reachable(ctx, "libcuda.so.1")
    nodes = [n for pattern in _NVIDIA_NODES for n in sorted(ctx.at("/dev").glob(pattern))]
    if ctx.at("/usr/lib/wsl/lib").exists():  # WSL2: every GPU is behind this one node
        nodes += ctx.at("/dev").glob("dxg")
    cuda, error = nvidia.said_of_driver(survey)
    return Driver(
        vendor="nvidia",
        version=_user_version(library) or _known(survey.get("driver")),
        kernel_version=_kernel_version(ctx),
        flavour=_flavour(ctx),
        cuda=cuda,
        library=shown(ctx, library) if library else None,
        library_is_stub=library is not None and _is_stub(library),
        pci_devices=len(on_bus),
        pci_ids=[f"{d.device:04x}" for d in on_bus if d.driver in (None, "nvidia")],
        error=error,
        nodes=[shown(ctx, n) for n in nodes],
        denied=_denied(ctx, nodes),
    )


def amd_driver(ctx: CollectContext, minors: Iterable[int], pci_devices: int) -> Driver:
    """AMD's kernel driver. `minors` are the render nodes of its devices."""
    nodes = [ctx.at("/dev/kfd"), *(ctx.at(f"/dev/dri/renderD{m}") for m in minors)]
    there = [node for node in nodes if node.exists()]
    return Driver(
        vendor="amd",
        # The module in the kernel's own tree has no version: only AMD's DKMS package sets one.
        kernel_version=_line(ctx.at("/sys/module/amdgpu/version")),
        pci_devices=pci_devices,
        nodes=[shown(ctx, n) for n in there],
        denied=_denied(ctx, there),
    )


def _denied(ctx: CollectContext, nodes: Iterable[Path]) -> list[str]:
    return [shown(ctx, n) for n in nodes if not os.access(n, os.R_OK | os.W_OK)]


def _user_version(library: Path | None) -> str | None:
    """From the name behind libcuda.so.1: libcuda.so.570.86.10. WSL2's has no version in it."""
    if library is None:
        return None
    try:
        name = library.resolve().name
    except (OSError, RuntimeError):
        return None
    found = re.fullmatch(r"libcuda\.so\.(\d{3,4}\.\d+(?:\.\d+)?)", name)
    return found[1] if found else None


def _kernel_version(ctx: CollectContext) -> str | None:
    line = _line(ctx.at("/proc/driver/nvidia/version")) or ""
    found = _VERSION.search(line)
    return found[1] if found else _known(_line(ctx.at("/sys/module/nvidia/version")))


def _flavour(ctx: CollectContext) -> Literal["open", "proprietary"] | None:
    """Of the loaded module, by its own words, else by the kernel's taint letters (P: proprietary).

    None without a gap: none is loaded, as in WSL2. In a container both files are the host's.
    """
    own = ctx.at("/proc/driver/nvidia/version")
    line = _line(own) or ""
    if "Open Kernel Module" in line:
        return "open"
    if "Kernel Module" in line:
        return "proprietary"
    taint = _line(ctx.at("/sys/module/nvidia/taint")) or ""
    if "O" in taint:
        return "proprietary" if "P" in taint else "open"
    if own.exists():
        ctx.gap("gpus", own, "the flavour of the kernel module cannot be read")
    return None


def _known(version: object) -> str | None:
    """A driver version, or `None` for anything else that was said in its place."""
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else None


def _is_stub(library: Path) -> bool:
    """The toolkit's stubs folder serves linking alone: its library fails every call."""
    try:
        real = library.resolve()
    except (OSError, RuntimeError):
        real = library
    return "stubs" in library.parts or "stubs" in real.parts


def _line(path: Path) -> str | None:
    try:
        lines = text(read(path, 4096)).splitlines()
    except OSError:
        return None
    return lines[0].strip() or None if lines else None


NVIDIA, AMD = 0x10DE, 0x1002

# Classes 0x0300 (VGA), 0x0302 (3D), 0x0380 (other display); Instinct cards since MI300 are
# processing accelerators (0x1200). PCI Code and ID Assignment, base classes 03h and 12h.
_DISPLAY = {0x0300, 0x0302, 0x0380, 0x1200}


class PciDevice(Frozen):
    """One function on the bus. `driver` is the kernel module bound to it."""

    address: str
    vendor: int
    device: int
    driver: str | None


def display_devices(ctx: CollectContext) -> list[PciDevice]:
    """GPUs of NVIDIA and AMD on the bus, by address; empty without /sys."""
    base = ctx.at("/sys/bus/pci/devices")
    try:
        folders = sorted(base.iterdir())
    except OSError:
        return []
    found = (_device(folder) for folder in folders)
    return [device for device in found if device]


def _device(folder: Path) -> PciDevice | None:
    try:
        if _number(folder / "class") >> 8 not in _DISPLAY:
            return None
        vendor = _number(folder / "vendor")
        device = _number(folder / "device")
    except (OSError, ValueError):  # a device may leave the bus while it is read
        return None
    if vendor not in (NVIDIA, AMD):
        return None
    try:
        driver = (folder / "driver").readlink().name
    except OSError:
        driver = None
    return PciDevice(folder.name, vendor, device, driver)


def _number(path: Path) -> int:
    return int(read(path, 64), 16)


def collect(ctx: CollectContext) -> tuple[list[Gpu], list[Driver]]:
    """NVIDIA's devices, then AMD's. A vendor without any sign of itself costs no process."""
    bus = display_devices(ctx)
    of_nvidia = [device for device in bus if device.vendor == NVIDIA]
    gpus: list[Gpu] = []
    found: list[Driver] = []
    of_amd = len(bus) - len(of_nvidia)
    for devices, driver in (_nvidia(ctx, of_nvidia), _amd(ctx, of_amd)):
        gpus += devices
        found += [driver] if driver else []
    return gpus, found


def _nvidia(ctx: CollectContext, on_bus: Sequence[PciDevice]) -> tuple[list[Gpu], Driver | None]:
    if not nvidia.present(ctx, len(on_bus)):
        return [], None
    survey = nvidia.ask_nvml(ctx)
    devices = nvidia.from_nvml(ctx, survey) or nvidia.from_proc(ctx)
    return devices, nvidia_driver(ctx, survey, on_bus)


def _amd(ctx: CollectContext, on_bus: int) -> tuple[list[Gpu], Driver | None]:
    found = amd.nodes(ctx)
    if not found and not on_bus and not ctx.at("/dev/kfd").exists():
        return [], None
    minors = [node.minor for node in found]
    return amd.collect(ctx, found), amd_driver(ctx, minors, on_bus)
