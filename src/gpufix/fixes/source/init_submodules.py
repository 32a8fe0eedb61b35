"""Fetch submodules that a clone left out."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Finding, InitSubmodules, Plan, Severity, Skip
from gpufix.model.source_payload import EmptySubmodule, ProjectFile
from gpufix.source.git_files import by_https, https_url, relative, shown

NAME = "init-submodules"
_NO_REPOSITORY = "the project is no git repository that records it: clone it with --recursive"
_HOW = (
    "git works in a fresh repository, by https only: the project's own git settings, hooks and "
    "filters are not used"
)


@fix(NAME, "SRC605")
def init_submodules(finding: Finding, view: View) -> Plan | Skip | None:
    """What `git submodule update --init` leaves, by https where the address asks for an ssh key.

    Settings, hooks and filters in a repository name programs, and git runs them. So git works in
    a fresh repository, by https only, and what it fetched is moved to its place. Your own settings
    (certificates, proxy, credential helpers, filters) apply, your own hooks do not. Not fetched: an
    address by another protocol or with credentials in it, and a submodule whose own repository is
    in `.git/modules` already. Files of Git LFS stay pointers: `git lfs pull` fetches them.
    """
    if isinstance(finding.payload, ProjectFile):
        return None  # nobody knows where that folder is from
    project, submodule = view.facts.project, finding.payload_as(EmptySubmodule)
    path, url = submodule.path, submodule.url or ""
    reason = _against(submodule, finding.severity)
    if project is None or reason:
        return finding.skip(NAME, reason or _NO_REPOSITORY, subject=path)
    return finding.plan(
        NAME,
        "safe",
        f"initialise the submodule {path}" + (" over https" if https_url(url) else ""),
        InitSubmodules(root=project.root, paths=[path]),
        subjects=[path],
        notes=["needs the network", _HOW],
    )


def _against(submodule: EmptySubmodule, severity: Severity) -> str | None:
    """Why there is no plan, if so."""
    url = submodule.url or ""
    if not submodule.gitlink:
        return _NO_REPOSITORY
    if severity is Severity.advice:
        return "nothing that is built here is known to need it: fetch it if you do"
    if not relative(url) and by_https(url) is None:
        return f"{shown(url)!r} is not an https address without credentials: fetch it yourself"
    return None
