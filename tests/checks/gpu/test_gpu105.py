"""GPU105: the driver against torch's CUDA, and against the GPU."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.judge import attach
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import Driver, Library, Severity
from gpufix.model.payload import DriverFault, OldDriver, UnfitDriver

OFFERS = ["advise-driver manual", "install-torch-build unsafe"]


def of(
    driver: Driver,
    version: str = "2.9.0+cu128",
    *named: str,
    arch: str = "sm_75",
    **sections: object,
) -> View:
    """A GPU of Turing, whose first branch is not known, nor is there a last one."""
    known = {"drivers": [driver], "torch": b.torch(version), "gpus": [b.gpu(arch)]}
    return b.view(b.healthy(**(known | sections)), *named)


def on_bus(version: str | None, *ids: str, named: str | None = None, **changes: object) -> View:
    """NVML shows nothing: of the GPU there is only what the bus says."""
    cuda = changes.pop("cuda", None)
    library = f"/usr/lib/x86_64-linux-gnu/libcuda.so.{version}"
    changes = {"pci_ids": list(ids), "pci_devices": len(ids), "library": library} | changes
    host = {"host": changes.pop("host")} if "host" in changes else {}
    return of(
        b.driver(version, cuda, **changes),
        "2.9.0+cu128",
        *([named] if named else []),
        gpus=[],
        **host,
    )


def unfit(
    arch: str,
    message: str,
    least: str | None,
    last: str | None = None,
    flavour: str | None = None,
    severity: Severity = ERROR,
    evidence: tuple[str, ...] = (f"library: {b.driver().library}",),
) -> Fault:
    return Fault(
        severity,
        arch,
        message,
        evidence=evidence,
        breaks=("driver", "driver branch"),
        payload=UnfitDriver("nvidia", "unfit", arch, least, last, flavour),
    )


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
    "AMD's driver only": b.view(b.healthy(drivers=[b.amd_driver(version="1.0")])),
    "minor-version compatibility": of(b.driver("525.85.12", "12.0")),
    "a newer major": of(b.driver("580.95.05", "13.0"), "2.9.0+cu126"),
    "the oldest driver, by its version": of(b.driver("525.60.13", None)),
    "neither version nor CUDA is known": of(b.driver(None, None)),
    "a CUDA that the table has not": of(b.driver("580.95.05", None), "2.99.0+cu990"),
    "a CUDA that is no version": of(b.driver(), torch=b.torch("2.14.1+cu130", cuda="none")),
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
    "the first branch of an RTX 50, and its open modules": of(
        b.driver("570.86.16", "12.8", flavour="open"), arch="sm_120"
    ),
    "of the modules nothing is known": of(b.driver("580.95.05"), arch="sm_120"),
    "the last branch of Pascal": of(
        b.driver("580.95.05", "13.0", flavour="proprietary"), "2.6.0+cu126", arch="sm_61"
    ),
    "Turing takes both flavours": of(b.driver(flavour="proprietary")),
    "Hopper too": of(b.driver(flavour="proprietary"), arch="sm_90"),
    "a Jetson numbers its driver otherwise": of(
        b.driver("35.3.1", "12.8", flavour="open"), arch="sm_87"
    ),
    "it drives one of the two": of(
        b.driver("595.58.03", "13.2"), gpus=[b.gpu("sm_89"), b.gpu("sm_61", index=1)]
    ),
    "the other GPU of the bus is not looked at where one is seen": of(
        b.driver("595.58.03", "13.2", pci_devices=2, pci_ids=["1b80", "2684"]), arch="sm_89"
    ),
    "one of the two on the bus would be driven": on_bus("595.58.03", "1b80", "2684"),
    "the named GPU stands in another machine": of(
        b.driver("550.54.14", "12.4"), "2.9.0+cu128", "sm_120", arch="sm_75"
    ),
    "by its id the GPU is none of those named": on_bus("550.54.14", "1eb8", named="sm_120"),
    "one of the two on the bus is not known": on_bus("595.58.03", "1b80", "0001"),
    "one of the two that are shown is not known": of(
        b.driver("595.58.03", "13.2"), gpus=[b.gpu("sm_61"), b.gpu("sm_999", index=1)]
    ),
    "nobody knows the GPU": on_bus("550.54.14", "0001"),
    "no GPU, and one is named": on_bus("550.54.14", named="sm_120"),
    "WSL2's numbers are Windows'": of(
        b.driver("552.44", "12.8", kernel_version=None), arch="sm_120", host=b.host(wsl=True)
    ),
    "neither number nor CUDA is known, of an RTX 50": of(b.driver(None, None), arch="sm_120"),
    "cuda-compat's number is not the kernel's": of(
        b.driver(
            "595.58.03",
            "13.2",
            kernel_version="580.95.05",
            library="/usr/local/cuda/compat/libcuda.so.1",
        ),
        "2.6.0+cu126",
        arch="sm_61",
    ),
    "a torch for CPUs does not need the GPU": of(b.driver("560.35.03"), "2.9.0+cpu", arch="sm_120"),
    "the toolkit's stub is GPU106's, for an RTX 50 as well": of(
        b.driver("560.35.03", library_is_stub=True), arch="sm_120"
    ),
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
    "a GPU on the bus only": Fires(
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

ADVISE = ["advise-driver manual"]
FIRST = "needs driver 570 or newer with the open kernel modules"
RTX = "sm_120 (NVIDIA GeForce RTX 5080)"
FIRING |= {
    "before the first branch, whatever minor-version compatibility says": Fires(
        of(
            b.driver("560.35.03", "12.6", flavour="proprietary"),
            gpus=[b.gpu("sm_120", name="NVIDIA GeForce RTX 5080")],
        ),
        unfit(
            "sm_120",
            f"{RTX} {FIRST}; 560.35.03 with the proprietary ones is installed.",
            "570",
            None,
            "open",
        ),
        offers=ADVISE,
    ),
    "torch's CUDA asks for more than the GPU": Fires(
        of(b.driver("560.35.03", "12.6"), "2.11.0+cu130", arch="sm_120"),
        unfit(
            "sm_120",
            f"sm_120 (GPU of sm_120) {FIRST}; 560.35.03 is installed.",
            "580.65.06",
            None,
            "open",
            evidence=(
                "torch 2.11.0+cu130 needs driver 580.65.06",
                f"library: {b.driver().library}",
            ),
        ),
        offers=ADVISE,
    ),
    "after the last branch": Fires(
        of(b.driver("590.48.01", "13.1"), "2.6.0+cu126", arch="sm_61"),
        unfit(
            "sm_61",
            "sm_61 (GPU of sm_61) needs driver 580 or older with the proprietary kernel modules; "
            "590.48.01 is installed.",
            None,
            "580",
            "proprietary",
        ),
        offers=ADVISE,
    ),
    "the other kernel modules": Fires(
        of(b.driver("580.95.05", flavour="proprietary"), arch="sm_120"),
        unfit(
            "sm_120",
            "sm_120 (GPU of sm_120) needs the open kernel modules; 580.95.05 with the proprietary "
            "ones is installed.",
            None,
            None,
            "open",
        ),
        offers=ADVISE,
    ),
    "the other kernel modules, with which a GB10 was seen at work": Fires(
        of(b.driver("580.95.05", flavour="proprietary"), arch="sm_121"),
        unfit(
            "sm_121",
            "sm_121 (GPU of sm_121) needs the open kernel modules; 580.95.05 with the proprietary "
            "ones is installed.",
            None,
            None,
            "open",
            WARNING,
        ),
        offers=ADVISE,
    ),
    "Volta under the open modules": Fires(
        on_bus("580.95.05", "1db5", flavour="open", library=b.driver().library),
        unfit(
            "sm_70",
            "sm_70 (PCI device 10de:1db5) needs the proprietary kernel modules; 580.95.05 with the "
            "open ones is installed.",
            None,
            "580",
            "proprietary",
        ),
        offers=ADVISE,
    ),
    "a GPU that the driver ignores, by its id": Fires(
        on_bus("595.58.03", "1b80", library=b.driver().library),
        unfit(
            "sm_61",
            "sm_61 (PCI device 10de:1b80) needs driver 580 or older with the proprietary kernel "
            "modules; 595.58.03 is installed.",
            None,
            "580",
            "proprietary",
        ),
        offers=ADVISE,
    ),
    "a GPU of an id that nobody knows, and one is named": Fires(
        on_bus("560.35.03", "0001", named="RTX 5080", library=b.driver().library),
        unfit("sm_120", f"{RTX} {FIRST}; 560.35.03 is installed.", "570", None, "open"),
        offers=ADVISE,
    ),
    "the named one of two": Fires(
        of(
            b.driver("595.58.03", "13.2"),
            "2.9.0+cu128",
            "sm_61",
            "sm_89",
            gpus=[b.gpu("sm_89"), b.gpu("sm_61", index=1)],
        ),
        unfit(
            "sm_61",
            "sm_61 (GPU of sm_61) needs driver 580 or older with the proprietary kernel modules; "
            "595.58.03 is installed.",
            None,
            "580",
            "proprietary",
        ),
        offers=ADVISE,
    ),
    "Grace Hopper takes the open modules only": Fires(
        of(
            b.driver("535.129.03", "12.2", flavour="proprietary"),
            gpus=[b.gpu("sm_90", name="NVIDIA GH200 480GB")],
        ),
        unfit(
            "sm_90",
            "sm_90 (NVIDIA GH200 480GB) needs the open kernel modules; 535.129.03 with the "
            "proprietary ones is installed.",
            None,
            None,
            "open",
        ),
        offers=ADVISE,
    ),
    "by the CUDA that WSL2's driver serves": Fires(
        of(
            b.driver("561.09", "12.6", kernel_version=None, pci_devices=0),
            arch="sm_120",
            host=b.host(wsl=True),
        ),
        unfit(
            "sm_120",
            f"sm_120 (GPU of sm_120) {FIRST}; one of CUDA 12.6 is installed.",
            "570",
            None,
            "open",
        ),
        offers=ADVISE,
    ),
    "the kernel module is what drives it, not cuda-compat": Fires(
        of(
            b.driver(
                "570.86.15",
                "12.8",
                kernel_version="535.54.03",
                library="/usr/local/cuda/compat/libcuda.so.1",
            ),
            arch="sm_100",
        ),
        unfit(
            "sm_100",
            f"sm_100 (GPU of sm_100) {FIRST}; 535.54.03 is installed.",
            "570",
            None,
            "open",
            evidence=("library: /usr/local/cuda/compat/libcuda.so.1",),
        ),
        offers=ADVISE,
    ),
    "no torch: JAX's plug-in has code for it": Fires(
        of(
            b.driver("560.35.03", "12.6"),
            torch=None,
            arch="sm_120",
            binaries=b.binaries(b.library("jax_plugins/xla.so", b.code("sm_90"))),
        ),
        unfit(
            "sm_120",
            f"sm_120 (GPU of sm_120) {FIRST}; 560.35.03 is installed.",
            "570",
            None,
            "open",
        ),
        offers=ADVISE,
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
