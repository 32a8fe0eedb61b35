"""GPU106."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence.driver_fit import unfit
from gpufix.evidence.view import View
from gpufix.model import Driver, Severity
from gpufix.model.payload import DriverFault, DriverState

_NAMES = {"nvidia": "NVIDIA", "amd": "AMD"}


@rule("GPU106", "driver-unusable")
def driver_unusable(view: View) -> Iterator[Fault]:
    """A GPU is in the machine, and its driver cannot be used from here.

    ## What it does
    For GPUs on the PCI bus: is the driver's library there, the real one and of the kernel module's
    version, are the device nodes there, and may this user open them.

    ## Why it matters
    torch finds no GPU: errors 34 (stub library), 100 (no device), 803 (system has unsupported
    display driver / cuda driver combination), 999.

    ## Example
    `libcuda.so.1 is of driver 580.95.05, the loaded kernel module of 570.86.15.`

    ## Severity
    Error; warning in a container that was given none of the device nodes; advice when torch is not
    built for that vendor. AMD: only for a ROCm torch. Silent when some GPUs may be opened and others
    not: schedulers share a machine's GPUs out like that. Reported below GPU105 where the driver's branch or
    kernel modules do not drive the GPU.

    ## Fix
    Manual: drivers, groups and container options need root.

    ## Source
    NVIDIA's list of CUDA errors; AMD's installation guide (groups render and video).
    """
    for driver in view.facts.drivers:
        built_for = _built_for(view, driver.vendor)
        if driver.pci_devices == 0 or (driver.vendor == "amd" and not built_for):
            continue
        found = next(_amd(driver) if driver.vendor == "amd" else _nvidia(view, driver), None)
        if found:
            state, text = found
            yield Fault(
                severity=_severity(view, driver, built_for),
                subject=f"{_NAMES[driver.vendor]} driver",
                message=f"{text}.",
                evidence=(driver.error,) if driver.error else (),
                breaks=("driver",),
                needs=("driver branch",) if _follows(view, driver, state) else (),
                payload=DriverFault(driver.vendor, state),
            )


def _follows(view: View, driver: Driver, state: DriverState) -> bool:
    """Whether GPU105 says why: a driver that does not drive the GPU makes no nodes and opens nothing."""
    return driver.vendor == "nvidia" and state in ("nodes", "error") and unfit(view) is not None


def _built_for(view: View, vendor: str) -> bool:
    torch = view.facts.torch
    return torch is not None and bool(torch.hip if vendor == "amd" else torch.cuda)


def _nvidia(view: View, driver: Driver) -> Iterator[tuple[DriverState, str]]:
    """The nearest cause first: what is wrong lower down makes the rest fail too."""
    devices = f"{driver.pci_devices} NVIDIA GPU{'s are' if driver.pci_devices > 1 else ' is'}"
    if not driver.nodes and not driver.library:
        yield "absent", f"{devices} on the PCI bus; there is neither libcuda.so.1 nor /dev/nvidia*"
    if driver.library is None:
        yield "library", f"{devices} on the PCI bus; no libcuda.so.1 is found"
    if driver.library_is_stub:
        yield (
            "stub",
            f"{driver.library} is the toolkit's stub for linking, not the driver's library",
        )
    versions = (driver.version, driver.kernel_version)
    if all(versions) and versions[0] != versions[1] and not _expected(view, driver):
        yield (
            "mismatch",
            f"libcuda.so.1 is of driver {driver.version}, the loaded kernel module of "
            f"{driver.kernel_version}",
        )
    if not driver.nodes:
        yield "nodes", f"{devices} on the PCI bus; there is no /dev/nvidia*"
    yield from _denied(driver)
    if driver.error and not any(g.vendor == "nvidia" for g in view.facts.gpus):
        yield "error", f"The NVIDIA driver answers: {driver.error}"


def _expected(view: View, driver: Driver) -> bool:
    """WSL2 numbers its library otherwise; cuda-compat brings a newer library on purpose."""
    return view.facts.host.wsl or "compat" in (driver.library or "")


def _amd(driver: Driver) -> Iterator[tuple[DriverState, str]]:
    if "/dev/kfd" not in driver.nodes:
        yield "nodes", "An AMD GPU is on the PCI bus; there is no /dev/kfd"
    yield from _denied(driver)


def _denied(driver: Driver) -> Iterator[tuple[DriverState, str]]:
    """Nodes that all GPUs need (/dev/nvidiactl, /dev/kfd), or those of every GPU, as /dev/nvidia0."""
    closed = set(driver.denied)
    gpus = {node for node in driver.nodes if node[-1:].isdigit()}
    if closed and (closed - gpus or closed == gpus):
        yield "denied", f"This user may not open {', '.join(driver.denied[:4])}"


def _severity(view: View, driver: Driver, built_for: bool) -> Severity:
    if not built_for:
        return ADVICE
    return WARNING if view.facts.host.container and not driver.nodes else ERROR
