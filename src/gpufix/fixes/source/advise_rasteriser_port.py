"""Say where a rasteriser for AMD GPUs comes from."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Plan

NAME = "advise-rasteriser-port"


@fix(NAME, "SRC610")
def advise_rasteriser_port(finding: Finding, view: View) -> Plan:
    """No release of nvdiffrast builds for AMD GPUs, with either context; ports are other people's
    code, which you choose and build yourself."""
    return finding.plan(
        NAME,
        "manual",
        "build a port of nvdiffrast for AMD GPUs",
        Advise(
            text="no release of nvdiffrast builds for AMD GPUs, with either context; "
            "https://github.com/NVlabs/nvdiffrast/issues/240 names a port to ROCm 7.1. "
            "Build it with the installed torch: pip install --no-build-isolation FOLDER"
        ),
    )
