"""GPU105 and GPU106: the driver."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.gpu.gpu106_driver_unusable import driver_unusable
from gpufix.model import Facts
from gpufix.model.payload import DriverFault


def with_driver(driver: b.Driver, **sections: object) -> Facts:
    return b.healthy(drivers=[driver], **sections)


DENIED = "/dev/nvidia0"
SILENT_OLD = {
    "healthy": b.healthy(),
    "no driver": b.healthy(drivers=[]),
    "CPU torch": b.healthy(torch=b.torch("2.9.0+cpu"), drivers=[b.driver("390.10", "9.1")]),
    "minor-version compatibility": with_driver(b.driver("525.85.12", "12.0")),
    "by version": with_driver(b.driver("525.85.12", None)),
    "WSL2 numbers otherwise": with_driver(b.driver("472.12", None), host=b.host(wsl=True)),
    "cuda-compat raises what the driver serves": with_driver(
        b.driver("535.54.03", "13.0"), torch=b.torch("2.13.0+cu130")
    ),
    "AMD": b.healthy_amd(),
}


@pytest.mark.parametrize("case", SILENT_OLD)
def test_105_silent(case: str) -> None:
    assert b.run(driver_too_old, SILENT_OLD[case]) == []


FIRING_OLD = {
    "CUDA 13 torch on a CUDA 12 driver": with_driver(
        b.driver("570.86.15", "12.8"), torch=b.torch("2.11.0+cu130")
    ),
    "by version": with_driver(b.driver("470.57.02", None)),
    "WSL2 by CUDA": with_driver(b.driver("472.12", "11.4"), host=b.host(wsl=True)),
}


@pytest.mark.parametrize("case", FIRING_OLD)
def test_105_firing(case: str) -> None:
    (finding,) = b.run(driver_too_old, FIRING_OLD[case])
    assert finding.severity.value == "error" and finding.breaks == ["driver"]


def test_105_message() -> None:
    (finding,) = b.run(driver_too_old, FIRING_OLD["CUDA 13 torch on a CUDA 12 driver"])
    assert finding.message == (
        "torch 2.11.0+cu130 needs driver 580.65.06 or newer; 570.86.15 (CUDA 12.8) is installed."
    )


SILENT_UNUSABLE = {
    "healthy": b.healthy(),
    "healthy AMD": b.healthy_amd(),
    "no GPU in the machine": with_driver(
        b.driver(None, None, library=None, nodes=[], pci_devices=0, kernel_version=None)
    ),
    "AMD display beside a CUDA torch": b.healthy(
        drivers=[b.driver(), b.amd_driver(nodes=[], denied=["/dev/kfd"])]
    ),
    "WSL2": with_driver(
        b.driver("572.16", nodes=["/dev/dxg"], kernel_version="551.23"), host=b.host(wsl=True)
    ),
    "cuda-compat": with_driver(
        b.driver(
            "580.95.05", library="/usr/local/cuda/compat/libcuda.so.1", kernel_version="535.54.03"
        )
    ),
    "NVML complains while GPUs are seen": with_driver(b.driver(error="Not Supported")),
}


@pytest.mark.parametrize("case", SILENT_UNUSABLE)
def test_106_silent(case: str) -> None:
    assert b.run(driver_unusable, SILENT_UNUSABLE[case]) == []


ABSENT = b.driver(None, None, library=None, nodes=[], kernel_version=None)
FIRING_UNUSABLE = {
    "mismatch": (with_driver(b.driver(kernel_version="570.86.15")), "mismatch", "error"),
    "stub": (with_driver(b.driver(library_is_stub=True)), "stub", "error"),
    "no library": (with_driver(b.driver(library=None)), "library", "error"),
    "no nodes": (with_driver(b.driver(nodes=[])), "nodes", "error"),
    "denied": (with_driver(b.driver(denied=[DENIED])), "denied", "error"),
    "nothing": (with_driver(ABSENT), "absent", "error"),
    "nothing in a container": (
        with_driver(ABSENT, host=b.host(container="docker")),
        "absent",
        "warning",
    ),
    "nothing, and a CPU torch": (
        with_driver(ABSENT, torch=b.torch("2.13.0+cpu")),
        "absent",
        "advice",
    ),
    "NVML's error": (
        with_driver(b.driver(error="Driver Not Loaded"), gpus=[]),
        "error",
        "error",
    ),
    "no kfd": (b.healthy_amd(drivers=[b.amd_driver(nodes=[])]), "nodes", "error"),
    "not in the render group": (
        b.healthy_amd(drivers=[b.amd_driver(denied=["/dev/kfd"])]),
        "denied",
        "error",
    ),
}


@pytest.mark.parametrize("case", FIRING_UNUSABLE)
def test_106_firing(case: str) -> None:
    facts, state, severity = FIRING_UNUSABLE[case]
    (finding,) = b.run(driver_unusable, facts)
    assert (finding.payload_as(DriverFault).state, finding.severity.value) == (state, severity)
