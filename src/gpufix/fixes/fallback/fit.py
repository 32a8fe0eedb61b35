"""Whether a fallback can take its place here, under which name and as which version."""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from gpufix.evidence.gpu_code import targets_of_torch
from gpufix.evidence.requirements import Requirements, holds, parse
from gpufix.evidence.source_view import requirement_files
from gpufix.evidence.view import View
from gpufix.fallbacks import pack as versions
from gpufix.fallbacks.catalogue import Fallback
from gpufix.fixes.build_environment.variables import compiles_for
from gpufix.model import Distribution
from gpufix.text.names import normalise


def originals(fallback: Fallback, view: View) -> list[Distribution]:
    """What is installed of the names that it replaces; a fallback of ours counts."""
    return [dist for name in fallback.replaces for dist in view.dists(name)]


def intact(dist: Distribution) -> bool:
    """Whether all recorded files are there and as they were."""
    record = dist.record
    return record is not None and not (record.missing_count or record.altered_count)


def distribution(fallback: Fallback, view: View) -> str:
    """The installed original's name, else one that is required, so that what requires it is served;
    spelt as the original is."""
    own = normalise(fallback.distribution)
    names = [d.name for d in originals(fallback, view)]
    names = names or [name for name in fallback.replaces if _requirements(name, view)]
    return names[0] if names and own not in names else fallback.distribution


def obstacle(fallback: Fallback, view: View) -> str | None:
    """Why it can neither be installed nor run here."""
    installed = originals(fallback, view)
    for dist in installed:
        if dist.source == "conda":
            return f"{dist.name} was installed by conda: `conda remove {dist.name}` first"
        if len(view.dists(dist.name)) > 1:
            return f"{dist.name} is installed twice: which one Python uses must be settled first"
    for text in fallback.requires:
        requirement = parse(text)
        found = _version_of(requirement.name, view) if requirement else None
        if found is None:
            return f"it needs {text}, which is not installed"
        if requirement and not holds(requirement, found):
            return f"it needs {text}; {found} is installed"
    return _not_compiled(view) if fallback.build else None


def _version_of(name: str, view: View) -> str | None:
    """What is installed; conda's torch may have no metadata of its own."""
    dist, torch = view.dist(normalise(name)), view.facts.torch
    if dist is None and normalise(name) == "torch" and torch is not None:
        return torch.release
    return dist.version if dist else None


def _not_compiled(view: View) -> str | None:
    torch = view.facts.torch
    if torch is None or not (torch.cuda or torch.hip):
        return "it is GPU code that is compiled when it is installed, and torch has no GPU support"
    targets = targets_of_torch(view)
    if not targets:
        return "it is compiled when it is installed: name the GPU, as in --gpu sm_120"
    lacking = without_compiler(view)
    what = "it is compiled when it is installed, and no compiler here generates code for "
    return f"{what}{', '.join(lacking)}" if lacking else None


def without_compiler(view: View) -> list[str]:
    """The targets for which no compiler here generates code."""
    return [t.arch for t in targets_of_torch(view) if not compiles_for(view, t)]


def version(fallback: Fallback, view: View) -> str | None:
    """The installed original's with our local part, or one that satisfies all; None: none does."""
    known = [d.version for d in originals(fallback, view)]
    return versions.choose([*known, fallback.version], [s for _, s in _required(fallback, view)])


def required_rows(fallback: Fallback, view: View) -> str:
    """ "fused-ssim==1.0+cu121, fused-ssim>=1"."""
    return ", ".join(sorted({text for text, _ in _required(fallback, view)}))


def _required(fallback: Fallback, view: View) -> list[tuple[str, SpecifierSet]]:
    """What installed distributions and the project's requirement files ask of it."""
    found = _requirements(normalise(distribution(fallback, view)), view)
    return [(f"{r.name}{r.specifier}", r.specifier) for r in found if r.specifier]


def _requirements(name: str, view: View) -> list[Requirement]:
    found = [r for _, r in view.derive(Requirements.of).rows if normalise(r.name) == name]
    for facts in requirement_files(view).values():
        rows = [parse(row.text) for row in facts.requirements]
        found += [r for r in rows if r and normalise(r.name) == name]
    return found
