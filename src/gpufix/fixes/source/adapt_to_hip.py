"""Let a CUDA source be built for HIP as well."""

from __future__ import annotations

from gpufix.evidence import cxx, hip_blocks
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import droppable, hip_edits, mended, source, unfit
from gpufix.knowledge import hip_api
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import ProjectFile
from gpufix.source.cxx.code import CxxCode


@fix("adapt-to-hip", "SRC607")
def adapt_to_hip(finding: Finding, view: View) -> Plan | Skip:
    """Chevrons joined, the compatibility header for warp functions; or why not."""
    path = finding.payload_as(ProjectFile).path
    found = source(view, path)
    code = CxxCode(found.text) if found else None
    if code is None or not hip_edits(view, path, code):
        why = unfit(view, path, code) if code else None
        reason = why or "what HIP lacks here has no equal that means the same"
        return finding.skip("adapt-to-hip", reason, subject=path)
    left = _left(view, path, code)
    if left:  # the finding would stay
        reason = f"{len(left)} places have no equal that means the same: {'; '.join(left[:5])}"
        return finding.skip("adapt-to-hip", reason, subject=path)
    return finding.plan(
        "adapt-to-hip",
        "safe",
        f"make {path} build for HIP as well",
        *mended(view, path),
        subjects=[path],
    )


def _left(view: View, path: str, code: CxxCode) -> list[str]:
    """What has to be done by hand."""
    left = []
    why = unfit(view, path, code)
    facts = cxx.hip_files(view).get(path, cxx.HipFile())
    dropped = droppable(facts)
    for block in hip_blocks.blocks(view, facts):
        done = block.shim and why is None
        done |= block.name == hip_api.CHEVRONS or block.name.strip("<>") in dropped
        if not done:
            left.append(f"line {block.line}, {block.name} ({why if block.shim else block.reason})")
    return left
