"""The GPU drivers: user-space library, kernel module, device nodes and who may open them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gpufix.facts.context import Context
from gpufix.facts.files import read, text
from gpufix.facts.libcuda import reachable
from gpufix.facts.programs import shown
from gpufix.model import Driver

_NVIDIA_NODES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvmap", "nvhost-gpu", "nvgpu/igpu0/as")
_VERSION = re.compile(r"(?<![\w.])(\d{3,4}\.\d+(?:\.\d+)?)(?![\w.])")


def nvidia_driver(ctx: Context, survey: dict[str, Any], pci_devices: int) -> Driver:
    """NVIDIA's driver. `survey` is NVML's answer, {} when there was none."""
    library = reachable(ctx, "libcuda.so.1")
    nodes = [n for pattern in _NVIDIA_NODES for n in sorted(ctx.at("/dev").glob(pattern))]
    if ctx.at("/usr/lib/wsl/lib").exists():  # WSL2: every GPU is behind this one node
        nodes += ctx.at("/dev").glob("dxg")
    error, cuda = survey.get("error"), survey.get("cuda")
    return Driver(
        vendor="nvidia",
        version=_user_version(library) or _known(survey.get("driver")),
        kernel_version=_kernel_version(ctx),
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if isinstance(cuda, int) else None,
        library=shown(ctx, library) if library else None,
        library_is_stub=library is not None and _is_stub(library),
        pci_devices=pci_devices,
        error=text(str(error)[:300]) if error else None,
        nodes=[shown(ctx, n) for n in nodes],
        denied=_denied(ctx, nodes),
    )


def amd_driver(ctx: Context, minors: Iterable[int], pci_devices: int) -> Driver:
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


def _denied(ctx: Context, nodes: Iterable[Path]) -> list[str]:
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


def _kernel_version(ctx: Context) -> str | None:
    line = _line(ctx.at("/proc/driver/nvidia/version")) or ""
    found = _VERSION.search(line)
    return found[1] if found else _known(_line(ctx.at("/sys/module/nvidia/version")))


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
