"""Cast at the call."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import UnfitArgument
from gpufix.source.python import python_edits

NAME = "cast-argument"


@fix(NAME, "SRC611")
def cast_argument(finding: Finding, view: View) -> Plan | Skip:
    """`.float()` for a half tensor; `.cpu().int()` for ranges, which are int32 on the CPU."""
    argument = finding.payload_as(UnfitArgument)
    path, given = argument.path, argument.text
    suffix = ".cpu().int()" if argument.kind == "ranges" else ".float()"
    write = rewrite(
        view, path, lambda text: python_edits.call_on(text, argument.line, given, suffix)
    )
    if write is None:
        reason = f"{path} does not hand it over in a form that is changed with confidence"
        return Skip(fix=NAME, code="SRC611", subject=finding.subject, reason=reason)
    return Plan(
        fix=NAME,
        codes=["SRC611"],
        subjects=[finding.subject],
        title=f"hand {argument.call} {given}{suffix} in {path}",
        safety="unsafe",
        steps=[write],
    )
