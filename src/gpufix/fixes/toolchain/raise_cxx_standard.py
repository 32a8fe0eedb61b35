"""Ask for the C++ that torch's headers take."""

from __future__ import annotations

from gpufix.evidence.builds import builds_of
from gpufix.evidence.cxx_standard import by_torchs_cmake, raises, torch_finder
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import OldStandard
from gpufix.source import edits
from gpufix.source.python import python_edits

NAME = "raise-cxx-standard"


def _alone_as_before(view: View, old: OldStandard, text: str) -> bool:
    """Whether a setup.py still ends without torch as it did: it may ask torch's version now."""
    if old.way != "setup":
        return True
    world = {"torch": None}
    before, after = (
        builds_of(view).run(old.path, edited, **world) for edited in (None, {old.path: text})
    )
    if (before.fails is None) != (after.fails is None):
        return False
    names = [[each.name for each in run.extensions] for run in (before, after)]
    return before.fails is not None or names[0] == names[1]


@fix(NAME, "TCH211")
def raise_cxx_standard(finding: Finding, view: View) -> Plan | Skip:
    """Older torch releases, whose compilers may not know the newer one, get what they got."""
    old = finding.payload_as(OldStandard)
    lines, release = set(old.lines), old.release or ""

    def change(text: str) -> str | None:
        if old.way == "cmake":
            ask, finder = not by_torchs_cmake(view, old.path), torch_finder(view, old.path)
            new = edits.raise_standard(text, lines, old.needs, release, old.unset, ask, finder)
            return new if new is not None and raises(view, old.path, new, old.needs) else None
        new = python_edits.raise_standard(text, lines, old.way == "setup", old.needs, release)
        return new if new is not None and _alone_as_before(view, old, new) else None

    write = rewrite(view, old.path, change) if release else None
    if write is None:
        reason = f"{old.path} does not ask for it in a form that is changed with confidence"
        return finding.skip(NAME, reason)
    return finding.plan(
        NAME,
        "safe",
        f"let {old.path} ask for C++{old.needs} with torch {release} and newer",
        write,
        notes=["what was built before must be built again"],
    )
