"""Which names may be given to pip or uv: Python's own, of distributions that are not conda's.

conda's names are another namespace. `libstdcxx` on the package index, if it is there at all, belongs
to whoever registered it, and installing it runs that person's code. And what conda installed is
conda's to change: pip would remove files that conda's records still list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement

from gpufix.model import Facts, Install
from gpufix.names import normalise
from gpufix.requirements import holds, parse

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_AS_PYTHONS = {"pytorch": "torch"}  # also where its metadata is gone
_CONDAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # no option, nothing for a shell
_OF_SPEC = re.compile(r"(?:[^\s\[]*::)?([A-Za-z0-9][A-Za-z0-9._-]*)")  # of "forge::libgcc >=13"


@dataclass(frozen=True)
class Objection:
    """Why a name is not given to pip, and the package that conda knows it as."""

    reason: str
    package: str | None = None
    requirement: Requirement | None = None  # None: it was to be removed, or it is none


def objections(step: Install, facts: Facts) -> Iterator[Objection]:
    """What speaks against giving a step to pip or uv."""
    names = _Names(facts)
    for text in step.install:
        requirement = parse(text)
        if requirement is None or requirement.url:
            yield Objection(f"{text!r} is not a plain requirement")
        elif step.reinstall or not names.here(requirement):
            yield from names.against(requirement.name, requirement)
    for name in step.uninstall:
        if _NAME.fullmatch(name) is None:
            yield Objection(f"{name!r} is not the name of a distribution")
        yield from names.against(name, None)


class _Names:
    """Normalised name → what conda calls it."""

    def __init__(self, facts: Facts):
        self._blind = next((gap for gap in facts.gaps if gap.section == "conda"), None)
        self._installed = {d.name: d.version for d in reversed(facts.distributions)}
        packages = facts.conda_packages
        self._owned: dict[str, str | None] = {
            _AS_PYTHONS.get(p.name, normalise(p.name)): p.name for p in packages
        }
        self._owned |= {d.name: d.package for d in facts.distributions if d.source == "conda"}
        self._depended = {
            normalise(found[1]): (found[1], package.name)
            for package in packages
            for spec in package.depends
            if (found := _OF_SPEC.match(spec))
        }
        pips = [d for d in facts.distributions if d.source != "conda"]
        rows = (parse(text) for dist in pips for text in dist.requires)
        self._pythons = {d.name for d in pips} | {normalise(r.name) for r in rows if r}

    def here(self, requirement: Requirement) -> bool:
        """Whether what is installed satisfies it: an installer then leaves it where it is."""
        version = self._installed.get(normalise(requirement.name))
        return version is not None and holds(requirement, version)

    def against(self, name: str, requirement: Requirement | None) -> Iterator[Objection]:
        """conda owns it, or nothing but conda's metadata knows the name."""
        key = normalise(name)
        if self._blind is not None:
            yield Objection(f"which packages are conda's is not known: {self._blind.reason}")
        elif key in self._owned:
            package = self._owned[key]
            package = package if package and _CONDAS.fullmatch(package) else None
            unknown = "" if package else ", which package of it is not known: `conda install`"
            yield Objection(f"{key} was installed by conda{unknown}", package, requirement)
        elif key in self._depended and key not in self._pythons:
            package, user = self._depended[key]
            reason = f"{key} is known here as a package of conda's alone: {user} depends on it"
            yield Objection(reason, package, requirement)
