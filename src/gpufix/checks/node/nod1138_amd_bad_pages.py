"""NOD1138."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault
from gpufix.text.clean import counted


@rule("NOD1138", "amd-bad-pages")
def amd_bad_pages(view: View) -> Iterator[Fault | Gap]:
    """Pages of an AMD GPU's memory are bad.

    ## What it does
    Reads the table of bad pages.

    ## Why it matters
    Reserved pages are out of use and do no harm. A page that could not be reserved is still used.

    ## Example
    `AMD GPU 1: 3 bad pages, 1 of them still in use.`

    ## Severity
    Warning where a page could not be reserved; advice for reserved ones.

    ## Fix
    Manual: a restart of the machine, or a replacement.

    ## Source
    https://docs.kernel.org/gpu/amdgpu/ras.html (gpu_vram_bad_pages: R reserved, P pending, F unable
    to reserve).
    """
    for gpu in known(view, "bad_pages", "bad_pages_failed", vendor="amd"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.bad_pages:
            failed = gpu.bad_pages_failed or 0
            used = f", {failed} of them still in use" if failed else ""
            yield Fault(
                severity=WARNING if failed else ADVICE,
                subject=label(gpu),
                message=f"{label(gpu)}: {counted(gpu.bad_pages, 'bad page')}{used}.",
                payload=NodeFault("examine"),
            )
