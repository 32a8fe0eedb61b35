"""Let an install script build where torch is."""

from __future__ import annotations

from shlex import quote

from gpufix.evidence.script_calls import called
from gpufix.evidence.script_installs import isolated_of, isolates_in_image
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Advise, Finding, Plan, Skip
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
    if found.file == "requirements":
        return _by_hand(finding, view, path)

    def change(text: str) -> str | None:
        if found.file == "docker":
            new = edits.without_isolation_in_image(text, found.lines)
            return None if new is None or isolates_in_image(view, path, new) else new
        new = edits.without_isolation(text, found.lines)
        if new is None or any(isolated_of(view, path, called(view, path, new))):
            return None
        return new

    write = rewrite(view, path, change)
    if write is None:
        reason = f"{path} does not call pip in a form that is changed with confidence"
        return finding.skip(NAME, reason)
    return finding.plan(
        NAME,
        "unsafe" if found.others else "safe",
        f"let {path} build without isolation",
        write,
        notes=["setuptools, wheel and what else these builds need must be installed"],
    )


def _by_hand(finding: Finding, view: View, path: str) -> Plan | Skip:
    """A requirement file has no option for it; pip's command line does."""
    if path.endswith((".yml", ".yaml")):
        reason = "a conda environment file cannot say it: install these packages afterwards"
        return finding.skip(NAME, reason)
    command = f"python -m pip install --no-build-isolation -r {quote(absolute(view, path))}"
    return finding.plan(
        NAME,
        "manual",
        f"install {path} without isolation",
        Advise(text="a requirement file cannot say it", command=command),
        notes=["torch, setuptools, wheel and what else these builds need must be installed before"],
    )
