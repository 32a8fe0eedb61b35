"""Let an install script build where torch is."""

from __future__ import annotations

from gpufix.evidence.scripts import called, isolated_of
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import IsolatedInstalls
from gpufix.source import edits

NAME = "install-without-isolation"


@fix(NAME, "SRC606")
def install_without_isolation(finding: Finding, view: View) -> Plan | Skip | None:
    """pip gets --no-build-isolation; the edited script is run again, abstractly, as proof."""
    found = finding.payload
    if not isinstance(found, IsolatedInstalls):
        return None
    path = found.path

    def change(text: str) -> str | None:
        new = edits.without_isolation(text, found.lines)
        if new is None or any(isolated_of(view, path, called(view, path, new))):
            return None
        return new

    write = rewrite(view, path, change)
    if write is None:
        reason = f"{path} does not call pip in a form that is changed with confidence"
        return Skip(fix=NAME, code="SRC606", subject=finding.subject, reason=reason)
    return Plan(
        fix=NAME,
        codes=["SRC606"],
        subjects=[finding.subject],
        title=f"let {path} build without isolation",
        safety="unsafe" if found.others else "safe",
        steps=[write],
        notes=["setuptools, wheel and what else these builds need must be installed"],
    )
