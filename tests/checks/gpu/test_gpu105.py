"""GPU105: the driver against torch's CUDA."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.judge import attach
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.model import Driver, Library
from gpufix.model.payload import DriverFault, OldDriver

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
JAX = {"jax-cuda13-pjrt": ["libcudart.so.13"], "jax-cuda13-plugin": ["libcublas.so.13"]}


def packages(cuda: dict[str, list[str]], *libraries: Library, **sections: object) -> View:
    """An old driver, and packages whose libraries name these."""
    owners = {*cuda, *(x.distribution for x in libraries if x.distribution)}
    known = {
        "drivers": [OLD],
        "torch": None,
        "distributions": [b.dist(name) for name in sorted(owners)],
        "binaries": replace(b.binaries(*libraries), cuda=cuda),
    }
    return b.view(b.healthy(**(known | sections)))


def of_packages(message: str, *evidence: str) -> Fault:
    return Fault(
        ERROR,
        evidence[0].partition(" ")[0],
        f"{message} needs driver 580.65.06 or newer; 570.86.15 (CUDA 12.8) is installed.",
        evidence=evidence,
        breaks=("driver",),
        needs=("driver",),
        payload=OldDriver("nvidia", "too old", "13.0"),
    )


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
    "packages for the driver's CUDA": packages({"cupy-cuda12x": ["libcublas.so.12"]}),
    "it has a library for each CUDA": packages({"bnb": ["libcudart.so.12", "libcudart.so.13"]}),
    "a library of CUDA's own": packages({"nvidia-cusolver": ["libcublas.so.13"]}),
    "torch's CUDA is its users'": packages(
        {"ext": ["libcudart.so.13"]}, b.library("ext/x.so", distribution="ext", links_torch=True)
    ),
    "only its name says so": packages({"rmm-cu13": ["libcudnn.so.9"]}),
    "packages, and no GPU": packages(JAX, **NO_GPU),
    "packages, and a stub": packages(JAX, drivers=[replace(OLD, library_is_stub=True)]),
    "packages, and a driver that names no CUDA": packages(JAX, drivers=[b.driver("570.1", None)]),
    "packages, and no driver": packages(JAX, drivers=[]),
    "no distribution owns the library": packages(
        {"/x/_C.so": ["libcudart.so.13"]}, distributions=[]
    ),
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
    "packages without torch": Fires(
        packages(JAX),
        of_packages(
            "jax-cuda13-pjrt (and 1 more) is built for CUDA 13 and",
            "jax-cuda13-pjrt names libcudart.so.13",
            "jax-cuda13-plugin names libcublas.so.13",
        ),
        offers=["advise-driver manual"],
    ),
    "its name says so, and it holds code": Fires(
        packages({}, b.library("cupy/x.so", b.code("sm_90"), distribution="cupy-cuda13x"), gpus=[]),
        of_packages(
            "cupy-cuda13x is built for CUDA 13 and", "cupy-cuda13x is called cupy-cuda13x 1.0"
        ),
        offers=["advise-driver manual"],
    ),
    "a two-figure major": Fires(
        of(b.driver("340.10", "9.2")),
        fault("torch 2.9.0+cu128 needs driver 525.60.13 or newer; 340.10 (CUDA 9.2) is installed."),
        offers=["advise-driver manual"],
    ),
}

test_silent, test_firing = rows(driver_too_old, SILENT, FIRING)


def test_one_driver_is_one_finding() -> None:
    both = packages(JAX, torch=b.torch("2.11.0+cu130"))
    (root,) = attach(b.run(driver_too_old, both.facts))
    assert [root.subject, *(x.subject for x in root.consequences)] == [
        "nvidia driver",
        "jax-cuda13-pjrt",
    ]
