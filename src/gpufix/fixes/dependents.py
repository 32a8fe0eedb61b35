"""Who must stay in agreement when a version moves: the installer looks at what it is given alone."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.fallbacks.catalogue import is_ours
from gpufix.fixes.pinned import why_not
from gpufix.model import Distribution, Install, Plan, Step
from gpufix.names import normalise
from gpufix.requirements import Requirements, parse
from gpufix.view import View


def with_dependents(step: Step, plans: Sequence[Plan], view: View) -> Step:
    """The step, with those who require what it moves, directly or not, given to the resolver.

    The other side of a conflict keeps its version, and so does what no index offers; the rest may
    move when it must: an installer keeps what is installed where that satisfies everything.
    """
    if not isinstance(step, Install) or not step.dependencies or step.freeze or step.index:
        return step
    moved = {normalise(r.name) for text in step.install if (r := parse(text))}
    fixed = {name for plan in plans for subject in plan.subjects for name in subject.split(" × ")}
    dists = [d for name in sorted(_above(moved, view)) if (d := view.dist(name))]
    dists = [d for d in dists if not is_ours(d.version)]  # no index has it; any torch serves it
    along = [_kept(dist, dist.name in fixed) for dist in dists]
    return step.model_copy(update={"install": [*step.install, *along]})


def _kept(dist: Distribution, fixed: bool) -> str:
    stays = fixed or dist.name == "torch" or why_not(dist) is not None
    return f"{dist.name}=={dist.version}" if stays and parse(f"x=={dist.version}") else dist.name


def _above(moved: set[str], view: View) -> set[str]:
    """Everything installed that requires one of these, or something that does."""
    users = view.derive(Requirements.of).required_by
    found: set[str] = set()
    queue = list(moved)
    while queue:
        for user in users.get(queue.pop(), []):
            if user not in found and user not in moved:
                found.add(user)
                queue.append(user)
    return found
