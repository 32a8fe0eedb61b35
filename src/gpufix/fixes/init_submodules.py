"""Fetch submodules that a clone left out."""

from __future__ import annotations

from gpufix.fixes.registry import fix
from gpufix.model import Finding, InitSubmodules, Plan, Severity, Skip
from gpufix.source.gitmodules import https_url
from gpufix.view import View

NAME = "init-submodules"


@fix(NAME, "SRC605")
def init_submodules(finding: Finding, view: View) -> Plan | Skip:
    """`git submodule update --init`, by https where the address asks for an ssh key."""
    project, path = view.facts.project, finding.data["path"]
    if project is None or not finding.data["gitlink"]:
        reason = "the project is no git repository that records it: clone it with --recursive"
        return Skip(fix=NAME, code="SRC605", subject=path, reason=reason)
    if finding.severity is Severity.advice:
        reason = "nothing in the project names it: fetch it if you need it"
        return Skip(fix=NAME, code="SRC605", subject=path, reason=reason)
    https = https_url(finding.data["url"] or "")
    return Plan(
        fix=NAME,
        codes=["SRC605"],
        subjects=[path],
        title=f"initialise the submodule {path}" + (" over https" if https else ""),
        safety="safe",
        steps=[
            InitSubmodules(root=project.root, paths=[path], urls={path: https} if https else {})
        ],
        notes=["needs the network"],
    )
