"""GPU105."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.building import major
from gpufix.evidence.driver_fit import DriverNeed, Judged, need, present, unfit
from gpufix.evidence.driver_users import users_of_newer
from gpufix.evidence.own_cuda import own_cuda
from gpufix.evidence.view import View
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge.data_table import at_least
from gpufix.model import Driver, Severity
from gpufix.model.payload import DriverFault, OldDriver, UnfitDriver
from gpufix.text.clean import and_more


@rule("GPU105", "driver-too-old")
def driver_too_old(view: View) -> Iterator[Fault]:
    """The NVIDIA driver cannot serve the CUDA of torch or another package, or does not drive the GPU.

    ## What it does
    Compares the driver with the oldest one that serves torch's CUDA, and the CUDA of each package
    that does not link torch: within a CUDA major version every driver of that major will do. And with
    the branches and kernel modules that drive the GPU, which no compatibility between CUDA versions
    changes: Blackwell starts with branch 570 and its open kernel modules, Maxwell, Pascal and Volta
    end with 580 and need the proprietary ones.
    GPUs are those that the driver shows, else those on the PCI bus by their ids. A GPU named with
    `--gpu` is judged where this machine has it, or has one that is not known; else it stands in
    another machine, with a driver of its own.

    ## Why it matters
    `The NVIDIA driver on your system is too old (found version 11040)`, error 35; torch then finds
    no GPU at all. A driver that does not drive the GPU lists none (`No devices were found`), and
    says why in the kernel's log only: `requires use of the NVIDIA open kernel modules`.

    ## Example
    `torch 2.11.0+cu130 needs driver 580.65.06 or newer; 570.86.15 (CUDA 12.8) is installed.`
    `sm_120 (NVIDIA GeForce RTX 5080) needs driver 570 or newer with the open kernel modules;
    560.35.03 is installed.`

    ## Severity
    Error; warning where the driver shows the GPU, and kernel modules such as it has are known to have
    worked with it. Silent without an NVIDIA GPU and its driver, where it drives one of several, and
    where nothing here has code for NVIDIA's GPUs. In WSL2, whose driver is Windows', the CUDA that it
    serves tells its age.

    ## Fix
    Unsafe: install the torch build for an older CUDA. Manual: a driver of another branch, or its
    other kernel modules.

    ## Source
    NVIDIA CUDA Toolkit release notes, minimum drivers for minor-version compatibility; NVIDIA's
    matrix of toolkits, drivers and architectures; the product tables of its open kernel modules.
    """
    if undriven := _undriven(view):
        yield undriven
        return
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


def _undriven(view: View) -> Fault | None:
    """The driver against the GPU itself, whatever torch there is."""
    found = unfit(view) if _for_nvidia(view) else None
    driver = next((d for d in view.facts.drivers if d.vendor == "nvidia"), None)
    if found is None or driver is None:
        return None
    gpu, lacking = found
    torch = view.facts.torch
    least = cuda_toolkits.min_driver(torch.cuda) if torch and torch.cuda else None
    too_old = bool(torch and torch.cuda and _too_old(view, driver, torch.cuda, least))
    wanted = need([gpu.row], least if too_old else None)
    evidence = (
        [f"torch {torch.version} needs driver {least}"] if torch and least and too_old else []
    )
    evidence += [f"library: {driver.library}"] if driver.library else []
    return Fault(
        severity=_gravity(gpu, lacking),
        subject=gpu.arch,
        message=f"{gpu.label} needs {lacking}; {present(view, driver)} is installed.",
        evidence=tuple(evidence),
        breaks=("driver", "driver branch"),
        payload=UnfitDriver(
            vendor="nvidia",
            state="unfit",
            arch=gpu.arch,
            least=wanted.least if lacking.least or too_old else None,
            last=wanted.last,
            flavour=wanted.flavour,
        ),
    )


def _gravity(gpu: Judged, lacking: DriverNeed) -> Severity:
    only_modules = lacking.least is None and lacking.last is None
    return WARNING if gpu.seen and gpu.row.worked and only_modules else ERROR


def _for_nvidia(view: View) -> bool:
    """Whether anything here has code for NVIDIA's GPUs."""
    torch = view.facts.torch
    if torch and torch.cuda:
        return True
    return any(o.kind in ("cubin", "ptx") for x in view.facts.binaries.libraries for o in x.code)


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
        more = and_more(users)
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
        return not at_least(major(driver.cuda), major(cuda))
    # WSL2's library has Windows' numbers, of which the table says nothing.
    if not driver.version or least is None or view.facts.host.wsl:
        return False
    return not at_least(driver.version, least)
