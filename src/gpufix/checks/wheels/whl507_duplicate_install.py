"""WHL507."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.foreign_folders import is_foreign
from gpufix.evidence.installed_copies import (
    InstalledCopy,
    condas_packages,
    is_replaced,
    of_distribution,
    of_package,
)
from gpufix.evidence.view import View
from gpufix.model import CondaPackage, Distribution
from gpufix.model.payload import DistributionFault

# Elsewhere a copy that hides another one is everyday life; for these it decides what loads.
_GPU_PACKAGES = ("torch", "triton", "numpy", "xformers", "nvidia-", "cupy", "jax", "flash-attn")


@rule("WHL507", "duplicate-install")
def duplicate_install(view: View) -> Iterator[Fault]:
    """One package is installed twice for the same interpreter.

    ## What it does
    Finds distributions with the same name: twice in one folder (an upgrade that was cut short),
    from pip over conda's, or in the user site and the environment. One that hides another in a
    different folder is reported for packages that decide what GPU code loads; not a virtual environment's
    own, which precedes the user's and the system's. What conda brought
    is known from its own record: its `pytorch` brought the distribution `torch`.

    ## Why it matters
    Which one is imported, and which one an uninstall removes, is an accident of the search path.
    conda takes what pip replaced for its own: its next transaction puts files of two versions
    into one folder.

    ## Example
    `torch is installed twice: 2.7.1 (pip) in …/site-packages and 2.4.0 (pip) in ~/.local/…; Python
    takes the first.`

    ## Severity
    Warning.

    ## Fix
    Unsafe: remove the copies, install the wanted one again. Manual, over conda's: the command by
    which conda puts its own there again.

    ## Source
    PEP 376; the order of sys.path (Python's documentation, module site).
    """
    packages = view.derive(condas_packages)
    names = dict.fromkeys(d.name for d in view.facts.distributions)
    for name in names:
        dists, package = view.dists(name), packages.get(name)
        if is_foreign(view, dists[0].location):
            continue  # RUN805
        if package and is_replaced(package, dists):
            yield _over_conda(dists[0], package)
            continue
        known = of_package(package) if package else None
        copies = _distinct([of_distribution(d) for d in dists], known)
        if len(copies) > 1 and _matters(name, copies) and not _overlaid(view, copies):
            yield _fault(name, copies)


def _over_conda(dist: Distribution, package: CondaPackage) -> Fault:
    """pip wrote where conda's record still says that its own distribution lies."""
    return Fault(
        severity=WARNING,
        subject=dist.name,
        message=f"{dist.name} has two owners: pip, which installed {dist.version} in "
        f"{dist.location}, and conda, whose {package.name} {package.version} it replaced there.",
        evidence=(dist.metadata or dist.location, package.metadata),
        payload=DistributionFault(dist.name),
    )


def _distinct(copies: list[InstalledCopy], package: InstalledCopy | None) -> list[InstalledCopy]:
    """conda's own record of a package and that package's dist-info are one install.

    So are an egg-info and a dist-info of one version in one folder: Debian's packages ship both.
    """
    if package and all(d.source != "conda" for d in copies):
        copies = [*copies, package]
    described = {(d.location, d.version) for d in copies if d.source == "pip"}
    copies = [d for d in copies if d.source != "egg" or (d.location, d.version) not in described]
    others = {d.version for d in copies if d.source != "conda"}
    return [d for d in copies if d.source != "conda" or d.version not in others]


def _matters(name: str, copies: list[InstalledCopy]) -> bool:
    locations = [d.location for d in copies]
    return len(set(locations)) < len(locations) or name.startswith(_GPU_PACKAGES)


def _overlaid(view: View, copies: list[InstalledCopy]) -> bool:
    """Whether a virtual environment has its own, before what it sees of the system and of the user."""
    python = view.facts.python
    if python is None or python.prefix == python.base_prefix:
        return False
    own, *others = (Path(d.location).is_relative_to(python.prefix) for d in copies)
    return own and not any(others)


def _fault(name: str, copies: list[InstalledCopy]) -> Fault:
    places = " and ".join(f"{d.version} ({d.source}) in {d.location}" for d in copies)
    often = "twice" if len(copies) == 2 else f"{len(copies)} times"
    apart = len({d.location for d in copies}) == len(copies)
    used = "Python takes the first" if apart else "whose files are there, the records do not tell"
    return Fault(
        severity=WARNING,
        subject=name,
        message=f"{name} is installed {often}: {places}; {used}.",
        evidence=tuple(f"{d.metadata or d.location}" for d in copies),
        payload=DistributionFault(name),
    )
