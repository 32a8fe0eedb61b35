"""Install one of several packages, of which another needs one."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Plan
from gpufix.model.payload import NoneOfSeveral

NAME = "choose-one-of"


@fix(NAME, "WHL506")
def choose_one_of(finding: Finding, view: View) -> Plan | None:
    """Which one is for the user to say: they are whole frameworks."""
    if not isinstance(finding.payload, NoneOfSeveral):
        return None
    names = ", ".join(finding.payload.names)
    return Plan(
        fix=NAME,
        codes=[finding.code],
        subjects=[finding.subject],
        title=f"install one of {names}",
        safety="manual",
        steps=[Advise(text=f"which one {finding.subject} is to use is yours to say")],
    )
