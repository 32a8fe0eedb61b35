"""Declared requirements as the patient's Python evaluates them, and names that pip may be given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from gpufix.evidence import conda
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import families, listings
from gpufix.knowledge.conda import brought_by
from gpufix.knowledge.markers import applies, environment
from gpufix.knowledge.torch_importers import of_address
from gpufix.model import Distribution, Facts, Install
from gpufix.text.names import normalise


class Unmet(Frozen):
    """A requirement that does not hold. `installed` is None when the distribution is absent.

    `stated`: the distribution that is asked for, where another one that lays the same files is judged in its place.
    """

    dist: Distribution
    requirement: Requirement
    installed: str | None
    stated: str | None = None

    @property
    def name(self) -> str:
        """Normalised name of what is required."""
        return normalise(self.requirement.name)

    def __str__(self) -> str:
        found = f"{self.name} {self.installed} is installed" if self.installed else "not installed"
        wanted = _bare(self.requirement)
        if self.stated:
            wanted = f"{self.stated}{self.requirement.specifier}"
        return f"{self.dist.name} {self.dist.version} requires {wanted}; {found}"


class Requirements:
    """The requirement graph of one patient."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._installed: dict[str, Distribution] = {}
        for dist in facts.distributions:
            self._installed.setdefault(dist.name, dist)

    @classmethod
    def of(cls, view: View) -> Requirements:
        """For `view.derive(Requirements.of)`: built once a view."""
        return cls(view.facts)

    @cached_property
    def rows(self) -> list[tuple[Distribution, Requirement]]:
        """Every requirement that applies to this patient, those of requested extras included."""
        found: list[tuple[Distribution, Requirement]] = []
        queue = [(name, "") for name in self._installed]
        seen = set(queue)
        while queue:
            name, extra = queue.pop()
            dist = self._installed[name]
            for requirement in self._active(dist, extra):
                found.append((dist, requirement))
                wanted = normalise(requirement.name)
                extras = {(wanted, normalise(e)) for e in requirement.extras} - seen
                if wanted in self._installed:
                    queue.extend(extras)
                    seen |= extras
        return sorted(found, key=lambda row: (row[0].name, str(row[1])))

    @cached_property
    def unmet(self) -> list[Unmet]:
        """As `pip check`: requirements whose distribution is absent or has another version.

        Each once: cuda-toolkit names nvidia-cublas with several of its extras.
        """
        found = (unmet for dist, row in self.rows for unmet in self._conflict(dist, row))
        return list({(u.dist.name, bare(u.requirement)): u for u in found}.values())

    def absent(self, owner: str) -> list[str]:
        """What a distribution requires and is not here."""
        return [u.name for u in self.unmet if u.dist.name == owner and u.installed is None]

    @cached_property
    def required_by(self) -> dict[str, list[str]]:
        """Name → the distributions that require it."""
        users: dict[str, list[str]] = {}
        for dist, requirement in self.rows:
            users.setdefault(normalise(requirement.name), []).append(dist.name)
        return users

    def _active(self, dist: Distribution, extra: str) -> Iterator[Requirement]:
        """The rows of one extra (of none: "")."""
        for text in dist.requires:
            if bool(extra) != ("extra" in text and "==" in text.partition(";")[2]):
                continue  # cheap: most rows of big projects belong to extras nobody asked for
            requirement = parse(text)
            if requirement is not None and self.applies(requirement, extra):
                yield requirement

    def applies(self, requirement: Requirement, extra: str = "") -> bool:
        """Whether its marker holds for this patient."""
        return applies(requirement, {**self.markers, "extra": extra})

    def _conflict(self, user: Distribution, requirement: Requirement) -> Iterator[Unmet]:
        name = normalise(requirement.name)
        dist = self._installed.get(name)
        if dist is None and (instead := families.instead_of(name, self._installed)):
            # tensorflow-cpu serves who requires tensorflow: it lays the same files.
            dist = self._installed[instead]
            requirement = Requirement(f"{instead}{requirement.specifier}")
        if dist is None:
            yield Unmet(user, requirement, None)
        elif not requirement.url and not holds(requirement, dist.version):
            yield Unmet(user, requirement, dist.version, name if dist.name != name else None)

    @cached_property
    def markers(self) -> dict[str, str]:
        """The PEP 508 environment of the patient, not of gpufix's own Python."""
        host = self._facts.host
        return environment(self._facts.python, host.os, host.machine, host.kernel)


