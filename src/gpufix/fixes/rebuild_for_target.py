"""Build an extension again, with code for the targets."""

from __future__ import annotations

from gpufix.checks.building import cuda_torch, generates, rocm_torch, toolkit_in_use
from gpufix.fixes.registry import fix
from gpufix.fixes.set_arch_list import value_for
from gpufix.knowledge.versions import minor
from gpufix.model import Build, Distribution, Finding, Plan, Skip
from gpufix.view import View

NAME = "rebuild-for-target"


@fix(NAME, "GPU103", "GPU104", "GPU108")
def rebuild_for_target(finding: Finding, view: View) -> Plan | Skip:
    """From the folder of an editable install, the one it was installed from, or the project."""
    subject = finding.subject
    if subject == "torch":
        return _skip(finding, "torch itself is not rebuilt")
    dist = view.dist(subject)
    source = _source(view, subject, dist)
    blocked = _blocked(view) if source else f"where the source of {subject} lies is not known"
    if blocked or source is None:
        return _skip(finding, blocked or "")
    variable = "PYTORCH_ROCM_ARCH" if rocm_torch(view) else "TORCH_CUDA_ARCH_LIST"
    try:
        value = value_for(view, variable)
    except ValueError as error:
        return _skip(finding, str(error))
    targets = [t.arch for t in view.targets]
    return Plan(
        fix=NAME,
        codes=[finding.code],
        subjects=[subject],
        title=f"rebuild {dist.name if dist else source} for {', '.join(targets)}",
        safety="safe",
        steps=[
            Build(
                path=source,
                environment={variable: value} if value else {},
                editable=bool(dist and dist.editable),
                expect_archs=targets,
            )
        ],
        notes=[f"runs the build code of {source}"],
    )


def _source(view: View, subject: str, dist: Distribution | None) -> str | None:
    if dist and dist.editable:
        return dist.editable
    url = dist.direct_url if dist else None
    if url and url.startswith("file:///") and not url.endswith((".whl", ".tar.gz", ".zip")):
        return url.removeprefix("file://")
    project = view.facts.project
    inside = project is not None and subject.startswith(f"{project.root}/")
    return project.root if project and inside and project.builds_extensions else None


def _blocked(view: View) -> str | None:
    """A build that cannot be started, or cannot generate what is asked of it."""
    if rocm_torch(view):
        return None if toolkit_in_use(view, "rocm") else "no hipcc is here to build with"
    toolkit, torch = toolkit_in_use(view), cuda_torch(view)
    if torch is None or toolkit is None:
        return "no nvcc is here to build with"
    cuda = minor(toolkit.version or "")
    lacking = [t.arch for t in view.targets if cuda and generates(cuda, t.arch) is False]
    return f"nvcc {cuda} generates no code for {', '.join(lacking)}" if lacking else None


def _skip(finding: Finding, reason: str) -> Skip:
    return Skip(fix=NAME, code=finding.code, subject=finding.subject, reason=reason)
