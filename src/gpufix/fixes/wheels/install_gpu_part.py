"""Install what a framework's GPU part lacks."""

from __future__ import annotations

from dataclasses import replace

from packaging.requirements import Requirement

from gpufix.evidence.building import describe, toolkit_in_use
from gpufix.evidence.declared import declared
from gpufix.evidence.gpu_parts import absent_parts, cuda_here, newest_major
from gpufix.evidence.requirements import Requirements, bare, holds, parse, version_of
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable
from gpufix.fixes.registry import fix
from gpufix.knowledge import families
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.families import Part
from gpufix.model import Advise, Distribution, Finding, Install, Plan, Skip, Step
from gpufix.model.payload import AbsentGpuPart, LostGpuLibraries
from gpufix.text.names import normalise


@fix("install-gpu-part", "WHL509")
def install_gpu_part(finding: Finding, view: View) -> Plan | Skip | None:
    """The libraries that its extra names, at the installed version; the half that is absent."""
    if isinstance(finding.payload, LostGpuLibraries):
        if not finding.payload.wheels:
            return None  # it is for another vendor's GPUs: switch-edition
        made = _libraries(finding.payload, view)
    elif isinstance(finding.payload, AbsentGpuPart):
        made = _absent(finding.payload, view)
    else:
        return None  # overwritten: keep-one
    if isinstance(made, str):
        return finding.skip("install-gpu-part", made)
    step, title = made
    by_hand = isinstance(step, Advise)
    moves = isinstance(step, Install) and (
        bool(step.environment) or (step.dependencies and not step.freeze)
    )
    steps: list[Step] = [step]
    if isinstance(step, Install) and step.uninstall:  # they lay the same files: one goes first
        steps = [Install(uninstall=step.uninstall), replace(step, uninstall=[])]
    return finding.plan(
        "install-gpu-part", "manual" if by_hand else "unsafe" if moves else "safe", title, *steps
    )


Made = tuple[Install | Advise, str] | str  # a step and its title, or why there is none


def _libraries(lost: LostGpuLibraries, view: View) -> Made:
    name = lost.distribution
    pinned = {w: v for w in lost.wheels if (v := declared(view, w).version)}
    if pinned:
        wanted = [f"{wheel}=={version}" for wheel, version in pinned.items()]
        return Install(install=wanted, reinstall=True), f"install {', '.join(wanted)}, as declared"
    known, dist = families.libraries(name), view.dist(name)
    if known is None or dist is None:
        return f"which packages bring the libraries of {name} is not known here"
    built, here = families.cuda_major(name, dist.version), cuda_here(view)
    if built and here and built != here:
        other = families.for_cuda(name, here)
        if other is None:
            return f"no release of {name} for CUDA {here} is known here"
        wanted = [f"{name}{other}"]
        return Install(install=wanted, dependencies=True), f"install {wanted[0]}, for CUDA {here}"
    if known.since and not at_least(dist.version, known.since):
        return _newer(name, known.extra, known.since, built)
    return _extra(view, Requirement(known.extra))


def _newer(name: str, extra: str, since: str, cuda: int | None) -> Made:
    """A release that has the extra, built for the same CUDA."""
    _, _, until = ((cuda and families.for_cuda(name, cuda)) or "").partition(",")
    if until and at_least(since, until.removeprefix("<")):
        return f"no release of {name} for CUDA {cuda} says which packages bring its libraries"
    wanted = f"{extra}>={since}" + (f",{until}" if until else "")
    return Install(install=[wanted], dependencies=True), f"install {wanted}"


def _extra(view: View, extra: Requirement) -> Made:
    """What an extra names, brought by it at the installed version of its package."""
    owner = view.dist(normalise(extra.name))
    if owner is None:
        return f"{extra.name} is not installed"
    if owner.source == "conda":
        return f"{owner.name} was installed by conda, which brings its libraries"
    rows = _rows(view, owner, extra)
    if not rows:
        return f"{owner.name} {owner.version} has no extra {', '.join(sorted(extra.extras))}"
    found = [(row, view.dist(normalise(row.name))) for row in rows]
    unmet = [(row, dist) for row, dist in found if dist is None or not holds(row, dist.version)]
    if not unmet:
        return f"what {extra} asks for is installed"
    frozen = all(dist is None for _, dist in unmet)  # else something that is here must move
    # The wheels themselves: what else the package requires may be in conflict already.
    wanted = [bare(row) for row, _ in unmet]
    step = Install(install=wanted, dependencies=True, freeze=frozen)
    told = wanted[0] if len(wanted) == 1 else f"{len(wanted)} packages"
    return step, f"install what {extra} of {owner.version} asks for: {told}"


