"""GPU106: whether the driver can be used."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu106_driver_unusable import driver_unusable
from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import Driver, Severity
from gpufix.model.payload import DriverFault, DriverState

OFFERS = ["advise-driver manual"]
CONTROL = ["/dev/nvidiactl", "/dev/nvidia-uvm"]
GPUS = [f"/dev/nvidia{n}" for n in range(6)]
COMPAT = "/usr/local/cuda/compat/libcuda.so.1"


def of(driver: Driver, **sections: object) -> View:
    return b.view(b.healthy(drivers=[driver], **sections))


def amd(driver: Driver, **sections: object) -> View:
    return b.view(b.healthy_amd(drivers=[driver], **sections))


def fault(
    state: DriverState,
    message: str,
    level: Severity = ERROR,
    error: str | None = None,
    amd: bool = False,
) -> Fault:
    return Fault(
        level,
        f"{'AMD' if amd else 'NVIDIA'} driver",
        message,
        evidence=(error,) if error else (),
        breaks=("driver",),
        payload=DriverFault("amd" if amd else "nvidia", state),
    )


ABSENT = b.driver(None, None, library=None, nodes=[], kernel_version=None)
NEITHER = "1 NVIDIA GPU is on the PCI bus; there is neither libcuda.so.1 nor /dev/nvidia*."
NO_NODES = "1 NVIDIA GPU is on the PCI bus; there is no /dev/nvidia*."
DOCKER = b.host(container="docker")
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "no driver": b.view(b.healthy(drivers=[])),
    "a node without a name": of(b.driver(nodes=[""])),
    "no GPU in the machine": of(replace(ABSENT, pci_devices=0)),
    "no AMD GPU in the machine": amd(b.amd_driver(nodes=[], pci_devices=0)),
    "AMD's display beside a CUDA torch": b.view(
        b.healthy(drivers=[b.driver(), b.amd_driver(nodes=[])])
    ),
    "AMD, and no torch": amd(b.amd_driver(nodes=[]), torch=None),
    "WSL2 numbers its library otherwise": of(
        b.driver("572.16", nodes=["/dev/dxg"], kernel_version="551.23"), host=b.host(wsl=True)
    ),
    "cuda-compat brings a newer library": of(
        b.driver("580.95.05", library=COMPAT, kernel_version="535.54.03")
    ),
    "the module's version is not known": of(b.driver(kernel_version=None)),
    "the library's version is not known": of(b.driver(None, kernel_version="570.86.15")),
    "some GPUs are another job's": of(
        b.driver(nodes=[*GPUS, *CONTROL], denied=GPUS[1:], pci_devices=6)
    ),
    "some GPUs of AMD are another job's": amd(
        b.amd_driver(
            nodes=["/dev/kfd", "/dev/dri/renderD128", "/dev/dri/renderD129"],
            denied=["/dev/dri/renderD128"],
            pci_devices=2,
        )
    ),
    "no GPU is seen, and nothing says why": of(b.driver(), gpus=[]),
    "NVML complains while GPUs are seen": of(b.driver(error="Not Supported")),
}

FIRING = {
    "neither library nor nodes": Fires(of(ABSENT), fault("absent", NEITHER), offers=OFFERS),
    "several GPUs": Fires(
        of(replace(ABSENT, pci_devices=2)),
        fault(
            "absent",
            "2 NVIDIA GPUs are on the PCI bus; there is neither libcuda.so.1 nor /dev/nvidia*.",
        ),
        offers=OFFERS,
    ),
    "nothing in a container": Fires(
        of(ABSENT, host=DOCKER), fault("absent", NEITHER, WARNING), offers=OFFERS
    ),
    "in a container the image's own library only": Fires(
        of(b.driver(nodes=[], library=COMPAT), host=DOCKER),
        fault("nodes", NO_NODES, WARNING),
        offers=OFFERS,
    ),
    "in a container nodes, and no library": Fires(
        of(b.driver(library=None), host=DOCKER),
        fault("library", "1 NVIDIA GPU is on the PCI bus; no libcuda.so.1 is found."),
        offers=OFFERS,
    ),
    "a CPU torch": Fires(
        of(ABSENT, torch=b.torch("2.13.0+cpu")), fault("absent", NEITHER, ADVICE), offers=OFFERS
    ),
    "no torch, in a container": Fires(
        of(ABSENT, torch=None, host=DOCKER), fault("absent", NEITHER, ADVICE), offers=OFFERS
    ),
    "a ROCm torch": Fires(
        of(ABSENT, torch=b.torch("2.9.0+rocm6.4")), fault("absent", NEITHER, ADVICE), offers=OFFERS
    ),
    "no library": Fires(
        of(b.driver(library=None)),
        fault("library", "1 NVIDIA GPU is on the PCI bus; no libcuda.so.1 is found."),
        offers=OFFERS,
    ),
    "the toolkit's stub": Fires(
        of(b.driver(library="/usr/local/cuda/lib64/stubs/libcuda.so.1", library_is_stub=True)),
        fault(
            "stub",
            "/usr/local/cuda/lib64/stubs/libcuda.so.1 is the toolkit's stub for linking, not the "
            "driver's library.",
        ),
        offers=OFFERS,
    ),
    "a module of another version, and what NVML says": Fires(
        of(b.driver(kernel_version="570.86.15", error="Driver/library version mismatch")),
        fault(
            "mismatch",
            "libcuda.so.1 is of driver 580.95.05, the loaded kernel module of 570.86.15.",
            error="Driver/library version mismatch",
        ),
        offers=OFFERS,
    ),
    "no nodes": Fires(of(b.driver(nodes=[])), fault("nodes", NO_NODES), offers=OFFERS),
    "cuda-compat, and no nodes": Fires(
        of(b.driver(nodes=[], library=COMPAT, kernel_version="535.54.03")),
        fault("nodes", NO_NODES),
        offers=OFFERS,
    ),
    "the only GPU may not be opened": Fires(
        of(b.driver(denied=["/dev/nvidia0"])),
        fault("denied", "This user may not open /dev/nvidia0."),
        offers=OFFERS,
    ),
    "no GPU may be opened: four are named": Fires(
        of(b.driver(nodes=[*GPUS, *CONTROL], denied=GPUS, pci_devices=6)),
        fault(
            "denied",
            "This user may not open /dev/nvidia0, /dev/nvidia1, /dev/nvidia2, /dev/nvidia3.",
        ),
        offers=OFFERS,
    ),
    "a node that all GPUs need": Fires(
        of(b.driver(nodes=[*GPUS, *CONTROL], denied=["/dev/nvidia-uvm"], pci_devices=6)),
        fault("denied", "This user may not open /dev/nvidia-uvm."),
        offers=OFFERS,
    ),
    "NVML's error, and no GPU seen": Fires(
        of(b.driver(error="Unknown Error"), gpus=[]),
        fault("error", "The NVIDIA driver answers: Unknown Error.", error="Unknown Error"),
        offers=OFFERS,
    ),
    "NVML's error, and a GPU of AMD": Fires(
        of(b.driver(error="Unknown Error"), gpus=[b.gpu("gfx1036", integrated=True)]),
        fault("error", "The NVIDIA driver answers: Unknown Error.", error="Unknown Error"),
        offers=OFFERS,
    ),
    "no kfd": Fires(
        amd(b.amd_driver(nodes=["/dev/dri/renderD128"])),
        fault("nodes", "An AMD GPU is on the PCI bus; there is no /dev/kfd.", amd=True),
        offers=OFFERS,
    ),
    "no node of AMD's in a container": Fires(
        amd(b.amd_driver(nodes=[]), host=DOCKER),
        fault("nodes", "An AMD GPU is on the PCI bus; there is no /dev/kfd.", WARNING, amd=True),
        offers=OFFERS,
    ),
    "not in the group render": Fires(
        amd(b.amd_driver(denied=["/dev/kfd", "/dev/dri/renderD128"])),
        fault("denied", "This user may not open /dev/kfd, /dev/dri/renderD128.", amd=True),
        offers=OFFERS,
    ),
    "behind a driver of no GPU here": Fires(
        b.view(b.healthy_amd(drivers=[replace(ABSENT, pci_devices=0), b.amd_driver(nodes=[])])),
        fault("nodes", "An AMD GPU is on the PCI bus; there is no /dev/kfd.", amd=True),
        offers=OFFERS,
    ),
    "both drivers": Fires(
        b.view(
            b.healthy_amd(
                drivers=[ABSENT, b.amd_driver(nodes=[])],
                torch=b.torch("2.9.0+rocm6.4", cuda="12.8"),
            )
        ),
        [
            fault("absent", NEITHER),
            fault("nodes", "An AMD GPU is on the PCI bus; there is no /dev/kfd.", amd=True),
        ],
        offers=OFFERS,
    ),
}

IGNORED = b.driver("595.58.03", None, pci_ids=["1b80"], error="Driver Not Loaded")
FIRING["the driver's branch does not drive the GPU: GPU105 is the cause"] = Fires(
    of(IGNORED, gpus=[]),
    replace(
        fault("error", "The NVIDIA driver answers: Driver Not Loaded.", error="Driver Not Loaded"),
        needs=("driver branch",),
    ),
    offers=OFFERS,
)

test_silent, test_firing = rows(driver_unusable, SILENT, FIRING)
