"""Put a name that old and new CUDA or torch have for one that is gone."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import mended, removed_edits, source
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import RemovedNameUse
from gpufix.source.cxx.code import CxxCode


@fix("replace-removed-cuda", "SRC604")
def replace_removed_cuda(finding: Finding, view: View) -> Plan | Skip | None:
    """cub's functors behind a test of CUDART_VERSION; renamed functions; device attributes."""
    use = finding.payload_as(RemovedNameUse)
    if use.language != "cxx":
        return None
    path, names = use.path, [use.name, *use.others]
    if kept := _kept(view, path, names):
        reason = f"no spelling of {kept} is known that builds on old and new releases alike"
        return finding.skip("replace-removed-cuda", reason, subject=path)
    return finding.plan(
        "replace-removed-cuda",
        "safe",
        f"replace {', '.join(names)} in {path} so that old and new releases build it",
        *mended(view, path),
        subjects=[path],
    )


def _kept(view: View, path: str, names: list[str]) -> str:
    """Those that no edit takes out of use: with one of them left, the source does not compile."""
    found = source(view, path)
    code = CxxCode(found.text) if found else None
    kept = [n for n in sorted(names) if code is None or not removed_edits(view, path, code, [n])]
    return ", ".join(kept)
