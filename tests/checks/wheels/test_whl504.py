"""WHL504: torch's own pins."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.symbols.sym403_undefined_library_symbol import undefined_library_symbol
from gpufix.checks.wheels.whl504_pin_skew import pin_skew
from gpufix.evidence.view import View
from gpufix.model import Distribution, Problem
from gpufix.model.payload import DistributionFault

NCCL = "nvidia-nccl-cu12"
OLD = b.dist(NCCL, "2.21.5")
CU13 = [
    b.dist("torch", "2.13.0+cu130", requires=["cuda-toolkit[cublas]==13.0.3"]),
    b.dist("cuda-toolkit", "13.0.3", requires=['nvidia-cublas==13.1.0.3; extra == "cublas"']),
]


def of(*dists: Distribution, **sections: object) -> View:
    return b.view(b.facts(**{"torch": b.torch(), "distributions": [*dists], **sections}))


def torch(*requires: str, **changes: object) -> Distribution:
    return b.dist("torch", "2.9.0+cu128", requires=[*requires], **changes)


def fault(message: str, name: str = NCCL) -> Fault:
    return Fault(
        WARNING,
        name,
        message,
        breaks=(f"dist:{name}",),
        needs=(f"collision:{name}",),
        payload=DistributionFault(name),
    )


PINS = torch(f"{NCCL}==2.27.5")
SKEW = f"torch 2.9.0+cu128 declares {NCCL}==2.27.5; 2.21.5 is installed."
# The loader took the older NCCL, and torch does not load with it.
UNDEFINED = b.library(
    "torch/lib/libtorch_cuda.so",
    distribution="torch",
    problems=[
        Problem(
            kind="undefined-symbol",
            name="ncclGroupSimulateEnd",
            provider=f"{b.SITE}/nvidia/nccl/lib/libnccl.so.2",
        )
    ],
)

SILENT = {
    "met": of(PINS, b.dist(NCCL, "2.27.5")),
    "absent": of(PINS),  # WHL506's
    "another package's pin": of(b.dist("a", requires=["triton==1.0"]), b.dist("triton", "3.0")),
    "what torch asks of others": of(torch("numpy<2"), b.dist("numpy", "2.1")),
    "met by way of the CUDA meta-package": of(*CU13, b.dist("nvidia-cublas", "13.1.0.3")),
    "an extra that torch does not ask for": of(
        b.dist("torch", "2.13.0+cu130"), CU13[1], b.dist("nvidia-cublas", "1")
    ),
}

FIRING = {
    "an older NCCL": Fires(
        of(PINS, OLD),
        fault(SKEW),
        offers=["install-declared unsafe"],
    ),
    "torch cannot load with it": Fires(
        of(PINS, OLD, binaries=b.binaries(UNDEFINED)),
        fault(SKEW),
        offers=["install-declared safe"],
        beside=[undefined_library_symbol],
    ),
    "conda's": Fires(
        of(PINS, b.dist(NCCL, "2.21.5", source="conda", package="nccl")),
        fault(SKEW),
        offers=["install-declared manual"],
    ),
    "conda's torch": Fires(
        of(torch(f"{NCCL}==2.27.5", source="conda"), OLD),
        fault(SKEW),
    ),
    "a range": Fires(
        of(torch("Nvidia_NCCL.cu12>=2.27"), OLD),
        fault("torch 2.9.0+cu128 declares Nvidia_NCCL.cu12>=2.27; 2.21.5 is installed."),
        offers=["install-declared unsafe"],
    ),
    "met, then not": Fires(
        of(torch("nvidia-a==1", "numpy<2", f"{NCCL}==2.27.5"), b.dist("numpy", "2.1"), OLD),
        fault(SKEW),
        offers=["install-declared unsafe"],
    ),
    "by way of the CUDA meta-package": Fires(
        of(*CU13, b.dist("nvidia-cublas", "13.0.0.1")),
        fault(
            "cuda-toolkit 13.0.3 declares nvidia-cublas==13.1.0.3; 13.0.0.1 is installed.",
            "nvidia-cublas",
        ),
        offers=["install-declared unsafe"],
    ),
    "each once, which several of its extras name": Fires(
        of(
            b.dist("torch", "2.13.0+cu130", requires=["cuda-toolkit[cublas,cusolver]==13.0.3"]),
            b.dist(
                "cuda-toolkit",
                "13.0.3",
                requires=[
                    f'nvidia-cublas==13.1.0.3; extra == "{x}"' for x in ("cublas", "cusolver")
                ],
            ),
            b.dist("nvidia-cublas", "13.0.0.1"),
        ),
        fault(
            "cuda-toolkit 13.0.3 declares nvidia-cublas==13.1.0.3; 13.0.0.1 is installed.",
            "nvidia-cublas",
        ),
        offers=["install-declared unsafe"],
    ),
    **{
        f"{name} is a pin": Fires(
            of(torch(f"{name}==2"), b.dist(name, "1")),
            fault(f"torch 2.9.0+cu128 declares {name}==2; 1 is installed.", name),
            offers=["install-declared unsafe"],
        )
        for name in ("triton", "pytorch-triton", "cuda-toolkit", "cuda-bindings")
    },
}

test_silent, test_firing = rows(pin_skew, SILENT, FIRING)
