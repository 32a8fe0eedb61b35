"""AMD's GPUs from the kernel's topology."""

from __future__ import annotations

import pytest
from machine import kfd_node, pci, write

from gpufix.facts.context import CollectContext
from gpufix.facts.machine import amd, gpus

CPU = {"cpu_cores_count": 16, "simd_count": 0, "gfx_target_version": 0}
RX7900 = {
    "cpu_cores_count": 0,
    "simd_count": 192,
    "gfx_target_version": 110000,
    "device_id": 0x744C,
    "drm_render_minor": 128,
    "local_memory": 24 << 30,
}


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (0, None),
        (90010, "gfx90a"),
        (90012, "gfx90c"),
        (90402, "gfx942"),
        (90500, "gfx950"),
        (100306, "gfx1036"),
        (110501, "gfx1151"),
        (120001, "gfx1201"),
        (120500, "gfx1250"),
        (90099, None),
    ],
)
def test_gfx(version: int, name: str | None):
    assert amd.gfx(version) == name


def test_a_machine_without_gpu(ctx: CollectContext):
    kfd_node(ctx.root, 0, **CPU)
    assert gpus.collect(ctx) == ([], [])


def test_card_and_apu(ctx: CollectContext):
    kfd_node(ctx.root, 0, **CPU)
    kfd_node(ctx.root, 1, **RX7900)
    kfd_node(ctx.root, 10, **{**RX7900, "gfx_target_version": 100306, "drm_render_minor": 129})
    kfd_node(ctx.root, 2, **{**RX7900, "gfx_target_version": 90012, "cpu_cores_count": 8})
    write(ctx.root, "/sys/class/drm/renderD128/device/mem_info_vram_used", f"{1 << 30}\n")
    write(ctx.root, "/sys/class/drm/renderD128/device/revision", "0xc8\n")
    rows = "1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n"
    write(ctx.root, "/usr/share/libdrm/amdgpu.ids", rows)
    devices, _ = gpus.collect(ctx)
    assert [(g.index, g.arch, g.integrated, g.source) for g in devices] == [
        (0, "gfx1100", False, "kfd"),
        (1, "gfx90c", True, "kfd"),
        (2, "gfx1036", True, "kfd"),
    ]
    assert devices[0].name == "AMD Radeon RX 7900 XTX"
    assert (devices[0].memory_total, devices[0].memory_free) == (24 << 30, 23 << 30)
    assert devices[1].memory_free is None


def test_the_boards_own_name_comes_first(ctx: CollectContext):
    kfd_node(ctx.root, 1, **RX7900)
    write(ctx.root, "/sys/class/drm/renderD128/device/product_name", "AMD Instinct MI300X OAM\n")
    assert gpus.collect(ctx)[0][0].name == "AMD Instinct MI300X OAM"


def test_who_holds_memory(ctx: CollectContext):
    kfd_node(ctx.root, 1, **RX7900)
    write(ctx.root, "/sys/class/kfd/kfd/proc/321/vram_1001", f"{3 << 30}\n")
    write(ctx.root, "/sys/class/kfd/kfd/proc/322/vram_1001", "0\n")
    write(ctx.root, "/sys/class/kfd/kfd/proc/323/vram_1002", "5\n")
    assert [(p.pid, p.memory) for p in gpus.collect(ctx)[0][0].processes] == [(321, 3 << 30)]


def test_driver_nodes(ctx: CollectContext, monkeypatch: pytest.MonkeyPatch):
    kfd_node(ctx.root, 1, **RX7900)
    pci(ctx.root, "0000:03:00.0", 0x1002, device=0x744C)
    for node in ("/dev/kfd", "/dev/dri/renderD128", "/dev/dri/renderD129"):
        write(ctx.root, node)
    monkeypatch.setattr("os.access", lambda path, mode: "render" not in str(path))
    (driver,) = gpus.collect(ctx)[1]
    assert driver.nodes == ["/dev/kfd", "/dev/dri/renderD128"]
    assert driver.denied == ["/dev/dri/renderD128"]
    assert driver.pci_devices == 1


def test_on_the_bus_but_without_driver(ctx: CollectContext):
    pci(ctx.root, "0000:03:00.0", 0x1002, kind=0x120000)
    devices, (driver,) = gpus.collect(ctx)
    assert devices == []
    assert (driver.vendor, driver.pci_devices, driver.nodes) == ("amd", 1, [])


@pytest.mark.parametrize(
    "rows", ["", "\xff\xfe", "simd_count x\n", "simd_count -5 7\n" * 9, "a" * 70000]
)
def test_strange_properties(ctx: CollectContext, rows: str):
    write(ctx.root, "/sys/class/kfd/kfd/topology/nodes/0/properties", rows)
    write(ctx.root, "/sys/class/kfd/kfd/topology/nodes/0/gpu_id", "x")
    write(ctx.root, "/sys/class/kfd/kfd/topology/nodes/junk/properties", "simd_count 1")
    assert gpus.collect(ctx)[0] == []


def test_a_withheld_node_is_a_gap(ctx: CollectContext):
    ctx.at("/sys/class/kfd/kfd/topology/nodes/3/properties").mkdir(parents=True)
    assert gpus.collect(ctx)[0] == []
    assert [g.subject for g in ctx.gaps] == ["/sys/class/kfd/kfd/topology/nodes/3"]
