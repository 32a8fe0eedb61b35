"""Bring the CUDA libraries that nothing declares, and have the loader find them."""

from __future__ import annotations

import re

from gpufix.evidence.cuda_wheels import cuda_of, is_required
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.extend_library_path import extended
from gpufix.knowledge.packages import bound, bringing, wheel_of
from gpufix.model import Finding, Install, Library, Plan, Skip
from gpufix.model.payload import MissingLibrary, UnfitLibrary

NAME = "install-cuda-library"


@fix(NAME, "SYM402")
def install_cuda_library(finding: Finding, view: View) -> Plan | Skip | None:
    """The wheels of the CUDA release that the package is for, and their folders for the loader.

    For what links torch and is made for another CUDA than torch, none: two runtimes do not share one
    context's streams.
    """
    lacking = finding.payload_as(MissingLibrary)
    if isinstance(lacking, UnfitLibrary) or not lacking.each or finding.subject == "torch":
        return None
    if any(is_required(view, wheel) for wheel in lacking.wheels):
        return None  # at the version that is declared: install-declared
    python = view.facts.python
    reason = _against(view, lacking)
    if reason or python is None or not python.site_dirs:
        reason = reason or "there is no folder to install into"
        return Skip(fix=NAME, code=finding.code, subject=finding.subject, reason=reason)
    wanted = [f"{wheel}{_bound(lacking, wheel)}" for wheel in lacking.wheels]
    folders = [f"{python.site_dirs[0]}/{_folder(wheel)}" for wheel in lacking.wheels]
    return Plan(
        fix=NAME,
        codes=[finding.code],
        subjects=list(lacking.wheels),
        title=f"install {', '.join(wanted)}, and have the loader search there",
        safety="safe",
        steps=[Install(install=wanted), extended(view, folders)],
    )


def _against(view: View, lacking: MissingLibrary) -> str | None:
    torch = view.facts.torch
    of_torch = torch.cuda.partition(".")[0] if torch and torch.cuda else None
    for library in _users(view, lacking):
        own = cuda_of(view, library)
        if own is not None and library.links_torch and of_torch not in (None, str(own)):
            return (
                f"it is built for CUDA {own}, and torch for CUDA {of_torch}: no library mends that"
            )
    if any(len(row) > 1 for row in lacking.each):
        return f"for which CUDA {lacking.distribution} is made is not known"
    for wheel in lacking.wheels:
        base = re.sub(r"-cu\d+$", "", wheel)
        beside = [w for major in (11, 12, 13) if (w := wheel_of(base, major)) != wheel]
        owner = next((w for w in beside if view.dist(w) and _folder(w) == _folder(wheel)), None)
        if owner:
            return f"{owner} owns the files of {wheel} too"
    return None


def _users(view: View, lacking: MissingLibrary) -> list[Library]:
    every = (x for x in view.facts.binaries.libraries if x.distribution == lacking.distribution)
    return [x for x in every if any(p.name in lacking.names for p in x.problems)]


def _bound(lacking: MissingLibrary, wheel: str) -> str:
    own = (bound(name) for name in lacking.names if wheel in bringing(name))
    return next(filter(None, own), "")


def _folder(wheel: str) -> str:
    """Where its libraries lie, below the site folder: CUDA 13's toolkit has one for all."""
    base = re.sub(r"-cu\d+$", "", wheel)
    if base == wheel:
        return "nvidia/cu13/lib"
    return f"nvidia/{base.removeprefix('nvidia-').replace('-', '_')}/lib"
