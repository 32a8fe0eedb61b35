"""A node's facts: from NVML in whatever state, the bus, the kernel's log, limits, and AMD's files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from machine import kfd_node, pci, write
from node_machines import (
    DEVICE,
    HANGS_AT_ONCE,
    HANGS_LATER,
    LOST,
    MISMATCHED,
    NONE_LISTED,
    NVML,
    RESET,
    node,
)

from gpufix.diagnosis.redaction import redacted
from gpufix.facts.context import CollectContext
from gpufix.facts.node import collect, kernel_log, limits, nvml
from gpufix.facts.node import pci as buses
from gpufix.facts.node.nvml_health import COUNTERS, ONCE
from gpufix.facts.node.unread import Unread
from gpufix.model import Facts, Node


@pytest.fixture
def look(ctx: CollectContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The node with a given nvidia-ml-py (None: not installed)."""

    def looked(source: str | None, seconds: float = 20.0) -> tuple[Node, Facts]:
        node(ctx.root)
        module = None if source is None else str(write(tmp_path, "pynvml.py", source))
        monkeypatch.setattr(nvml, "binding", lambda: module)
        facts = collect.collect(ctx, seconds)
        assert facts.node is not None
        return facts.node, facts

    return looked


def test_a_gpu_as_nvml_describes_it(look: Any) -> None:
    found, facts = look(NVML)
    (gpu,) = found.gpus
    assert (gpu.index, gpu.address, gpu.name, gpu.vbios) == (
        0, "0000:01:00.0", "NVIDIA H200", "96.00.A5.00.1A",
    )  # fmt: skip
    assert (gpu.remapped, gpu.remap_pending, gpu.remap_failure) == (2, False, True)
    assert (gpu.recovery_action, gpu.processes, gpu.memory_used) == (0, 1, 0)
    assert gpu.clock_events == 0x4  # in both samples
    assert (gpu.pcie_replays, gpu.risen) == (100, {"pcie_replays": 7})
    assert set(gpu.unsupported) == {
        "retired_single", "retired_double", "retired_pending", "nvlinks", "nvlink_crc",
        "nvlink_replays", "nvlink_recoveries",
    }  # fmt: skip
    assert gpu.unread["sram_threshold"] == "no permission"
    assert gpu.unread["unrepairable"].startswith("nvidia-ml-py: TypeError")
    assert found.look is not None and 0.1 <= found.look < 5
    assert facts.drivers[0].version == facts.drivers[0].kernel_version == "570.86.10"
    assert facts.drivers[0].cuda == "12.8"


def test_the_rest_of_the_node(look: Any) -> None:
    found, _ = look(NVML)
    ((bus,),) = [found.pci]
    assert (bus.driver, bus.alive, bus.iommu, bus.node, bus.opens) == (
        "nvidia", True, "identity", "/dev/nvidia0", None,
    )  # fmt: skip
    assert (found.uptime, found.virtual, found.memlock) == (86400.5, False, 65536)
    assert (found.numa_nodes, found.numa_balancing, found.peermem) == (2, True, False)
    assert found.shm and found.fabric.switches == 0 and found.rdma == {}
    assert found.unread == {}


def test_lines_of_the_kernels_log(look: Any) -> None:
    xid, init, amd = look(NVML)[0].log.events
    assert (xid.kind, xid.number, xid.address, xid.seconds) == ("xid", 79, "0000:01:00.0", 0.0001)
    assert xid.text == "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus."
    assert (init.kind, init.address) == ("init", "0000:01:00.0")
    assert (amd.kind, amd.address) == ("amd", "0000:c3:00.0")
    assert "2 uncorrectable" in amd.text


def test_nothing_that_names_the_machine_is_kept(look: Any) -> None:
    text = str(redacted(look(NVML)[1]))
    for secret in ("1320021023231", "train.py", "4242", "GPU-", "Serial"):
        assert secret not in text


@pytest.mark.parametrize(
    ("source", "lost", "reset"), [(LOST, True, False), (RESET, False, True)], ids=["lost", "reset"]
)
def test_a_gpu_that_gives_no_access(look: Any, source: str, lost: bool, reset: bool) -> None:
    (gpu,) = look(source)[0].gpus
    assert (gpu.lost, gpu.reset_required) == (lost, reset)
    assert gpu.error in ("GPU is lost", "Reset required")


def test_nvml_that_hangs_is_a_gap_within_its_time(look: Any) -> None:
    begin = time.monotonic()
    found, _ = look(HANGS_AT_ONCE, 0.5)
    assert time.monotonic() - begin < 5
    assert found.gpus is None
    assert found.unread["gpus"] == "NVML did not end within 0.5 s"
    assert found.pci and found.log  # the rest was looked at


