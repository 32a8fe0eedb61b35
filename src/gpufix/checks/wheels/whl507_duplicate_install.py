"""WHL507."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import CondaPackage, Distribution
from gpufix.model.payload import DistributionFault
from gpufix.text.names import normalise

# Elsewhere a copy that hides another one is everyday life; for these it decides what loads.
_GPU_PACKAGES = ("torch", "triton", "numpy", "xformers", "nvidia-", "cupy", "jax", "flash-attn")


@rule("WHL507", "duplicate-install")
def duplicate_install(view: View) -> Iterator[Fault]:
    """One package is installed twice for the same interpreter.

    ## What it does
    Finds distributions with the same name: twice in one folder (an upgrade that was cut short),
    from pip and from conda, or in the user site and the environment. One that hides another in a
    different folder is reported for packages that decide what GPU code loads.

    ## Why it matters
    Which one is imported, and which one an uninstall removes, is an accident of the search path.

    ## Example
    `torch is installed twice: 2.7.1 in …/site-packages and 2.4.0 in ~/.local/…; Python takes the
    first.`

    ## Severity
    Warning.

    ## Fix
    Unsafe: remove the copies, install the wanted one again.

    ## Source
    PEP 376; the order of sys.path.
    """
    packages = {normalise(package.name): package for package in view.facts.conda_packages}
    names = dict.fromkeys(d.name for d in view.facts.distributions)
    for name in names:
        copies = _distinct(view.dists(name), packages.get(name))
        if len(copies) > 1 and _matters(name, copies):
            yield _fault(name, copies)


class _Copy(Frozen):
    version: str
    source: str
    location: str
    metadata: str | None


def _distinct(dists: list[Distribution], package: CondaPackage | None) -> list[_Copy]:
    """conda's own record of a package and that package's dist-info are one install.

    So are an egg-info and a dist-info of one version in one folder: Debian's packages ship both.
    """
    copies = [_Copy(d.version, d.source, d.location, d.metadata) for d in dists]
    if package and all(d.source != "conda" for d in dists):
        copies.append(_Copy(package.version, "conda", package.prefix, package.metadata))
    described = {(d.location, d.version) for d in copies if d.source == "pip"}
    copies = [d for d in copies if d.source != "egg" or (d.location, d.version) not in described]
    pips = [d for d in copies if d.source != "conda"]
    condas = [d for d in copies if d.source == "conda"]
    extra = [c for c in condas if all(p.version != c.version for p in pips)]
    return pips + extra if pips else condas


def _matters(name: str, copies: list[_Copy]) -> bool:
    locations = [d.location for d in copies]
    return len(set(locations)) < len(locations) or name.startswith(_GPU_PACKAGES)


def _fault(name: str, copies: list[_Copy]) -> Fault:
    places = " and ".join(f"{d.version} ({d.source}) in {d.location}" for d in copies)
    return Fault(
        severity=WARNING,
        subject=name,
        message=f"{name} is installed {len(copies)} times: {places}; Python takes the first.",
        evidence=tuple(f"{d.metadata or d.location}" for d in copies),
        payload=DistributionFault(name),
    )
