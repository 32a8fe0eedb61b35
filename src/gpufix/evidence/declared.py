"""What all who require a distribution declare of it: extras, and versions that satisfy everybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from gpufix.evidence.requirements import Requirements, holds, parse
from gpufix.evidence.source_view import absolute, is_vendored, requirement_files, toml_files
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.cuda_libraries import of_extras
from gpufix.source import toml_text
from gpufix.text.names import normalise

# Whose pins come first where several versions would do.
_FIRST = ("torch", "cuda-toolkit")


class Declared(Frozen):
    """`rows`: who requires it, and how; the project's files stand with their paths."""

    name: str
    rows: tuple[tuple[str, Requirement], ...] = ()

    @property
    def extras(self) -> frozenset[str]:
        """Of all rows together."""
        return frozenset(extra for _, row in self.rows for extra in row.extras)

    @property
    def specifier(self) -> SpecifierSet:
        """Of all rows together."""
        return SpecifierSet(",".join(sorted({str(s) for _, r in self.rows for s in r.specifier})))

    @property
    def version(self) -> str | None:
        """The version that somebody pins and that satisfies all; torch's own pin first."""
        pins = (s.version for _, row in self.rows for s in row.specifier if _exact(s))
        return next(filter(self.allows, pins), None)

    def allows(self, version: str) -> bool:
        """Whether a version satisfies all."""
        return all(holds(row, version) for _, row in self.rows)

    @property
    def conflict(self) -> str | None:
        """Why no version can satisfy all, if so."""
        if not self.rows or _satisfiable(self.specifier):
            return None
        said = dict.fromkeys(
            f"{who} requires {_short(row)}" for who, row in self.rows if row.specifier
        )
        return f"no version of {self.name} satisfies all: {'; '.join(said)}"

    def spelled(self, version: str | None = None) -> str:
        """As an installer is asked for it: at one version, else at any that satisfies all."""
        pin = version or (None if self.conflict else self.version)
        return spelled(self.name, self.extras, f"=={pin}" if pin else str(_tight(self.specifier)))


def spelled(name: str, extras: Iterable[str], specifier: str) -> str:
    """ "name[a,b]==1.0"."""
    listed = ",".join(sorted(extras))
    return f"{name}[{listed}]{specifier}" if listed else f"{name}{specifier}"


def declared(view: View, name: str) -> Declared:
    """What installed distributions and the project's requirement files declare of `name`."""
    own, of_project = view.derive(_Rows).of(name), view.derive(_Rows).of_project(name)
    # Files of a project that contradict each other are alternatives, of which none is known to count.
    usable = of_project if _satisfiable(Declared(name, tuple(of_project)).specifier) else []
    return Declared(name, (*own, *usable))


def depends_on(view: View, name: str) -> bool:
    """Whether the project itself depends on a distribution, by pyproject.toml or a requirement file."""
    if view.derive(_Rows).of_project(name):
        return True
    found = view.source(absolute(view, "pyproject.toml")) if toml_files(view) else None
    try:
        table = toml_text.parse(found.text).get("project") if found else None
    except ValueError:
        return False
    texts = table.get("dependencies") if isinstance(table, dict) else None
    rows = [parse(str(text)) for text in texts] if isinstance(texts, list) else []
    return any(row is not None and normalise(row.name) == name for row in rows)


def with_row(view: View, text: str) -> Declared:
    """The same with one more requirement; of text that is none, nothing."""
    row = parse(text)
    if row is None:
        return Declared(text)
    known = declared(view, normalise(row.name))
    return Declared(known.name, (*known.rows, ("what is to be installed", row)))


def brought_by(view: View, wheel: str) -> str | None:
    """The absent meta-package whose extras, as they are required, bring a wheel."""
    for unmet in view.derive(Requirements.of).unmet:
        if unmet.installed is None and wheel in wheels_of(unmet.requirement):
            return unmet.name
    return None


def wheels_of(requirement: Requirement) -> list[str]:
    """The wheels that the extras of a requirement bring, where a table knows."""
    named = next((s.version for s in requirement.specifier), "")
    return of_extras(normalise(requirement.name), requirement.extras, named)


class _Rows:
    """Every requirement by the name of what is required."""

    def __init__(self, view: View) -> None:
        self._own: dict[str, list[tuple[str, Requirement]]] = {}
        self._project: dict[str, list[tuple[str, Requirement]]] = {}
        for dist, requirement in view.derive(Requirements.of).rows:
            self._own.setdefault(normalise(requirement.name), []).append((dist.name, requirement))
        for path, requirement in _of_files(view):
            self._project.setdefault(normalise(requirement.name), []).append((path, requirement))

    def of(self, name: str) -> list[tuple[str, Requirement]]:
        return sorted(self._own.get(name, ()), key=lambda row: row[0] not in _FIRST)

    def of_project(self, name: str) -> list[tuple[str, Requirement]]:
        return self._project.get(name, [])


def _of_files(view: View) -> Iterator[tuple[str, Requirement]]:
    applies = view.derive(Requirements.of).applies
    for path, facts in requirement_files(view).items():
        for row in () if is_vendored(path) else facts.requirements:
            requirement = parse(row.text)
            if requirement is not None and applies(requirement):
                yield path, requirement


def _short(row: Requirement) -> str:
    return f"{row.name}{row.specifier}"


def _exact(spec: Specifier) -> bool:
    return spec.operator in ("==", "===") and not spec.version.endswith(".*")


def _satisfiable(specifier: SpecifierSet) -> bool:
    """Whether some version can lie within: one that is named, or one just above or below it."""
    if not len(specifier):
        return True
    named = [version for s in specifier if (version := _base(s)) is not None]
    probes = [p for version in named for p in _near(version)]
    return not named or any(map(partial(specifier.contains, prereleases=True), probes))


def _base(spec: Specifier) -> Version | None:
    found = parse(f"x=={spec.version.removesuffix('.*')}")
    return Version(next(iter(found.specifier)).version) if found else None


def _tight(specifier: SpecifierSet) -> SpecifierSet:
    """Without lower bounds below another one, and upper bounds above another one."""
    kept = set(specifier)
    for operator, tightest in ((">=", max), ("<", min)):
        rows = [s for s in specifier if s.operator == operator]
        if rows:
            kept -= {*rows} - {tightest(rows, key=lambda s: Version(s.version))}
    return SpecifierSet(",".join(sorted(map(str, kept))))


def _near(version: Version) -> Iterator[Version]:
    *front, last = version.release
    yield from (Version("0"), version, Version(f"{version.base_version}.0.0.0.1"))
    yield from (Version(".".join(map(str, (*front, last + 1)))), Version(f"{version.major + 1}"))
