"""Ask for the C++ that torch's headers take."""

from __future__ import annotations

from gpufix.evidence.cxx_standard import raises
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import OldStandard
from gpufix.source import edits
from gpufix.source.python import python_edits

NAME = "raise-cxx-standard"


@fix(NAME, "TCH211")
def raise_cxx_standard(finding: Finding, view: View) -> Plan | Skip:
    """Older torch releases, whose compilers may not know the newer one, get what they got."""
    old = finding.payload_as(OldStandard)
    lines, release = set(old.lines), old.release or ""

    def change(text: str) -> str | None:
        if old.way == "cmake":
            new = edits.raise_standard(text, lines, old.needs, release, old.unset)
            done = new is not None and (not old.unset or raises(view, old.path, new, old.needs))
            return new if done else None
        return python_edits.raise_standard(text, lines, old.way == "setup", old.needs, release)

    write = rewrite(view, old.path, change) if release else None
    if write is None:
        reason = f"{old.path} does not ask for it in a form that is changed with confidence"
        return Skip(fix=NAME, code="TCH211", subject=finding.subject, reason=reason)
    return Plan(
        fix=NAME,
        codes=["TCH211"],
        subjects=[finding.subject],
        title=f"let {old.path} ask for C++{old.needs} with torch {release} and newer",
        safety="safe",
        steps=[write],
        notes=["what was built before must be built again"],
    )
