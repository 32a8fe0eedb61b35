"""Declared requirements of the installed distributions, as the patient's Python evaluates them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from gpufix.model import Distribution, Facts
from gpufix.names import normalise
from gpufix.view import View


@dataclass(frozen=True)
class Unmet:
    """A requirement that does not hold. `installed` is None when the distribution is absent."""

    dist: Distribution
    requirement: Requirement
    installed: str | None

    @property
    def name(self) -> str:
        """Normalised name of what is required."""
        return normalise(self.requirement.name)

    def __str__(self) -> str:
        found = f"{self.name} {self.installed} is installed" if self.installed else "not installed"
        return f"{self.dist.name} {self.dist.version} requires {_bare(self.requirement)}; {found}"


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
                asked = {(wanted, normalise(e)) for e in requirement.extras} - seen
                if wanted in self._installed:
                    queue.extend(asked)
                    seen |= asked
        return sorted(found, key=lambda row: (row[0].name, str(row[1])))

    @cached_property
    def unmet(self) -> list[Unmet]:
        """As `pip check`: requirements whose distribution is absent or has another version."""
        return [Unmet(d, r, v) for d, r in self.rows for v in self._conflict(r)]

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
            if requirement is not None and self._applies(requirement, extra):
                yield requirement

    def _applies(self, requirement: Requirement, extra: str) -> bool:
        marker = requirement.marker
        return marker is None or marker.evaluate({**self.markers, "extra": extra})

    def _conflict(self, requirement: Requirement) -> Iterator[str | None]:
        dist = self._installed.get(normalise(requirement.name))
        if dist is None:
            yield None
        elif not requirement.url and not holds(requirement, dist.version):
            yield dist.version

    @cached_property
    def markers(self) -> dict[str, str]:
        """The PEP 508 environment of the patient, not of gpufix's own Python."""
        python, host = self._facts.python, self._facts.host
        version = python.version if python else "3.0.0"
        implementation = python.implementation if python else "cpython"
        return {
            "implementation_name": implementation,
            "implementation_version": version,
            "os_name": "posix",
            "platform_machine": host.machine,
            "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(
                implementation, implementation
            ),
            "platform_release": host.kernel,
            "platform_system": host.os,
            "platform_version": "",
            "python_full_version": version,
            "python_version": ".".join(version.split(".")[:2]),
            "sys_platform": host.os.lower(),
            "extra": "",
        }


@lru_cache(maxsize=8192)
def parse(text: str) -> Requirement | None:
    """A requirement, or None for a row that is none (old metadata holds such)."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


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


def _bare(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"