def _rows(view: View, owner: Distribution, extra: Requirement) -> list[Requirement]:
    """What the extras of a package require here."""
    applies = view.derive(Requirements.of).applies
    parsed = [r for text in owner.requires if "extra" in text and (r := parse(text))]
    return [r for r in parsed if any(applies(r, name) for name in extra.extras)]


def _absent(absent: AbsentGpuPart, view: View) -> Made:
    found = next((a for a in absent_parts(view) if a.framework.name == absent.distribution), None)
    if found is None:
        return f"{absent.distribution} has its GPU part"
    if absent.present:
        beside = view.dist(absent.present[0])
        version = beside.version if beside else ""
        if any(version not in families.releases(name) for name in absent.lacking):
            return f"no listing is known here that has {absent.lacking[0]} {version}"
        wanted = [f"{name}=={version}" for name in absent.lacking]
        return Install(install=wanted), f"install {', '.join(wanted)}"
    part, framework = found.part, found.framework
    if part.instead and framework.version in families.releases(part.instead):
        other = f"{part.instead}=={framework.version}"
        step = Install(install=[other], uninstall=[framework.name], dependencies=True)
        return step, f"install {other} in the place of {framework.name}"
    if part.build and (built := _built(part, framework, view)):
        return built
    if part.by_hand:
        if version_of(framework.version) is None:  # what is printed is copied into a shell
            return f"{framework.version!r} is no version"
        command = part.by_hand.format(version=framework.version)
        text = "; ".join(filter(None, [part.says, _without_headers(part, framework, view)]))
        return Advise(text=text, command=command), f"build {framework.name} for the GPU"
    major = _major(part, framework, view)
    if part.extra is None or major is None:
        return f"{framework.name} {framework.version} declares no GPU part of its own"
    return _extra(view, Requirement(part.extra.format(major=major)))


def _built(part: Part, framework: Distribution, view: View) -> Made | None:
    """Its source compiled for the GPUs, where a toolkit for that is here."""
    toolkit = toolkit_in_use(view)
    archs = [t.arch.removeprefix("sm_") for t in view.targets if t.vendor == part.vendor]
    if toolkit is None or not archs or immovable(framework) or not version_of(framework.version):
        return None
    if _without_headers(part, framework, view):
        return None
    fields = {"archs": ";".join(sorted(set(archs)))}
    variables = {name: text.format(**fields) for name, text in part.build.items()}
    step = Install(
        install=[f"{framework.name}=={framework.version}"],
        reinstall=True,
        environment=variables | {"CUDACXX": f"{toolkit.root}/bin/nvcc"},
    )
    return step, f"build {framework.name} {framework.version} for {', '.join(archs)}"


def _without_headers(part: Part, framework: Distribution, view: View) -> str | None:
    """What the toolkit would have to bring for that build, and does not."""
    toolkit = toolkit_in_use(view)
    lacking = [name for name in part.headers if toolkit and name in toolkit.missing_headers]
    if toolkit is None or not lacking:
        return None
    return f"{describe(toolkit)} lacks {', '.join(lacking)}, which {framework.name} includes"


def _major(part: Part, framework: Distribution, view: View) -> int | None:
    """The CUDA major for which the framework has an extra, and that suits what is here."""
    offered = [n for n in (11, 12, 13) if part.extra and _has(view, part.extra, n, framework)]
    here = cuda_here(view)
    if here is not None:
        return here if here in offered else None
    return newest_major(view, offered)


def _has(view: View, extra: str, major: int, framework: Distribution) -> bool:
    return bool(_rows(view, framework, Requirement(extra.format(major=major))))
