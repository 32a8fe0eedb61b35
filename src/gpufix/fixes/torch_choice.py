"""Which torch build a fix installs: the smallest change that serves the patient's targets."""

from __future__ import annotations

from gpufix.knowledge import companions
from gpufix.knowledge.versions import numbers
from gpufix.model import Target
from gpufix.recommend.answer import answer
from gpufix.recommend.build import Build
from gpufix.recommend.question import of_view
from gpufix.recommend.rank import Prefer
from gpufix.view import View


def choose(view: View, targets: list[Target], rocm: str | None = None) -> Build | None:
    """The nearest build that serves every target of the first one's vendor; None = none listed.

    The installed release first, else the nearest one, newer before older. `rocm`: of this ROCm
    minor version only.
    """
    question = of_view(view, targets, rocm)
    if question is None:
        return None
    fitting = answer(question, Prefer.smallest_change).fitting
    return fitting[0] if fitting else None


def moved_along(view: View, build: Build) -> tuple[list[str], list[str]]:
    """Requirements for the installed companions, and the names of those for which none is known."""
    requirements, unknown = [], []
    for name in sorted(companions.names()):
        if view.dist(name) is None:
            continue
        found = companion(name, build)
        if found is None:
            unknown.append(name)
        else:
            requirements.append(found)
    return requirements, unknown


def companion(name: str, build: Build) -> str | None:
    """The requirement for a companion's version that goes with a build, when it is in an index."""
    row = companions.for_torch(build.release.version).get(name)
    versions = sorted(row.exact if row and not row.find_links else (), key=numbers)
    if not versions:
        return None
    local = f"+{build.name}" if build.variant and name in ("torchvision", "torchaudio") else ""
    return f"{name}=={versions[-1]}{local}"
