"""Exact requirements that keep what is installed, and what depends on a distribution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

from packaging.utils import parse_wheel_filename

from gpufix.evidence.declared import declared, spelled
from gpufix.evidence.requirements import Requirements, parse, version_of
from gpufix.evidence.view import View
from gpufix.fallbacks.catalogue import is_ours
from gpufix.knowledge.data_table import at_least
from gpufix.model import Distribution, Install, Plan, Step
from gpufix.text.names import normalise

_LOCAL_INDEX = re.compile(r"cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+){1,2}")


def index_of(version: str) -> str | None:
    """The torch index that a local version names ("2.7.1+cu128" → "cu128"); None = the user's."""
    local = version.partition("+")[2]
    return local if _LOCAL_INDEX.fullmatch(local) else None


def reinstall(view: View, name: str, version: str) -> Install:
    """The same distribution again, with nothing else moved."""
    return Install(install=[at(view, name, version)], reinstall=True, index=index_of(version))


def at(view: View, name: str, version: str) -> str:
    """The requirement for one version, with the extras that somebody requires of it."""
    return spelled(name, extras_of(view, name), f"=={version}")


def extras_of(view: View, name: str) -> frozenset[str]:
    """The extras that are required of a distribution; conda, which knows none, gets none."""
    dist = view.dist(name)
    return frozenset() if dist and dist.source == "conda" else declared(view, name).extras


def as_declared(view: View, name: str) -> Install | str | None:
    """The installation that satisfies all who require a distribution; else why there is none.

    None: nobody requires it. A package that is required with extras is installed for what
    they bring, which `--no-deps` would leave out.
    """
    wanted = declared(view, name)
    if wanted.conflict:
        return wanted.conflict
    version = wanted.version
    if not wanted.rows:
        return None
    if wanted.extras:
        return Install(install=[wanted.spelled(version)], dependencies=True)
    index = index_of(version) if version else None
    return Install(install=[wanted.spelled(version)], reinstall=True, index=index)


def why_not(dist: Distribution) -> str | None:
    """The reason for which a distribution cannot simply be installed again, if there is one."""
    if (reason := immovable(dist)) is None and dist.direct_url:
        return f"{dist.name} was installed from {dist.direct_url}, not from an index"
    return reason


def own_wheel(dist: Distribution) -> str | None:
    """The address of the file that a distribution was installed from, where it is still there."""
    url = dist.direct_url or ""
    if dist.source != "pip" or dist.gone or not url.startswith("file:///"):
        return None
    try:
        name, version, _, _ = parse_wheel_filename(unquote(url).rpartition("/")[2])
    except ValueError:
        return None
    return url if (name, version) == (dist.name, version_of(dist.version)) else None


def immovable(dist: Distribution) -> str | None:
    """The reason for which no release of an index may take its place, if there is one."""
    if dist.source == "conda":
        return f"{dist.name} was installed by conda: reinstall it with conda"
    if is_ours(dist.version):
        return f"{dist.name} is a fallback: `gpufix fix --fallback {dist.name}` installs it again"
    gone = ", which is gone" if dist.gone else ""
    if dist.editable:
        return f"{dist.name} is an editable install of {dist.editable}{gone}"
    return None


def from_address(name: str) -> str:
    """Why what is required as "name @ https://…" is not looked for in an index."""
    return f"{name} is required from an address of its own; an index may hold another {name}"


def with_dependents(step: Step, plans: Sequence[Plan], view: View) -> Step:
    """The step, with those who require what it moves, directly or not, given to the resolver.

    The other side of a conflict keeps its version, and so does what no index offers; the rest may
    move when it must: an installer keeps what is installed where that satisfies everything.
    """
    if not isinstance(step, Install) or not step.dependencies or step.freeze or step.index:
        return step
    moved = {normalise(r.name) for text in step.install if (r := parse(text))}
    fixed = {name for plan in plans for subject in plan.subjects for name in subject.split(" × ")}
    gone = {name for plan in plans for other in plan.steps for name in _uninstalled(other)}
    dists = [d for name in sorted(_above(moved, view) - gone) if (d := view.dist(name))]
    dists = [d for d in dists if not is_ours(d.version)]  # no index has it; any torch serves it
    along = [_kept(view, dist, dist.name in fixed) for dist in dists]
    return replace(step, install=[*step.install, *along])


def _uninstalled(step: Step) -> set[str]:
    return set(step.uninstall) if isinstance(step, Install) else set()


def _kept(view: View, dist: Distribution, fixed: bool) -> str:
    stays = fixed or dist.name == "torch" or why_not(dist) is not None
    version = f"=={dist.version}" if stays and parse(f"x=={dist.version}") else ""
    return spelled(dist.name, extras_of(view, dist.name), version)


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


_WITHOUT_NUMPY_1 = (
    "3.13"  # the first Python without: https://pypi.org/simple/numpy/, read 2026-12-02
)


def no_numpy(wanted: str, view: View) -> str | None:
    """Why no NumPy is had as it is wanted: no wheel of a release before 2 is for a later Python."""
    row, python = parse(wanted), view.facts.python
    if row is None or row.name != "numpy" or python is None or row.specifier.contains("2.0.0"):
        return None
    if row.specifier.contains("1000") or not at_least(python.version, _WITHOUT_NUMPY_1):
        return None
    return f"no NumPy before 2 has a wheel for Python {python.version}"
