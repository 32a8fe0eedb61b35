"""GPU105: the driver against torch's CUDA."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import Driver
from gpufix.model.payload import DriverFault

OFFERS = ["advise-driver manual", "install-torch-build unsafe"]


def of(driver: Driver, torch: str = "2.9.0+cu128", **sections: object) -> View:
    known = {"drivers": [driver], "torch": b.torch(torch)}
    return b.view(b.healthy(**(known | sections)))


def fault(message: str, library: str | None = b.driver().library) -> Fault:
    return Fault(
        ERROR,
        "nvidia driver",
        message,
        evidence=(f"library: {library}",) if library else (),
        breaks=("driver",),
        payload=DriverFault("nvidia", "too old"),
    )


OLD = b.driver("570.86.15", "12.8")
NO_GPU = {"gpus": [], "drivers": [replace(OLD, pci_devices=0)]}
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "no torch": b.view(b.healthy(torch=None, drivers=[OLD])),
    "CPU torch": of(b.driver("390.10", "9.1"), "2.9.0+cpu"),
    "no driver": b.view(b.healthy(drivers=[])),
    "AMD's driver alone": b.view(b.healthy(drivers=[b.amd_driver(version="1.0")])),
    "minor-version compatibility": of(b.driver("525.85.12", "12.0")),
    "a newer major": of(b.driver("580.95.05", "13.0"), "2.9.0+cu126"),
    "the oldest driver, by its version": of(b.driver("525.60.13", None)),
    "neither version nor CUDA is known": of(b.driver(None, None)),
    "a CUDA that the table has not": of(b.driver("580.95.05", None), "2.99.0+cu990"),
    "WSL2 numbers its library otherwise": of(b.driver("472.12", None), host=b.host(wsl=True)),
    "cuda-compat raises what the driver serves": of(b.driver("535.54.03", "13.0"), "2.13.0+cu130"),
    "the toolkit's stub is GPU106's": of(b.driver("470.57.02", "11.4", library_is_stub=True)),
    "a driver's library, and no GPU": of(OLD, "2.11.0+cu130", **NO_GPU),
    "a driver's library, and a GPU of AMD": of(
        OLD, "2.11.0+cu130", **(NO_GPU | {"gpus": [b.gpu("gfx1100")]})
    ),
}

FIRING = {
    "another major": Fires(
        of(OLD, "2.11.0+cu130"),
        fault(
            "torch 2.11.0+cu130 needs driver 580.65.06 or newer; 570.86.15 (CUDA 12.8) is installed."
        ),
        offers=OFFERS,
    ),
    "a GPU on the bus alone": Fires(
        of(OLD, "2.11.0+cu130", gpus=[]),
        fault(
            "torch 2.11.0+cu130 needs driver 580.65.06 or newer; 570.86.15 (CUDA 12.8) is installed."
        ),
        offers=["advise-driver manual"],
    ),
    "a GPU that is not on the bus, as in WSL2": Fires(
        of(
            b.driver("472.12", "11.4", pci_devices=0, library="/usr/lib/wsl/lib/libcuda.so.1"),
            host=b.host(wsl=True),
        ),
        fault(
            "torch 2.9.0+cu128 needs driver 525.60.13 or newer; 472.12 (CUDA 11.4) is installed.",
            "/usr/lib/wsl/lib/libcuda.so.1",
        ),
        offers=OFFERS,
    ),
    "by version": Fires(
        of(b.driver("470.57.02", None)),
        fault("torch 2.9.0+cu128 needs driver 525.60.13 or newer; 470.57.02 is installed."),
        offers=OFFERS,
    ),
    "the last driver that is too old": Fires(
        of(b.driver("525.60.12", None)),
        fault("torch 2.9.0+cu128 needs driver 525.60.13 or newer; 525.60.12 is installed."),
        offers=OFFERS,
    ),
    "beside AMD's driver": Fires(
        of(OLD, "2.11.0+cu130", drivers=[b.amd_driver(), OLD]),
        fault(
            "torch 2.11.0+cu130 needs driver 580.65.06 or newer; 570.86.15 (CUDA 12.8) is installed."
        ),
        offers=OFFERS,
    ),
    "a CUDA that the table has not, a driver without version or library": Fires(
        of(b.driver(None, "13.0", library=None), "2.99.0+cu990"),
        fault("torch 2.99.0+cu990 needs a driver of CUDA 99; one (CUDA 13.0) is installed.", None),
        offers=OFFERS,
    ),
    "a two-figure major": Fires(
        of(b.driver("340.10", "9.2")),
        fault("torch 2.9.0+cu128 needs driver 525.60.13 or newer; 340.10 (CUDA 9.2) is installed."),
        offers=["advise-driver manual"],
    ),
}

test_silent, test_firing = rows(driver_too_old, SILENT, FIRING)
