"""Include the standard header that a source relies on."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import mended
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import MissingInclude


@fix("include-header", "SRC603")
def include_header(finding: Finding, view: View) -> Plan | Skip:
    """One `#include` line before the first one of the file."""
    missing = finding.payload_as(MissingInclude)
    path, header = missing.path, missing.header
    steps = mended(view, path)
    if not steps:
        return finding.skip("include-header", "the file cannot be read, or has the line already")
    return finding.plan("include-header", "safe", f"include <{header}> in {path}", *steps)
