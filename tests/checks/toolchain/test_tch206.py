"""TCH206: whether nvcc generates code for the targets."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.judge import attach, run_check
from gpufix.checks.registry import ERROR, WARNING, Fault, declared
from gpufix.checks.toolchain.tch202_toolkit_major_mismatch import toolkit_major_mismatch
from gpufix.checks.toolchain.tch206_nvcc_lacks_target import nvcc_lacks_target
from gpufix.evidence.view import View
from gpufix.model import Severity, Target
from gpufix.model.payload import ToolkitInUse

CU126 = b.torch("2.9.0+cu126")
UNKNOWN = Target(vendor="nvidia", arch="sm_999", source="--gpu sm_999")


def of(version: str | None, *named: str, lists: str | None = None, **sections: object) -> View:
    """torch for CUDA 12.6 and a toolkit of this version; `lists`: TORCH_CUDA_ARCH_LIST."""
    env = {} if lists is None else {"TORCH_CUDA_ARCH_LIST": lists}
    base = {
        "torch": CU126,
        "toolkits": [b.toolkit(version)],
        "gpus": [],
        "environment": b.environment(**env),
    }
    return b.view(b.healthy(**(base | sections)), *named)


def fault(
    arch: str, why: str, version: str = "12.6", severity: Severity = ERROR, target: str = ""
) -> Fault:
    root = f"/usr/local/cuda-{version}"
    return Fault(
        severity,
        arch,
        f"CUDA {'.'.join(version.split('.')[:2])} in {root} (from /usr/local) generates no code "
        f"for {arch}, {why}.",
        evidence=(f"nvcc: {root}/bin/nvcc", f"target: {target or f'--gpu {arch}'}"),
        needs=("toolkit",),
        payload=ToolkitInUse("cuda", ".".join(version.split(".")[:2])),
    )


NEWER = "which needs CUDA 12.8"
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "nothing to build": of("12.6", "sm_120", project=b.project(builds=False)),
    "torch for CPUs": of("12.6", "sm_120", torch=b.torch("2.9.0+cpu")),
    "no toolkit": of("12.6", "sm_120", toolkits=[]),
    "a toolkit of unknown version": of(None, "sm_120"),
    "a toolkit that no table lists": of("12.99", "sm_120"),
    "no target": of("12.6"),
    "an AMD GPU is no matter of nvcc's": of("12.6", "gfx1100"),
    "Thor is compute_101 to CUDA 12.8": of("12.8", "sm_110"),
    "the arch list asks for PTX": of("12.6", "sm_120", lists="8.0;9.0+PTX"),
}

FIRING = {
    "too old": Fires(of("12.6", "sm_120"), fault("sm_120", NEWER)),
    "another here knows it": Fires(
        of("12.6", "sm_120", toolkits=[b.toolkit("12.6"), b.toolkit("12.8", selected=False)]),
        fault("sm_120", NEWER),
        offers=["point-cuda-home safe"],
    ),
    "wheels would bring one that knows it": Fires(
        of("12.6", "sm_120", torch=b.torch("2.13.0+cu130")),
        fault("sm_120", NEWER),
        offers=["install-toolkit-wheels unsafe"],
    ),
    "dropped": Fires(
        of("13.0", "sm_70"),
        fault("sm_70", "which CUDA 12.9 was the last to know", "13.0"),
    ),
    "known to none": Fires(
        View(of("12.6").facts, [UNKNOWN]), fault("sm_999", "which no listed CUDA knows")
    ),
    "Thor had another name at first": Fires(of("12.6", "sm_110"), fault("sm_110", NEWER)),
    "a patch release of the toolkit": Fires(
        of("12.6.85", "sm_120"), fault("sm_120", NEWER, "12.6.85")
    ),
    "a visible GPU is named": Fires(
        of("12.6", gpus=[b.gpu("sm_120", name="RTX 5080")]),
        fault("sm_120", NEWER, target="RTX 5080"),
    ),
    "two of three": Fires(
        of("12.6", "sm_100", "sm_89", "sm_120"),
        [fault("sm_100", NEWER), fault("sm_120", NEWER)],
    ),
    "one of two that are visible": Fires(
        of("12.6", gpus=[b.gpu("sm_89"), b.gpu("sm_120", index=1, name="RTX 5080")]),
        fault("sm_120", NEWER, severity=WARNING, target="RTX 5080"),
    ),
    "an AMD GPU beside it is not served either": Fires(
        of("12.6", "sm_120", "gfx1100"), fault("sm_120", NEWER)
    ),
    "the arch list asks for machine code": Fires(
        of("12.6", "sm_120", lists="8.0;9.0"), fault("sm_120", NEWER)
    ),
    "the arch list cannot be read": Fires(
        of("12.6", "sm_120", lists="9.0+PTX;x"), fault("sm_120", NEWER)
    ),
    "how torch reads the arch list is not known": Fires(
        of("12.6", "sm_120", lists="9.0+PTX", torch=b.torch("2.9.0+cu126", release=None)),
        fault("sm_120", NEWER),
    ),
}

test_silent, test_firing = rows(nvcc_lacks_target, SILENT, FIRING)


def test_an_older_major_version_explains_it() -> None:
    view = of("12.6", "sm_120", torch=b.torch("2.13.0+cu130"))
    (major,) = run_check(declared(toolkit_major_mismatch), view)
    (lacks,) = run_check(declared(nvcc_lacks_target), view)
    (cause,) = attach([lacks, major])
    assert (cause.code, [f.code for f in cause.consequences]) == ("TCH202", ["TCH206"])
