"""The GPUs that programs here can see, and the drivers that serve them."""

from __future__ import annotations

from gpufix.facts import drivers, kfd, nvidia
from gpufix.facts.context import Context
from gpufix.facts.pci import AMD, NVIDIA, display_devices
from gpufix.model import Driver, Gpu


def collect(ctx: Context) -> tuple[list[Gpu], list[Driver]]:
    """NVIDIA's devices, then AMD's. A vendor without any sign of itself costs no process."""
    bus = [device.vendor for device in display_devices(ctx)]
    gpus: list[Gpu] = []
    found: list[Driver] = []
    for devices, driver in (_nvidia(ctx, bus.count(NVIDIA)), _amd(ctx, bus.count(AMD))):
        gpus += devices
        found += [driver] if driver else []
    return gpus, found


def _nvidia(ctx: Context, on_bus: int) -> tuple[list[Gpu], Driver | None]:
    if not nvidia.present(ctx, on_bus):
        return [], None
    survey = nvidia.ask_nvml(ctx)
    devices = nvidia.from_nvml(ctx, survey) or nvidia.from_proc(ctx)
    return devices, drivers.nvidia_driver(ctx, survey, on_bus)


def _amd(ctx: Context, on_bus: int) -> tuple[list[Gpu], Driver | None]:
    found = kfd.nodes(ctx)
    if not found and not on_bus and not ctx.at("/dev/kfd").exists():
        return [], None
    minors = [node.minor for node in found]
    return kfd.collect(ctx, found), drivers.amd_driver(ctx, minors, on_bus)
