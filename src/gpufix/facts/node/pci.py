"""GPUs on the bus: who drives them, whether they answer, how their memory is translated."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.machine.gpus import NVIDIA, PciDevice
from gpufix.facts.node.unread import Unread
from gpufix.facts.reading import read, text_of, why
from gpufix.model import PciGpu

_DEVICES = "/sys/bus/pci/devices"
_SWITCH = "0x068000"  # PCI class of NVSwitch: another bridge
_ACS, _SOURCE_VALIDATION = 0x000D, 0x01  # extended capability, bit of its control register
_MINOR = re.compile(r"^Device Minor:\s*(\d+)", re.M)
# What a GPU that is gone answers to every read.
_GONE = b"\xff" * 4


def collect(ctx: CollectContext, devices: Iterable[PciDevice]) -> list[PciGpu]:
    """`devices`: those of NVIDIA and AMD."""
    return [_gpu(ctx, device) for device in devices]


def _gpu(ctx: CollectContext, device: PciDevice) -> PciGpu:
    nvidia = device.vendor == NVIDIA
    return PciGpu(
        address=device.address,
        vendor="nvidia" if nvidia else "amd",
        driver=device.driver,
        alive=_alive(ctx, device.address),
        iommu=_iommu(ctx, device.address),
        node=_node(ctx, device.address) if nvidia else None,
    )


def _alive(ctx: CollectContext, address: str) -> bool | None:
    try:
        return read(ctx.at(f"{_DEVICES}/{address}/config"), 4) != _GONE
    except OSError:
        return None


def _iommu(ctx: CollectContext, address: str) -> str | None:
    group = ctx.at(f"{_DEVICES}/{address}/iommu_group")
    if not group.exists():
        return "none"
    return text_of(group / "type", 64).strip() or None


def _node(ctx: CollectContext, address: str) -> str | None:
    about = text_of(ctx.at(f"/proc/driver/nvidia/gpus/{address}/information"), 4096)
    minor = _MINOR.search(about)
    return f"/dev/nvidia{minor[1]}" if minor else None


def nodes(ctx: CollectContext, gpus: Iterable[PciGpu]) -> Mapping[str, str]:
    """By address, the device nodes that are there."""
    return {g.address: g.node for g in gpus if g.node and ctx.at(g.node).exists()}


def switches(ctx: CollectContext) -> int:
    """NVSwitches on the bus."""
    try:
        folders = list(ctx.at(_DEVICES).iterdir())
    except OSError as error:
        raise Unread(f"{_DEVICES}: {why(error)}") from None
    return sum(
        text_of(folder / "vendor", 16).strip() == "0x10de"
        and text_of(folder / "class", 16).strip() == _SWITCH
        for folder in folders
    )


def redirecting(ctx: CollectContext, gpus: Iterable[PciGpu]) -> list[str]:
    """Bridges above GPUs whose ACS sends peers' traffic through the root."""
    found: dict[str, bool] = {}
    for gpu in gpus:
        real = Path(os.path.realpath(ctx.at(f"{_DEVICES}/{gpu.address}")))
        for bridge in real.parents:
            if not re.fullmatch(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", bridge.name):
                break
            if bridge.name not in found:
                state = _validates(bridge / "config")
                if state is None:
                    raise Unread("the kernel shows these registers to root only")
                found[bridge.name] = state
    return sorted(name for name, on in found.items() if on)


def _validates(path: Path) -> bool | None:
    """Without rights the kernel shows the first 64 bytes, which hold no extended capability."""
    try:
        space = read(path, 4096)
    except OSError:
        return None
    if len(space) <= 64:
        return None
    at = 0x100 if len(space) > 0x100 else 0
    for _ in range(64):
        if not at or at + 8 > len(space):
            return False
        head = int.from_bytes(space[at : at + 4], "little")
        if head & 0xFFFF == _ACS:
            return bool(space[at + 6] & _SOURCE_VALIDATION)
        at = head >> 20
    return False
