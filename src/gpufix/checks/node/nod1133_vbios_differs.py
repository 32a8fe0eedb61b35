"""NOD1133."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.node_readings import known, numbered
from gpufix.evidence.view import View
from gpufix.model import Gap, NodeGpu
from gpufix.model.payload import NodeFault


@rule("NOD1133", "vbios-differs")
def vbios_differs(view: View) -> Iterator[Fault | Gap]:
    """GPUs of one model have different VBIOS versions.

    ## What it does
    Compares the VBIOS versions of GPUs with the same name.

    ## Why it matters
    They can differ in clocks, power limits and bug fixes. One was replaced, or an update has missed
    it.

    ## Example
    `GPU 6 has VBIOS 96.00.61.00.01; 7 others have 96.00.74.00.01.`

    ## Severity
    Warning.

    ## Fix
    Manual: the vendor's update.

    ## Source
    facebookresearch/gcm vbios_mismatch.
    """
    found = list(known(view, "vbios"))
    yield from (gap for gap in found if isinstance(gap, Gap))
    models: dict[str | None, list[NodeGpu]] = {}
    for gpu in found:
        if not isinstance(gpu, Gap):
            models.setdefault(gpu.name, []).append(gpu)
    for gpus in models.values():
        versions = Counter(gpu.vbios for gpu in gpus).most_common()
        for version, number in versions[1:]:
            odd = [gpu for gpu in gpus if gpu.vbios == version]
            others = "another has" if len(gpus) - number == 1 else f"{versions[0][1]} others have"
            yield Fault(
                severity=WARNING,
                subject=numbered(odd),
                message=f"{numbered(odd)} {'has' if number == 1 else 'have'} VBIOS {version}; {others} "
                f"{versions[0][0]}.",
                payload=NodeFault("update"),
            )