def test_what_nvml_said_before_it_hung_counts(look: Any) -> None:
    found, _ = look(HANGS_LATER, 3.0)
    first, second = found.gpus
    assert first.name == "NVIDIA H200" and first.risen is None
    assert second.address is None and second.unread == {}
    assert found.unread["gpus"] == "NVML did not end within 3 s, at GPU 1"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (None, "the nvidia-ml-py module is not installed beside gpufix"),
        (MISMATCHED, "Driver/library version mismatch"),
        ("raise RuntimeError('no such thing')", "RuntimeError: no such thing"),
        ("import os; os._exit(3)", "NVML its process ended with status 3"),
        ("print('not JSON')", "unusable answer"),
        ("print('[1]')", "unusable answer"),
        ('print(\'{"gpu": {"index": 0, "ecc": 1}}\')\n' + MISMATCHED, "mismatch"),
    ],
)
def test_no_list_of_gpus_and_why(look: Any, source: str | None, reason: str) -> None:
    found, _ = look(source)
    assert found.gpus is None
    assert reason in found.unread["gpus"]


def test_a_gpu_that_nvml_does_not_list_is_tried(look: Any) -> None:
    found, _ = look(NONE_LISTED)
    assert found.gpus == []
    assert found.pci[0].opens is not None


def test_no_process_without_a_sign_of_nvidia(
    ctx: CollectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "ask_health", lambda *_: pytest.fail("NVML was started"))
    found = collect.collect(ctx).node
    assert found and found.gpus == [] and found.pci == []
    assert {"log", "uptime", "memlock", "numa_nodes"} <= found.unread.keys()


def test_every_query_fits_the_installed_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A C library that answers 0 to everything: names, signatures and types are the binding's."""
    import pynvml

    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer", lambda _: lambda *_: 0)
    handle = pynvml.c_nvmlDevice_t()
    for names, query in {**COUNTERS, **ONCE}.items():
        assert len(query(pynvml, handle)) == len(names.split()), names


class TestLog:
    def test_a_closed_one(self, ctx: CollectContext) -> None:
        with pytest.raises(Unread, match="/dev/kmsg is closed: No such file"):
            kernel_log.collect(ctx)

    def test_an_empty_one(self, ctx: CollectContext) -> None:
        write(ctx.root, "/dev/kmsg", "")
        with pytest.raises(Unread, match="holds nothing"):
            kernel_log.collect(ctx)


class TestBus:
    def test_a_gpu_that_fell_off_it(self, ctx: CollectContext) -> None:
        pci(ctx.root, "0000:01:00.0", 0x10DE)
        write(ctx.root, f"{DEVICE}/config", b"\xff" * 64)
        (gpu,) = buses.collect(ctx, collect.display_devices(ctx))
        assert (gpu.alive, gpu.iommu, gpu.driver) == (False, "none", None)

    def test_nvswitches(self, ctx: CollectContext) -> None:
        for number in range(4):
            pci(ctx.root, f"0000:0{number}:00.0", 0x10DE, kind=0x068000)
        pci(ctx.root, "0000:05:00.0", 0x10DE, kind=0x030200)
        assert buses.switches(ctx) == 4

    @pytest.mark.parametrize(
        ("space", "found"),
        [
            (bytes(0x100) + bytes([0x0D, 0, 1, 0, 0, 0, 1, 0]) + bytes(0xEF8), ["0000:00:01.0"]),
            (bytes(0x100) + bytes([0x0D, 0, 1, 0, 0, 0, 0, 0]) + bytes(0xEF8), []),
            (bytes(0x100) + bytes([0x01, 0, 1, 0x20]) + bytes(0xFC), []),
        ],
        ids=["on", "off", "not there"],
    )
    def test_acs_of_bridges(self, ctx: CollectContext, space: bytes, found: list[str]) -> None:
        self.below_a_bridge(ctx, space)
        assert buses.redirecting(ctx, buses.collect(ctx, collect.display_devices(ctx))) == found

    def test_acs_is_shown_to_root_only(self, ctx: CollectContext) -> None:
        self.below_a_bridge(ctx, bytes(64))
        with pytest.raises(Unread, match="root"):
            buses.redirecting(ctx, buses.collect(ctx, collect.display_devices(ctx)))

    def below_a_bridge(self, ctx: CollectContext, space: bytes) -> None:
        real = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0"
        write(ctx.root, "/sys/devices/pci0000:00/0000:00:01.0/config", space)
        for name, value in (("vendor", "0x10de"), ("class", "0x030200"), ("device", "0x2335")):
            write(ctx.root, f"{real}/{name}", value)
        folder = ctx.root / "sys/bus/pci/devices"
        folder.mkdir(parents=True)
        (folder / "0000:01:00.0").symlink_to(ctx.root / real[1:])


