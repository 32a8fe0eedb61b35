"""TCH209: the ROCm of a build against torch's."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.checks.toolchain.tch209_rocm_version_mismatch import rocm_version_mismatch
from gpufix.evidence.view import View
from gpufix.model import Severity
from gpufix.model.payload import ToolkitInUse


def of(version: str | None, **sections: object) -> View:
    """torch 2.9.0+rocm6.4 with a ROCm of this version."""
    return b.view(b.healthy_amd(**({"toolkits": [b.rocm(version)]} | sections)))


def fault(version: str, severity: Severity) -> Fault:
    return Fault(
        severity,
        "/opt/rocm",
        f"A build would use ROCm {version} in /opt/rocm (from /opt/rocm); torch 2.9.0+rocm6.4 is "
        "built for HIP 6.4.",
        payload=ToolkitInUse("rocm", version),
    )


SILENT = {
    "healthy AMD": b.view(b.healthy_amd()),
    "healthy": b.view(b.healthy()),
    "another patch release": of("6.4.9"),
    "nothing to build": of("7.0.2", project=b.project(builds=False)),
    "no project": of("7.0.2", project=None),
    "no torch": of("7.0.2", torch=None),
    "torch for CUDA": of("7.0.2", torch=b.torch()),
    "no ROCm": of(None, toolkits=[]),
    "a ROCm of unknown version": of(None),
    "run-time pieces only": of(None, toolkits=[b.rocm("7.0.2", compiler=None)]),
    "a CUDA toolkit beside it": of(None, toolkits=[b.toolkit("12.8")]),
    "torch's HIP has no version": of("7.0.2", torch=b.torch("2.9.0+rocm6.4", hip="unknown")),
}

FIRING = {
    "another major version": Fires(
        of("7.0.2"), fault("7.0", WARNING), offers=["install-torch-build unsafe"]
    ),
    "an older minor version": Fires(
        of("6.3.4"), fault("6.3", ADVICE), offers=["install-torch-build unsafe"]
    ),
    "a minor version that no torch is built for": Fires(of("6.5.0"), fault("6.5", ADVICE)),
}

test_silent, test_firing = rows(rocm_version_mismatch, SILENT, FIRING)
