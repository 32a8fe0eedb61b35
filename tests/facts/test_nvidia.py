"""NVIDIA's GPUs and driver: nothing here, healthy, and sick in every way that is known."""

from __future__ import annotations

import json
import os
from pathlib import Path

import fake_nvml
import pytest
from machine import ELF64, nvidia_host, pci, write

from gpufix.facts.context import CollectContext
from gpufix.facts.machine import gpus, nvidia
from gpufix.model import Driver, Gpu
from gpufix.model.base import to_json


@pytest.fixture
def ask(ctx: CollectContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Look at the recorded machine with a given pynvml module (None: not installed)."""

    def look(source: str | None) -> tuple[list[Gpu], Driver]:
        module = None if source is None else str(write(tmp_path, "pynvml.py", source))
        monkeypatch.setattr(nvidia, "binding", lambda: module)
        devices, drivers = gpus.collect(ctx)
        return devices, drivers[0]

    return look


def test_no_process_without_a_sign_of_nvidia(ctx: CollectContext, monkeypatch: pytest.MonkeyPatch):
    pci(ctx.root, "0000:00:02.0", 0x8086)
    pci(ctx.root, "0000:00:03.0", 0x10DE, kind=0x040300)  # NVIDIA's audio function alone
    monkeypatch.setattr(nvidia, "ask_nvml", lambda _: pytest.fail("NVML was started"))
    assert gpus.collect(ctx) == ([], [])
    assert ctx.gaps == []


def test_healthy(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    devices, driver = ask(fake_nvml.HEALTHY)
    assert [(g.index, g.name, g.arch, g.source) for g in devices] == [
        (0, "NVIDIA H200", "sm_90", "nvml"),
        (1, "NVIDIA GeForce RTX 5080", "sm_120", "nvml"),
    ]
    assert (devices[0].memory_total, devices[0].memory_free) == (150 << 30, 149 << 30)
    assert (driver.version, driver.kernel_version, driver.cuda) == ("570.86.10",) * 2 + ("12.8",)
    assert driver.library == "/usr/lib/x86_64-linux-gnu/libcuda.so.1"
    assert driver.nodes == ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"]
    assert (driver.denied, driver.library_is_stub, driver.error) == ([], False, None)
    assert driver.pci_devices == 1
    assert ctx.gaps == []


def test_a_process_in_both_lists_counts_once(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    devices, _ = ask(fake_nvml.HEALTHY)
    held = {p.pid: p.memory for p in devices[0].processes}
    assert held == {4242: 1 << 20, 77: 5 << 30}


@pytest.mark.parametrize(
    ("namespace", "open_file", "name"),
    [
        ("pid:[4026531836]", "/dev/null", "python"),
        ("pid:[4026532999]", "/dev/nvidia0", "python"),
        ("pid:[4026532999]", "/dev/null", None),  # a container's 77 is another process
    ],
)
def test_process_names(ctx: CollectContext, namespace: str, open_file: str, name: str | None):
    write(ctx.root, "/proc/77/comm", "python\n")
    for link, target in (("/proc/77/fd/3", open_file), ("/proc/self/ns/pid", namespace)):
        path = ctx.at(link)
        path.parent.mkdir(parents=True)
        path.symlink_to(target)
    assert nvidia.process_name(ctx, 77) == name


def test_without_nvml_the_kernel_still_tells_names(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    devices, driver = ask(None)
    assert [(g.name, g.arch, g.source) for g in devices] == [
        ("NVIDIA GeForce RTX 3090", None, "proc")
    ]
    assert (driver.version, driver.cuda) == ("570.86.10", None)
    assert [g.subject for g in ctx.gaps] == ["NVML"]


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (fake_nvml.HANGING, "it did not end within 0.5 s"),
        (fake_nvml.CRASHING, "status -11"),
        (fake_nvml.CHATTY, ""),
        (fake_nvml.FLOODING, "more than"),
        (fake_nvml.BROKEN, "no such thing"),
        (fake_nvml.NONSENSE, ""),
    ],
)
def test_a_sick_nvml_is_a_gap(ctx: CollectContext, ask, monkeypatch, module: str, reason: str):
    monkeypatch.setattr(nvidia, "TIME_LIMIT", 2.0 if module != fake_nvml.HANGING else 0.5)
    nvidia_host(ctx.root)
    devices, _ = ask(module)
    assert [g.source for g in devices] == ["proc"]
    (gap,) = ctx.gaps
    assert (gap.section, gap.subject) == ("gpus", "NVML")
    assert reason in gap.reason


def test_driver_and_library_of_different_versions(ctx: CollectContext, ask):
    nvidia_host(ctx.root, "570.86.10")
    write(
        ctx.root,
        "/proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  555.42.02  Release Build\n",
    )
    devices, driver = ask(fake_nvml.MISMATCHED)
    assert driver.error == "Driver/library version mismatch"
    assert (driver.version, driver.kernel_version) == ("570.86.10", "555.42.02")
    assert [g.name for g in devices] == ["NVIDIA GeForce RTX 3090"]


def test_a_lost_device_hides_no_other(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    devices, driver = ask(fake_nvml.PARTLY_LOST)
    assert [(g.index, g.name, g.arch, g.processes) for g in devices] == [(1, None, None, [])]
    assert driver.cuda is None
    assert [(g.subject, g.reason) for g in ctx.gaps] == [("NVIDIA GPU 0", "GPU is lost")]


def test_strange_bytes(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    devices, driver = ask(fake_nvml.BYTES)
    assert len(devices[0].name or "") <= 200
    assert driver.version == "570.86.10"  # from the library's name
    json.dumps(to_json(devices[0]), ensure_ascii=False).encode()


def test_an_old_binding(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    devices, driver = ask(fake_nvml.OLD)
    assert len(devices) == 2
    assert driver.cuda is None


def test_a_container_without_devices(ctx: CollectContext, ask):
    pci(ctx.root, "0000:01:00.0", 0x10DE, kind=0x030200)
    devices, driver = ask(fake_nvml.MISMATCHED)
    assert devices == []
    assert (driver.pci_devices, driver.nodes, driver.library) == (1, [], None)


@pytest.mark.needs("a user other than root")  # who may open everything
def test_denied_nodes(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    ctx.at("/dev/nvidia0").chmod(0)
    assert ask(fake_nvml.HEALTHY)[1].denied == ["/dev/nvidia0"]


def test_denied_nodes_are_those_that_access_refuses(ctx: CollectContext, ask, monkeypatch):
    nvidia_host(ctx.root)
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("nvidiactl"))
    assert ask(fake_nvml.HEALTHY)[1].denied == ["/dev/nvidiactl"]


@pytest.mark.parametrize(
    ("search", "library", "stub"),
    [
        ("", "/usr/lib/x86_64-linux-gnu/libcuda.so.1", False),
        ("/opt/cuda/lib64/stubs", "/opt/cuda/lib64/stubs/libcuda.so.1", True),
        ("/opt/cuda/compat:/opt/cuda/lib64/stubs", "/opt/cuda/compat/libcuda.so.1", False),
        ("/opt/i386", "/usr/lib/x86_64-linux-gnu/libcuda.so.1", False),
        ("relative:/nowhere", "/usr/lib/x86_64-linux-gnu/libcuda.so.1", False),
    ],
)
def test_which_libcuda(ctx: CollectContext, ask, search: str, library: str, stub: bool):
    nvidia_host(ctx.root)
    write(ctx.root, "/opt/cuda/lib64/stubs/libcuda.so.1", ELF64)
    write(ctx.root, "/opt/cuda/compat/libcuda.so.1", ELF64)
    write(ctx.root, "/opt/i386/libcuda.so.1", b"\x7fELF\x01")
    ctx.environ = {**ctx.environ, "LD_LIBRARY_PATH": search}
    driver = ask(fake_nvml.HEALTHY)[1]
    assert (driver.library, driver.library_is_stub) == (library, stub)


def test_libcuda_by_the_loaders_cache(ctx: CollectContext, ask):
    nvidia_host(ctx.root)
    ctx.at("/usr/lib/x86_64-linux-gnu/libcuda.so.1").unlink()
    write(ctx.root, "/usr/lib/wsl/lib/libcuda.so.1", ELF64)
    write(ctx.root, "/dev/dxg")
    assert ask(fake_nvml.HEALTHY)[1].library is None  # the loader would not look there
    write(ctx.root, "/etc/ld.so.cache", b"glibc-ld.so.cache1.1\0/usr/lib/wsl/lib/libcuda.so.1\0")
    driver = ask(fake_nvml.HEALTHY)[1]
    assert driver.library == "/usr/lib/wsl/lib/libcuda.so.1"
    assert "/dev/dxg" in driver.nodes


def test_jetson(ctx: CollectContext, ask):
    write(ctx.root, "/etc/nv_tegra_release", "# R36 (release)")
    write(ctx.root, "/proc/device-tree/model", "NVIDIA Jetson AGX Orin Developer Kit\0")
    devices, _ = ask(None)
    assert [(g.name, g.integrated) for g in devices] == [
        ("NVIDIA Jetson AGX Orin Developer Kit", True)
    ]