class TestFabric:
    PACKAGE = (
        "Package: nvidia-fabricmanager-570\nStatus: install ok installed\n"
        "Version: 570.86.15-0ubuntu1\n\nPackage: other\nVersion: 1\n\n"
    )

    def switches(self, root: Path) -> None:
        pci(root, "0000:08:00.0", 0x10DE, kind=0x068000)

    def test_it_runs(self, ctx: CollectContext) -> None:
        self.switches(ctx.root)
        write(ctx.root, "/proc/77/comm", "nv-fabricmanage\n")
        write(ctx.root, "/var/lib/dpkg/status", self.PACKAGE)
        found = collect.fabric.collect(ctx)
        assert (found.switches, found.running, found.version) == (1, True, "570.86.15")

    def test_it_was_removed_and_does_not_run(self, ctx: CollectContext) -> None:
        self.switches(ctx.root)
        write(ctx.root, "/proc/77/comm", "bash\n")
        gone = self.PACKAGE.replace("install ok installed", "deinstall ok config-files")
        write(ctx.root, "/var/lib/dpkg/status", gone)
        found = collect.fabric.collect(ctx)
        assert (found.running, found.version) == (False, None)


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("/proc/cpuinfo", "flags\t: fpu hypervisor\n", True),
        ("/proc/cpuinfo", "flags\t: fpu sse\n", False),
        ("/sys/class/dmi/id/product_name", "KVM\n", True),
        ("/sys/class/dmi/id/sys_vendor", "NVIDIA\n", False),
    ],
)
def test_virtual_machines(ctx: CollectContext, path: str, text: str, found: bool) -> None:
    write(ctx.root, path, text)
    assert limits.virtual(ctx) is found


class TestAmd:
    def card(self, root: Path, version: int = 90402) -> str:
        kfd_node(root, 1, simd_count=304, gfx_target_version=version, drm_render_minor=128)
        bus = "/sys/devices/pci0000:00/0000:00:01.0/0000:05:00.0"
        for width, path in ((16, bus), (8, bus.rpartition("/")[0])):
            write(root, f"{path}/current_link_width", "8\n")
            write(root, f"{path}/max_link_width", f"{width}\n")
        folder = root / "sys/class/drm/renderD128"
        folder.mkdir(parents=True)
        (folder / "device").symlink_to(root / bus[1:])
        write(root, f"{bus}/mem_info_vram_used", "1048576\n")
        write(root, f"{bus}/hwmon/hwmon3/temp1_input", "41000\n")
        write(root, f"{bus}/ras/umc_err_count", "ue: 1\nce: 7\n")
        pages = "0x00000001 : 0x00001000 : R\n0x00000002 : 0x00001000 : F\n"
        write(root, f"{bus}/ras/gpu_vram_bad_pages", pages)
        return bus

    def test_its_files(self, ctx: CollectContext) -> None:
        self.card(ctx.root)
        (gpu,) = collect.amd.collect(ctx)
        assert (gpu.address, gpu.memory_used, gpu.temperature) == ("0000:05:00.0", 1 << 20, 41)
        assert gpu.ras_uncorrected == {"umc": 1}
        assert (gpu.bad_pages, gpu.bad_pages_failed) == (2, 1)
        assert (gpu.pcie_width, gpu.pcie_width_max) == (8, 8)  # the slot has no more
        assert gpu.unsupported == ["temperature_slowdown"] and gpu.unread == {}

    def test_trap_a_read_would_reset_mi200s_counters(self, ctx: CollectContext) -> None:
        self.card(ctx.root, 90010)
        (gpu,) = collect.amd.collect(ctx)
        assert gpu.ras_uncorrected is None and "reset" in gpu.unread["ras_uncorrected"]

    def test_a_narrow_link_above_the_cards_own_switch(self, ctx: CollectContext) -> None:
        bus = self.card(ctx.root)
        for width, path in ((16, bus), (16, bus.rpartition("/")[0])):
            write(ctx.root, f"{path}/max_link_width", f"{width}\n")
        (gpu,) = collect.amd.collect(ctx)
        assert (gpu.pcie_width, gpu.pcie_width_max) == (8, 16)