@lru_cache(maxsize=8192)
def parse(text: str) -> Requirement | None:
    """A requirement, or None for a row that is none (old metadata holds such)."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def is_among(name: str, texts: Iterable[str]) -> bool:
    """Whether requirements name a distribution."""
    return any(row is not None and row.name.lower() == name for row in map(parse, texts))


def holds(requirement: Requirement, version: str) -> bool:
    """Whether an installed version satisfies it; an unreadable version counts as satisfying."""
    parsed = version_of(version)
    return parsed is None or requirement.specifier.contains(parsed, prereleases=True)


@lru_cache(maxsize=4096)
def version_of(text: str) -> Version | None:
    """A PEP 440 version, or None."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def series(version: Version) -> Version:
    """What begins a series: 0.6 of 0.6.2, 5 of 5.1."""
    return Version(f"0.{version.minor}" if version.major == 0 else str(version.major))


def bare(requirement: Requirement) -> str:
    """As an installer is asked for it, extras included: its marker is left out."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{normalise(requirement.name)}{extras}{requirement.specifier}"


def _bare(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_OF_SPEC = re.compile(r"(?:[^\s\[]*::)?([A-Za-z0-9][A-Za-z0-9._-]*)")  # of "forge::libgcc >=13"


class PipObjection(Frozen):
    """Why a name is not given to pip, and the package that conda knows it as."""

    reason: str
    package: str | None = None
    requirement: Requirement | None = None  # None: it was to be removed, or it is none


def objections(step: Install, facts: Facts) -> Iterator[PipObjection]:
    """What speaks against giving a step to pip or uv."""
    names = _Names(facts)
    if step.links and not listings.publishes(step.links):
        yield PipObjection(f"{step.links!r} is no page of wheels that is known")
    for text in step.install:
        requirement = parse(text)
        if requirement is None or not names.known(requirement):
            yield PipObjection(f"{text!r} is not a plain requirement")
        elif step.reinstall or not names.here(requirement):
            yield from names.against(requirement.name, requirement)
    for name in step.uninstall:
        if _NAME.fullmatch(name) is None:
            yield PipObjection(f"{name!r} is not the name of a distribution")
        yield from names.against(name, None)


class _Names:
    """Normalised name → what conda calls it."""

    def __init__(self, facts: Facts):
        self._blind = next((gap for gap in facts.gaps if gap.section == "conda"), None)
        self._installed = {d.name: d.version for d in reversed(facts.distributions)}
        self._origins = {(d.name, d.direct_url) for d in facts.distributions if not d.gone}
        packages = facts.conda_packages
        self._owned: dict[str, str | None] = {
            name: p.name for p in packages for name in (normalise(p.name), *brought_by(p))
        }
        self._owned |= {d.name: d.package for d in facts.distributions if d.source == "conda"}
        self._depended = {
            normalise(found[1]): (found[1], package.name)
            for package in packages
            for row in package.depends
            if (found := _OF_SPEC.match(row))
        }
        pips = [d for d in facts.distributions if d.source != "conda"]
        rows = (parse(text) for dist in pips for text in dist.requires)
        self._pythons = {d.name for d in pips} | {normalise(r.name) for r in rows if r}

    def known(self, requirement: Requirement) -> bool:
        """Whether an address, if it has one, is listed, the one that it was installed from, or the
        source of a public extension."""
        own = (normalise(requirement.name), requirement.url) in self._origins
        url = requirement.url
        return not url or own or listings.publishes(url) or of_address(url) is not None

    def here(self, requirement: Requirement) -> bool:
        """Whether what is installed satisfies it: an installer then leaves it where it is."""
        version = self._installed.get(normalise(requirement.name))
        return version is not None and holds(requirement, version)

    def against(self, name: str, requirement: Requirement | None) -> Iterator[PipObjection]:
        """conda owns it, or nothing but conda's metadata knows the name."""
        key = normalise(name)
        if self._blind is not None:
            yield PipObjection(f"which packages are conda's is not known: {self._blind.reason}")
        elif key in self._owned:
            package = self._owned[key]
            package = package if package and conda.is_name(package) else None
            unknown = "" if package else ", which package of it is not known: `conda install`"
            yield PipObjection(f"{key} was installed by conda{unknown}", package, requirement)
        elif key in self._depended and key not in self._pythons:
            package, user = self._depended[key]
            reason = f"{key} is known here as a package of conda's only: {user} depends on it"
            yield PipObjection(reason, package, requirement)
