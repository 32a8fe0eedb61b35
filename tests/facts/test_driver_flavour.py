"""NVIDIA's kernel modules: which flavour is loaded, and the GPUs on the bus that are its."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine import nvidia_host, pci, write

from gpufix.facts.context import CollectContext
from gpufix.facts.machine import gpus, nvidia

PROC, TAINT = "/proc/driver/nvidia/version", "/sys/module/nvidia/taint"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (u@h)\n"
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.105.08  Wed Oct 29 23:15:11 UTC 2025\n"
)
JETSON = "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  35.3.1  Release Build\n"


@pytest.mark.parametrize(
    ("files", "flavour", "gaps"),
    [
        ({PROC: OPEN}, "open", 0),
        ({PROC: CLOSED}, "proprietary", 0),
        ({PROC: JETSON}, "open", 0),
        ({PROC: CLOSED, TAINT: "OE\n"}, "proprietary", 0),
        ({PROC: "", TAINT: "OE\n"}, "open", 0),
        ({PROC: "no words\n", TAINT: "POE\n"}, "proprietary", 0),
        ({TAINT: "PO\n"}, "proprietary", 0),
        ({PROC: "no words\n"}, None, 1),
        ({PROC: "no words\n", TAINT: "\n"}, None, 1),
        ({}, None, 0),
    ],
)
def test_flavour(
    ctx: CollectContext,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    flavour: str | None,
    gaps: int,
) -> None:
    pci(ctx.root, "0000:01:00.0", 0x10DE, device=0x2B85)
    for path, content in files.items():
        write(ctx.root, path, content)
    monkeypatch.setattr(nvidia, "ask_nvml", lambda _: {})
    driver = gpus.collect(ctx)[1][0]
    assert (driver.flavour, driver.pci_ids, len(ctx.gaps)) == (flavour, ["2b85"], gaps)


def test_a_gpu_that_another_driver_has_is_not_judged(
    ctx: CollectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_host(ctx.root)
    for slot, module in enumerate(("nvidia", "vfio-pci", "nouveau"), 2):
        address = f"0000:0{slot}:00.0"
        pci(ctx.root, address, 0x10DE, device=0x2B80 + slot)
        link = Path(ctx.root, f"sys/bus/pci/devices/{address}/driver")
        link.symlink_to(f"../../../bus/pci/drivers/{module}")
    monkeypatch.setattr(nvidia, "ask_nvml", lambda _: {})
    driver = gpus.collect(ctx)[1][0]
    assert (driver.pci_devices, driver.pci_ids) == (4, ["2204", "2b82"])
