"""NOD1101."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.node_readings import NOT_RECORDED, on_bus
from gpufix.evidence.view import View
from gpufix.model import Driver, Gap
from gpufix.model.payload import NodeFault


@rule("NOD1101", "driver-mismatch")
def driver_mismatch(view: View) -> Iterator[Fault | Gap]:
    """The loaded kernel module and the driver's libraries are of different versions.

    ## What it does
    Compares the version of NVIDIA's kernel module with that of libcuda.so.1 and NVML, and reads
    NVML's own refusal.

    ## Why it matters
    NVML and CUDA refuse to start: "Driver/library version mismatch", CUDA error 803. It is what an
    update leaves until the machine is restarted.

    ## Example
    `NVIDIA's kernel module is of version 570.86.15, its libraries of 570.133.20.`

    ## Severity
    Error. Silent for WSL2 and for cuda-compat, whose library is newer on purpose.

    ## Fix
    Manual: the module is loaded again, or the machine restarted.

    ## Source
    nvml.h: NVML_ERROR_LIB_RM_VERSION_MISMATCH (18); NVIDIA's list of CUDA errors: 803.
    """
    if view.facts.node is None:
        return
    for driver in view.facts.drivers:
        if driver.vendor != "nvidia":
            continue
        yield from _unknown(view, driver)
        if _differs(view, driver):
            yield Fault(
                severity=ERROR,
                subject="NVIDIA driver",
                message=f"NVIDIA's kernel module is of version {driver.kernel_version or '?'}, its "
                f"libraries of {driver.version or '?'}.",
                evidence=(driver.error,) if driver.error else (),
                payload=NodeFault("reload-driver"),
            )


def _unknown(view: View, driver: Driver) -> Iterator[Gap]:
    """WSL2 has no kernel module of NVIDIA's."""
    versions = {"kernel module": driver.kernel_version, "libraries": driver.version}
    for what, version in versions.items():
        if version is None and not view.facts.host.wsl and on_bus(view, "nvidia"):
            subject = f"version of NVIDIA's {what}"
            yield Gap(section="node", subject=subject, reason=NOT_RECORDED)


def _differs(view: View, driver: Driver) -> bool:
    if driver.error and "version mismatch" in driver.error.lower():
        return True
    if view.facts.host.wsl or "compat" in (driver.library or ""):
        return False
    versions = (driver.version, driver.kernel_version)
    return all(versions) and versions[0] != versions[1]
