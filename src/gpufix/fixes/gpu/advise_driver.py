"""What only an administrator can do about a driver."""

from __future__ import annotations

from gpufix.evidence.driver_fit import DriverNeed, need
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import cuda
from gpufix.knowledge.gpus.drivers import (
    best_branch,
    branch,
    driven,
    end_of_life,
    package_command,
)
from gpufix.model import Advise, Finding, Plan
from gpufix.model.payload import DriverFault, DriverState, OldDriver, UnfitDriver, UnreadPtx

_Advice = tuple[str, str, str | None]  # title, text, command
_NVIDIA: dict[DriverState, _Advice] = {
    "library": ("install NVIDIA's driver", "The driver's package brings libcuda.so.1.", None),
    "stub": (
        "let the driver's libcuda.so.1 be found",
        "Take the toolkit's stubs folder out of LD_LIBRARY_PATH: it is for linking only.",
        None,
    ),
    "mismatch": (
        "load the kernel module of the installed driver",
        "The driver was updated while its old module was loaded. A reboot loads the new one.",
        "sudo reboot",
    ),
    "nodes": (
        "create NVIDIA's device nodes",
        "Load the modules; in a container, start it with the GPUs passed through.",
        "sudo nvidia-modprobe -u -c=0",
    ),
    "denied": (
        "let this user open NVIDIA's devices",
        "The nodes are usually open to all: see NVreg_DeviceFileMode, or the group that owns them.",
        None,
    ),
    "error": ("repair NVIDIA's driver", "See what the kernel says of it.", "sudo dmesg"),
}
_AMD: dict[DriverState, _Advice] = {
    "nodes": (
        "load AMD's kernel driver",
        "The amdgpu module makes /dev/kfd.",
        "sudo modprobe amdgpu",
    ),
    "denied": (
        "add this user to the groups render and video",
        "It holds from the next login on.",
        'sudo usermod -aG render,video "$USER"',
    ),
}


@fix("advise-driver", "GPU104", "GPU105", "GPU106")
def advise_driver(finding: Finding, view: View) -> Plan:
    """Drivers, groups and containers need root: printed, never run."""
    if isinstance(finding.payload, UnfitDriver):
        title, text, command = _of_branch(finding.payload, view)
    elif finding.code != "GPU106":
        title, text, command = _newer(finding, view)
    else:
        title, text, command = _unusable(view, finding.payload_as(DriverFault))
    return finding.plan("advise-driver", "manual", title, Advise(text=text, command=command))


def _of_branch(fault: UnfitDriver, view: View) -> _Advice:
    """The branch with which the GPU starts or ends, and the flavour; by the distribution's packages."""
    wanted = DriverNeed(fault.least, fault.last, fault.flavour)
    host, here = view.facts.host, next(d for d in view.facts.drivers if d.vendor == fault.vendor)
    if host.wsl:
        return f"install {wanted} on Windows", "WSL2 uses the driver of Windows.", None
    if host.container:
        return f"install {wanted} on the host", "A container takes its host's driver.", None
    same = branch(here.kernel_version or here.version or "")
    keeps = fault.least is None and not (same and fault.last and same > int(fault.last))
    number = str(same or "") if keeps else best_branch(fault.least or "0", fault.last) or ""
    end = end_of_life(number)
    until = f", supported until {end}," if end else ""
    text = f"Branch {number}{until} is one such. " if number and not keeps else ""
    return (
        f"install {DriverNeed(flavour=fault.flavour) if keeps else wanted}",
        f"{text}Take the packages of the distribution, or of NVIDIA's repository for it.",
        package_command(host.distro, number, fault.flavour) if number else None,
    )


def _newer(finding: Finding, view: View) -> _Advice:
    torch = view.facts.torch
    of_torch = torch.cuda if torch else None
    needed = (
        finding.payload.cuda if isinstance(finding.payload, (UnreadPtx, OldDriver)) else of_torch
    )
    least = cuda.min_driver(needed, full=True) if needed else None
    rows = [row for t in view.targets if t.vendor == "nvidia" and (row := driven(t.arch, t.name))]
    return (
        f"install NVIDIA's {need(rows, least)}" if least else "install a newer NVIDIA driver",
        "Use the system's own packages where it has them; a container takes its host's driver.",
        None,
    )


def _unusable(view: View, fault: DriverFault) -> _Advice:
    if fault.state == "absent":
        if view.facts.host.container:
            return (
                "start the container with the GPUs",
                "The container was given neither the driver's library nor its devices.",
                "docker run --gpus all …",
            )
        return _NVIDIA["library"]
    return (_AMD if fault.vendor == "amd" else _NVIDIA)[fault.state]
