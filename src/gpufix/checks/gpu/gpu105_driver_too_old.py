"""GPU105."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.building import major
from gpufix.evidence.driver_users import users_of_newer
from gpufix.evidence.own_cuda import own_cuda
from gpufix.evidence.view import View
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge.data_table import at_least
from gpufix.model import Driver
from gpufix.model.payload import DriverFault, OldDriver


@rule("GPU105", "driver-too-old")
def driver_too_old(view: View) -> Iterator[Fault]:
    """The NVIDIA driver cannot serve the CUDA that torch, or another package, is built with.

    ## What it does
    Compares the driver with the oldest one that serves torch's CUDA, and the CUDA of each package
    that does not link torch. Within a CUDA major version every driver of that major will do.

    ## Why it matters
    `The NVIDIA driver on your system is too old (found version 11040)`, error 35; torch then finds
    no GPU at all.

    ## Example
    `torch 2.11.0+cu130 needs driver 580.65.06 or newer; 570.86.15 (CUDA 12.8) is installed.`

    ## Severity
    Error. Silent without an NVIDIA GPU and its driver.

    ## Fix
    Unsafe: install the torch build for an older CUDA. Manual: a newer driver.

    ## Source
    NVIDIA CUDA Toolkit release notes, minimum drivers for minor-version compatibility.
    """
    yield from _of_packages(view)
    torch = view.facts.torch
    driver = next((d for d in view.facts.drivers if d.vendor == "nvidia"), None)
    if torch is None or torch.cuda is None or driver is None or driver.library_is_stub:
        return
    if not driver.pci_devices and not any(g.vendor == "nvidia" for g in view.facts.gpus):
        return
    least = cuda_toolkits.min_driver(torch.cuda)
    if not _too_old(view, driver, torch.cuda, least):
        return
    served = f" (CUDA {driver.cuda})" if driver.cuda else ""
    requirement = f"driver {least} or newer" if least else f"a driver of CUDA {major(torch.cuda)}"
    yield Fault(
        severity=ERROR,
        subject="nvidia driver",
        message=f"torch {torch.version} needs {requirement}; {driver.version or 'one'}{served} is "
        "installed.",
        evidence=(f"library: {driver.library}",) if driver.library else (),
        breaks=("driver",),
        payload=DriverFault("nvidia", "too old"),
    )


def _of_packages(view: View) -> Iterator[Fault]:
    """What has nothing to do with torch: JAX, CuPy, ONNX Runtime; told once where torch says it too."""
    driver = next((d for d in view.facts.drivers if d.vendor == "nvidia"), None)
    if driver is None or driver.library_is_stub or not driver.cuda:
        return
    if not driver.pci_devices and not any(g.vendor == "nvidia" for g in view.facts.gpus):
        return
    for cuda, users in users_of_newer(view, int(major(driver.cuda))).items():
        least = cuda_toolkits.min_driver(f"{cuda}.0")
        requirement = f"driver {least} or newer" if least else "a newer driver"
        more = f" (and {len(users) - 1} more)" if len(users) > 1 else ""
        yield Fault(
            severity=ERROR,
            subject=users[0],
            message=f"{users[0]}{more} is built for CUDA {cuda} and needs {requirement}; "
            f"{driver.version or 'one'} (CUDA {driver.cuda}) is installed.",
            evidence=tuple(f"{user} {view.derive(own_cuda)[user].evidence[0]}" for user in users),
            breaks=("driver",),
            needs=("driver",),
            payload=OldDriver("nvidia", "too old", f"{cuda}.0"),
        )


def _too_old(view: View, driver: Driver, cuda: str, least: str | None) -> bool:
    """By the CUDA that the driver names; by its version where that is all there is."""
    if driver.cuda:
        return int(major(driver.cuda)) < int(major(cuda))
    # WSL2's library has Windows' numbers, of which the table says nothing.
    if not driver.version or least is None or view.facts.host.wsl:
        return False
    return not at_least(driver.version, least)
