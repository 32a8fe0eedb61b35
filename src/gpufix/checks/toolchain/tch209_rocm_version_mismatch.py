"""TCH209."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.building import builds, describe, rocm_torch, same_major, toolkit_in_use
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import minor
from gpufix.knowledge.hip_api import hip_of
from gpufix.model.payload import ToolkitInUse


@rule("TCH209", "rocm-version-mismatch")
def rocm_version_mismatch(view: View) -> Iterator[Fault]:
    """The ROCm that a build would use is another version than torch's.

    ## What it does
    Compares the version of the ROCm installation that holds hipcc with the ROCm of torch. HIP has
    a version of its own: where torch tells only that, it is compared with HIP's in that ROCm.

    ## Why it matters
    torch's wheels carry their own ROCm libraries; an extension compiled against another major
    version is linked to libraries of other SONAMEs, and warp intrinsics changed in ROCm 7.

    ## Example
    `A build would use ROCm 6.2 in /opt/rocm (from /opt/rocm); torch 2.10.0+rocm7.0 is built for
    ROCm 7.0.`

    ## Severity
    Warning for another major version, advice for another minor one. Silent when the project has
    nothing to build.

    ## Fix
    Unsafe: install the torch build of the ROCm that is here, where there is one.

    ## Source
    torch's version.py; ROCm's .info/version; the HIP 7.0 changelog.
    """
    torch, toolkit = rocm_torch(view), toolkit_in_use(view, "rocm")
    if not builds(view) or torch is None or toolkit is None or not toolkit.version:
        return
    built, named = minor(torch.rocm or torch.hip or ""), "ROCm" if torch.rocm else "HIP"
    here = {minor(toolkit.version)} if torch.rocm else hip_of(toolkit.version)
    if not built or built in here:
        return
    yield Fault(
        severity=ADVICE if same_major(toolkit.version, built) else WARNING,
        subject=toolkit.root,
        message=f"A build would use {describe(toolkit)}; torch {torch.version} is built for {named} {built}.",
        payload=ToolkitInUse("rocm", minor(toolkit.version)),
    )
