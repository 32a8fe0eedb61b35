"""AMD's GPUs, as the kernel's KFD topology lists them."""

from __future__ import annotations

from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.machine.nvidia import process_name
from gpufix.facts.reading import read, text, text_of, why
from gpufix.frozen import Frozen
from gpufix.model import Gpu, GpuProcess

_TABLES = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")
_LIMIT = 1 << 20  # bytes


def product_name(ctx: CollectContext, minor: int, device: int) -> str | None:
    """The name of the device behind /dev/dri/renderD<minor>; `None` when nothing tells it."""
    folder = ctx.at(f"/sys/class/drm/renderD{minor}/device")
    # Only boards with an FRU chip have one, mostly Instinct and PRO.
    own = text_of(folder / "product_name", _LIMIT).strip()
    return own or _listed(ctx, device, text_of(folder / "revision", _LIMIT).strip())


def _listed(ctx: CollectContext, device: int, revision: str) -> str | None:
    """Rows are "744C,\\tC8,\\tAMD Radeon RX 7900 XTX": device, revision and name."""
    for table in _TABLES:
        for line in text_of(ctx.at(table), _LIMIT).splitlines():
            row = [part.strip() for part in line.split(",", 2)]
            if len(row) == 3 and _hex(row[0]) == device and _hex(row[1]) == _hex(revision):
                return row[2] or None
    return None


def _hex(word: str) -> int | None:
    try:
        return int(word, 16)
    except ValueError:
        return None


_TOPOLOGY = "/sys/class/kfd/kfd/topology/nodes"
_LOCAL_HEAPS = {1, 2}  # KFD_TOPOLOGY heap types: frame buffer public and private; 0 is system RAM
# Processors that exist as part of a CPU alone (LLVM, User Guide for AMDGPU, "Processors").
_APUS = {"gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1103"}
_APUS |= {"gfx1150", "gfx1151", "gfx1152", "gfx1153"}


class Node(Frozen):
    """One GPU of the topology. `minor` is its render node's number."""

    folder: Path
    properties: dict[str, int]
    gpu_id: str

    @property
    def minor(self) -> int:
        return self.properties.get("drm_render_minor", -1)


def gfx(version: int) -> str | None:
    """KFD's gfx_target_version as LLVM's name: 90010 -> gfx90a, 110501 -> gfx1151; 0 -> None.

    The name is the major version in decimal, minor and stepping each as one hexadecimal digit.
    """
    major, minor, stepping = version // 10000, version // 100 % 100, version % 100
    if major <= 0 or minor > 15 or stepping > 15:
        return None
    return f"gfx{major}{minor:x}{stepping:x}"


def nodes(ctx: CollectContext) -> list[Node]:
    """GPU nodes in the kernel's order, which is HIP's. CPU nodes have no SIMDs."""
    base = ctx.at(_TOPOLOGY)
    try:
        names = sorted((f.name for f in base.iterdir() if f.name.isdecimal()), key=int)[:512]
    except OSError:
        return []
    found = []
    for name in names:
        try:
            properties = _properties(base / name / "properties")
            gpu_id = text(read(base / name / "gpu_id", 64)).strip()
        except OSError as error:  # a container's device list may withhold a GPU
            ctx.gap("gpus", f"{_TOPOLOGY}/{name}", why(error))
            continue
        if properties.get("simd_count", 0) > 0:
            found.append(Node(base / name, properties, gpu_id))
    return found


def collect(ctx: CollectContext, found: list[Node]) -> list[Gpu]:
    """One Gpu per node."""
    return [_gpu(ctx, node, index) for index, node in enumerate(found)]


def _gpu(ctx: CollectContext, node: Node, index: int) -> Gpu:
    arch = gfx(node.properties.get("gfx_target_version", 0))
    integrated = node.properties.get("cpu_cores_count", 0) > 0 or arch in _APUS
    total = _local_memory(node)
    used = _number(ctx.at(f"/sys/class/drm/renderD{node.minor}/device/mem_info_vram_used"))
    # An APU's pool is shared with the CPU: video memory in use says nothing about what is free.
    known = total is not None and used is not None and not integrated
    return Gpu(
        vendor="amd",
        index=index,
        name=product_name(ctx, node.minor, node.properties.get("device_id", 0)),
        arch=arch,
        memory_total=total,
        memory_free=max(0, total - used) if known and total and used is not None else None,
        integrated=integrated,
        processes=_processes(ctx, node.gpu_id),
        source="kfd",
    )


def _local_memory(node: Node) -> int | None:
    """Bytes of the node's own memory banks; `None` when it lists none."""
    sizes = []
    for bank in sorted((node.folder / "mem_banks").glob("*/properties"))[:64]:
        try:
            properties = _properties(bank)
        except OSError:
            continue
        if properties.get("heap_type") in _LOCAL_HEAPS:
            sizes.append(properties.get("size_in_bytes", 0))
    return sum(sizes) or None


def _processes(ctx: CollectContext, gpu_id: str) -> list[GpuProcess]:
    """Who holds video memory on this GPU: /sys/class/kfd/kfd/proc/PID/vram_GPUID, in bytes."""
    held = []
    for file in sorted(ctx.at("/sys/class/kfd/kfd/proc").glob(f"*/vram_{gpu_id}"))[:1024]:
        memory = _number(file)
        if file.parent.name.isdecimal() and memory:
            pid = int(file.parent.name)
            held.append(GpuProcess(pid=pid, name=process_name(ctx, pid), memory=memory))
    return held


def _properties(path: Path) -> dict[str, int]:
    rows = (line.split() for line in text(read(path, 65536)).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}


def _number(path: Path) -> int | None:
    try:
        return int(read(path, 64))
    except (OSError, ValueError):
        return None
