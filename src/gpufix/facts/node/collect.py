"""The facts of a node, for the preflight: nothing is run on a GPU, and no right is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import gpufix
from gpufix.facts.context import CollectContext
from gpufix.facts.machine import gpus, network, operating_system
from gpufix.facts.machine.gpus import AMD, NVIDIA, PciDevice, display_devices
from gpufix.facts.machine.nvidia import present
from gpufix.facts.node import amd, fabric, kernel_log, limits, pci, rdma
from gpufix.facts.node.nvml import NvmlAnswer, ask_health
from gpufix.facts.node.unread import Unread
from gpufix.facts.python import environment
from gpufix.frozen import Frozen
from gpufix.model import (
    Driver,
    Environment,
    Facts,
    Host,
    Network,
    Node,
    PciGpu,
    RdmaCounters,
)

T = TypeVar("T")
NVML_SECONDS = 1.1  # so that a whole look takes 1.5 s where NVML hangs, and cannot be killed


class Looked(Frozen):
    """A node, and its drivers, of which NVML has been asked on the way."""

    node: Node
    drivers: list[Driver]


def collect(ctx: CollectContext, seconds: float = NVML_SECONDS) -> Facts:
    """A node without any environment. What cannot be read is a gap. `seconds`: for NVML."""
    ctx.progress("network")
    found = ctx.attempt("network", lambda: network.collect(ctx), Network())
    looked = look(ctx, seconds)
    variables = ctx.attempt("environment", lambda: environment.collect(ctx, None), Environment())
    unknown = Host(os="?", kernel="?", machine="?")
    return Facts(
        gpufix_version=gpufix.__version__,
        host=ctx.attempt("host", lambda: operating_system.collect(ctx, None), unknown),
        drivers=looked.drivers,
        environment=variables,
        network=found,
        node=looked.node,
        gaps=list(ctx.gaps),
    )


def look(ctx: CollectContext, seconds: float) -> Looked:
    """`seconds`: how long NVML may take."""
    parts = _Parts()
    ctx.progress("counters of ports")
    before = parts.one("rdma", lambda: rdma.sample(ctx))
    ctx.progress("GPUs on the bus")
    devices = parts.one("pci", lambda: display_devices(ctx)) or []
    buses = parts.one("pci", lambda: pci.collect(ctx, devices))
    ctx.progress("NVML")
    answer = parts.one("gpus", lambda: _nvidia(ctx, devices, buses or [], seconds))
    answer = answer or NvmlAnswer({})
    ctx.progress("AMD's GPUs")
    of_amd = parts.one("gpus", lambda: amd.collect(ctx))
    ctx.progress("kernel log")
    node = Node(
        uptime=parts.one("uptime", lambda: limits.uptime(ctx)),
        virtual=parts.one("virtual", lambda: limits.virtual(ctx)),
        gpus=None if answer.gpus is None or of_amd is None else [*answer.gpus, *of_amd],
        pci=None if buses is None else [_opened(gpu, answer) for gpu in buses],
        look=answer.look,
        fabric=parts.one("fabric", lambda: fabric.collect(ctx)),
        log=parts.one("log", lambda: kernel_log.collect(ctx)),
        rdma=parts.one("rdma", lambda: _counters(ctx, before)),
        acs=parts.one("acs", lambda: pci.redirecting(ctx, buses or [])),
        peermem=limits.peermem(ctx),
        modprobe=ctx.at("/usr/bin/nvidia-modprobe").exists(),
        shm=parts.one("shm", lambda: limits.shm(ctx)),
        memlock=parts.one("memlock", lambda: limits.memlock(ctx)),
        numa_nodes=parts.one("numa_nodes", lambda: limits.numa_nodes(ctx)),
        numa_balancing=limits.numa_balancing(ctx),
        unread={**answer.unread, **parts.unread},
    )
    return Looked(node, _drivers(ctx, devices, answer))


class _Parts:
    """Collectors, of which one that cannot look, or crashes, does not stop the others."""

    def __init__(self) -> None:
        self.unread: dict[str, str] = {}

    def one(self, name: str, collector: Callable[[], T]) -> T | None:
        """What it finds; None, and why, where it could not look."""
        try:
            return collector()
        except Unread as reason:
            self.unread[name] = str(reason)
        except Exception as error:
            self.unread[name] = f"the collector crashed: {error!r}"
        return None


def _counters(ctx: CollectContext, before: rdma.Sample | None) -> dict[str, RdmaCounters]:
    if before is None:
        raise Unread("the first sample failed")
    return rdma.compared(before, rdma.sample(ctx))


def _nvidia(
    ctx: CollectContext, devices: list[PciDevice], buses: list[PciGpu], seconds: float
) -> NvmlAnswer:
    """NVML is not started where nothing speaks of NVIDIA."""
    on_bus = sum(device.vendor == NVIDIA for device in devices)
    if not present(ctx, on_bus):
        return NvmlAnswer({}, gpus=[])
    return ask_health(ctx, pci.nodes(ctx, buses), seconds)


def _drivers(ctx: CollectContext, devices: list[PciDevice], answer: NvmlAnswer) -> list[Driver]:
    of_nvidia = [device for device in devices if device.vendor == NVIDIA]
    drivers = []
    if of_nvidia or answer.survey:
        drivers.append(gpus.nvidia_driver(ctx, answer.survey, of_nvidia))
    of_amd = sum(device.vendor == AMD for device in devices)
    if of_amd:
        drivers.append(gpus.amd_driver(ctx, (), of_amd))
    return drivers


def _opened(gpu: PciGpu, answer: NvmlAnswer) -> PciGpu:
    opens = (answer.opens or {}).get(gpu.address)
    return replace(gpu, opens=opens) if opens else gpu
