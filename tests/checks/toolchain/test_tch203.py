"""TCH203: the toolkit's minor version against torch's, and its PTX against the driver."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.toolchain.tch203_toolkit_minor_mismatch import toolkit_minor_mismatch
from gpufix.evidence.view import View


def of(version: str | None, *drivers: object, **sections: object) -> View:
    """torch 2.9.0+cu128 with a toolkit of this version."""
    given = {"drivers": list(drivers)} if drivers else {}
    return b.view(b.healthy(toolkits=[b.toolkit(version)], **given, **sections))


def fault(version: str, more: str = "") -> Fault:
    root = f"/usr/local/cuda-{version}"
    return Fault(
        ADVICE,
        root,
        f"A build would use CUDA {version} in {root} (from /usr/local); torch 2.9.0+cu128 is built "
        f"for CUDA 12.8. That is allowed{more}.",
        needs=("toolkit",),
    )


NO_PTX = (
    ", but the driver (CUDA 12.8) compiles no PTX of version 8.8: what is built here needs machine "
    "code for each GPU"
)
OLD = b.driver("570.86.15", "12.8")

SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "a patch release": b.view(b.healthy(toolkits=[b.toolkit("12.8.93")])),
    "another major version is TCH202's": of("13.0"),
    "nothing to build": of("12.9", project=b.project(builds=False)),
    "torch for CPUs": of("12.9", torch=b.torch("2.13.0+cpu")),
    "no toolkit": b.view(b.healthy(toolkits=[])),
    "a toolkit of unknown version": of(None),
}

FIRING = {
    "a newer minor version, and a driver that reads its PTX": Fires(of("12.9"), fault("12.9")),
    "its PTX is the driver's own": Fires(of("12.9", b.driver("575.57.08", "12.9")), fault("12.9")),
    "an older minor version": Fires(of("12.4", OLD), fault("12.4")),
    "newer PTX than the driver reads": Fires(of("12.9", OLD), fault("12.9", NO_PTX)),
    "the driver stands behind another vendor's": Fires(
        of("12.9", b.amd_driver(cuda="12.9"), OLD), fault("12.9", NO_PTX)
    ),
    "what the driver serves is not known": Fires(
        of("12.9", b.driver("570.86.15", None)), fault("12.9")
    ),
    "no driver": Fires(b.view(b.healthy(toolkits=[b.toolkit("12.9")], drivers=[])), fault("12.9")),
    "a toolkit that no table lists": Fires(of("12.99", OLD), fault("12.99")),
}

test_silent, test_firing = rows(toolkit_minor_mismatch, SILENT, FIRING)
