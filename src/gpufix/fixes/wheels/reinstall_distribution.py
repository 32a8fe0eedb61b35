"""Reinstall a distribution whose files are gone or altered."""

from __future__ import annotations

import shlex
from posixpath import basename, normpath

from gpufix.evidence import conda
from gpufix.evidence.view import View
from gpufix.fixes.pins import own_wheel, reinstall, why_not
from gpufix.fixes.registry import fix
from gpufix.knowledge import families
from gpufix.knowledge.conda import brought_by
from gpufix.model import Advise, CondaPackage, Finding, Install, Plan, Remove, Skip
from gpufix.model.payload import DamagedDistribution, MissingLibrary
from gpufix.text.names import normalise


@fix("reinstall-distribution", "WHL503", "SYM405", "SYM402")
def reinstall_distribution(finding: Finding, view: View) -> Plan | Skip | None:
    """Install the same version again; nothing else moves.

    The wheel's own file, where it was installed from one that is still there. For what conda installed the plan names the `conda install` command. A wheel for another C library
    (musl) is installed again, too: the index has one for this system, or the source. What lies in a folder
    of `pip install --target` is installed again by hand, with all that lies there. Unsafe, of a package whose
    release nothing tells: the newest one.
    """
    damaged = _damaged(finding, view)
    if damaged is None:
        return None
    if (folder := _of_its_own(damaged, view)) is not None:
        return _by_target(finding, folder, view)
    name, version = damaged.distribution, damaged.version or ""
    if (remains := _hollow(name, view)) is not None:
        return _anew(finding, name, remains)
    package = None if damaged.sound else _condas(damaged, view)
    if package is not None:
        return _by_conda(finding, package, view)
    dist = view.dist(name)
    wheel = own_wheel(dist) if dist else None
    reason = why_not(dist) if dist and not wheel and dist.source != "conda" else None
    if dist is not None and damaged.location not in ("", dist.location):
        reason = (
            f"an installer would act on {name} {dist.version} in {dist.location}, which comes first"
        )
    reason = reason or (None if version else "its version is not known")
    reason = "its file is as it was installed" if damaged.sound else reason
    torch = view.facts.torch
    if name == "torch" and torch and torch.build in ("nightly", "container", "source"):
        reason = f"torch is a {torch.build} build, which no index offers again"
    if reason:
        return finding.skip("reinstall-distribution", reason, subject=name)
    return finding.plan(
        "reinstall-distribution",
        "safe",
        f"reinstall {name} {version}",
        Install(install=[f"{name} @ {wheel}"], reinstall=True)
        if wheel
        else reinstall(view, name, version),
        subjects=[name],
    )


def _damaged(finding: Finding, view: View) -> DamagedDistribution | None:
    lacking = finding.payload
    if not isinstance(lacking, MissingLibrary):
        return finding.payload_as(DamagedDistribution)
    dist = view.dist(lacking.distribution)
    of_musl = any(name.startswith("libc.musl-") for name in lacking.names)
    return DamagedDistribution(dist.name, dist.version) if dist and of_musl else None


def _hollow(name: str, view: View) -> str | None:
    """What is left of a package that no metadata tells of, where its releases are listed."""
    python = view.facts.python
    paths = python.hollow if python and not view.dist(name) and families.releases(name) else []
    return next((p for p in paths if normalise(basename(p)) == name), None)


def _anew(finding: Finding, name: str, remains: str) -> Plan:
    """Which release it was is not known: the newest for this Python, in the place of what is left."""
    return finding.plan(
        "reinstall-distribution",
        "unsafe",
        f"remove what is left of {name}, and install its newest release",
        Remove(path=remains),
        Install(install=[name], dependencies=True, freeze=True),
    )


def _of_its_own(damaged: DamagedDistribution, view: View) -> str | None:
    """The folder of `--target`, outside of the environment, that the first copy lies in."""
    dist, python = view.dist(damaged.distribution), view.facts.python
    if dist is None or python is None or dist.source != "pip" or dist.editable:
        return None
    inside = (python.prefix, python.base_prefix, python.user_site or python.prefix)
    named = [normpath(part) for part in (view.env("PYTHONPATH") or "").split(":") if part]
    outside = not any(f"{dist.location}/".startswith(f"{folder}/") for folder in inside)
    return dist.location if outside and dist.location in named else None


def _by_target(finding: Finding, folder: str, view: View) -> Plan:
    """In one run: pip replaces whole folders there, with what others brought into them."""
    every = sorted(
        f"{d.name}=={d.version}" for d in view.facts.distributions if d.location == folder
    )
    install = ["pip", "install", "--no-deps", "--upgrade", "--target", folder, *every]
    return finding.plan(
        "reinstall-distribution",
        "manual",
        f"install what lies in {folder} again, in one run of pip",
        Advise(
            text=f"{folder} was made by `pip install --target`, which replaces whole folders.",
            command=shlex.join(install),
        ),
    )


def _condas(damaged: DamagedDistribution, view: View) -> CondaPackage | None:
    """conda's package, when the copy is the one that conda put into its prefix."""
    if damaged.location:
        rows = [p for p in view.facts.conda_packages if p.prefix == damaged.location]
    else:
        dist = view.dist(damaged.distribution)
        owner = dist.package if dist and dist.source == "conda" else None
        rows = [p for p in view.facts.conda_packages if p.name == owner]
    named = (p for p in rows if damaged.distribution in (*brought_by(p), normalise(p.name)))
    return next(named, None)


def _by_conda(finding: Finding, package: CondaPackage, view: View) -> Plan:
    return finding.plan(
        "reinstall-distribution",
        "manual",
        f"have conda reinstall {package.name} {package.version}",
        Advise(
            text=f"{package.name} was installed by conda.",
            command=conda.reinstall(view.facts, {package.name: package.version}),
        ),
    )
