"""Build where glibc and the CUDA headers agree."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import cuda
from gpufix.model import Advise, Finding, Plan
from gpufix.model.payload import ToolkitInUse


@fix("advise-older-glibc", "TCH213")
def advise_older_glibc(finding: Finding, view: View) -> Plan:
    """A container with the glibc that this toolkit knows, or a toolkit that knows this glibc."""
    version, glibc = finding.payload_as(ToolkitInUse).version, view.facts.host.libc_version or ""
    newest = cuda.agreeing_glibc(version)
    older = f"glibc {newest} or older" if newest else "an older glibc"
    first = next((v for v in cuda.versions() if cuda.headers_agree(v, glibc)), None)
    newer = f" CUDA {first} is the first whose headers agree with glibc {glibc}." if first else ""
    return finding.plan(
        "advise-older-glibc",
        "manual",
        f"build in a container with {older}",
        Advise(
            text="NVIDIA's images for an older distribution have one: nvidia/cuda, tags "
            f"{version}.*-devel-ubuntu24.04 or -ubuntu22.04.{newer}"
        ),
    )
