"""What is installed of the package families: what does not agree, what lays the same files."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from gpufix.evidence.building import compiles_by_wheels
from gpufix.evidence.requirements import Requirements, version_of
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import families
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.families import Alone, Pair
from gpufix.model import Distribution, SharedFile


class Mismatch(Frozen):
    """Two installed distributions that do not agree. needed: versions of `other`, in words."""

    pair: Pair
    one: Distribution
    other: Distribution
    needed: str


class Mismatches:
    """Every pair that does not agree."""

    def __init__(self, found: list[Mismatch]) -> None:
        self.found = found

    @classmethod
    def of(cls, view: View) -> Mismatches:
        """For `view.derive`."""
        return cls(list(_mismatches(view)))

    def between(self, one: str, other: str) -> Mismatch | None:
        """That of two distributions, whichever is named first."""
        names = {one, other}
        return next((m for m in self.found if {m.one.name, m.other.name} == names), None)


def _mismatches(view: View) -> Iterator[Mismatch]:
    for pair in families.pairs():
        one, other = view.dist(pair.one), view.dist(pair.other)
        if one is None or other is None or (pair.switch and view.env(pair.switch)):
            continue
        if pair.outcome == "builds" and not compiles_by_wheels(view):
            continue
        needed = _needed(view, pair, one, other)
        if needed is not None:
            yield Mismatch(pair, one, other, needed)


def _needed(view: View, pair: Pair, one: Distribution, other: Distribution) -> str | None:
    """The versions of `other` that go with `one`; None where the installed one does."""
    if pair.agree in ("declared", "floor"):
        return _declared(view, pair, other)
    mine, theirs = version_of(one.version), version_of(other.version)
    if mine is None or theirs is None or not (any(mine.release) and any(theirs.release)):
        return None  # "0.0.0": a build out of a checkout
    if pair.agree == "table":
        return _tabled(pair, one, other)
    if pair.agree == "minor":
        return None if mine.release[:2] == theirs.release[:2] else _minor(mine)
    if pair.agree == "prefix":
        return None if mine.public.startswith(theirs.public) else mine.public
    return None if edition(mine) == edition(theirs) else mine.public


def _tabled(pair: Pair, one: Distribution, other: Distribution) -> str | None:
    """The range of `other` for this `one`, where it is not within it."""
    needed = needs(pair, one.version)
    parsed = version_of(other.version)
    return (
        needed if parsed and not SpecifierSet(needed).contains(parsed, prereleases=True) else None
    )


def needs(pair: Pair, version: str) -> str:
    """The range of `other` that goes with a version of `one`; "" = any, or no row tells."""
    return next((spec for since, spec in reversed(pair.needs) if at_least(version, since)), "")


def edition(version: Version) -> tuple[object, ...]:
    """What tells a release from others: neither a local part nor a night's date does."""
    return version.release, version.pre, version.post


def _minor(version: Version) -> str:
    return f"{version.major}.{version.minor}"


def _declared(view: View, pair: Pair, other: Distribution) -> str | None:
    """What `one` requires of `other`, where it does not hold."""
    for unmet in view.derive(Requirements.of).unmet:
        if unmet.dist.name == pair.one and unmet.name == other.name and unmet.installed:
            if pair.agree == "declared":
                return str(unmet.requirement.specifier)
            pins = [s.version for s in unmet.requirement.specifier if s.operator == "=="]
            floor, found = version_of(pins[0]) if pins else None, version_of(other.version)
            return f">={floor}" if floor and found and found < floor else None
    return None


class Rivals(Frozen):
    """Installed distributions that lay the same files.

    lost: the GPU distribution whose core another one has overwritten, and that file.
    """

    group: Alone
    here: tuple[Distribution, ...]
    lost: tuple[Distribution, SharedFile] | None

    @property
    def names(self) -> tuple[str, ...]:
        """Theirs, sorted."""
        return tuple(sorted(d.name for d in self.here))


def rivals(view: View) -> list[Rivals]:
    """Every group of which more than one is installed."""
    found = []
    for group in families.alone():
        here = tuple(d for name in group.distributions if (d := view.dist(name)))
        if len(here) > 1:
            found.append(Rivals(group, here, _lost(view, group, here)))
    return found


def _lost(
    view: View, group: Alone, here: tuple[Distribution, ...]
) -> tuple[Distribution, SharedFile] | None:
    bearers = {d.name: d for d in here if d.name in group.gpu}
    for shared in core_files(view, group):
        owners = [bearers[name] for name in shared.owners if name in bearers]
        if owners and shared.holder in shared.owners and shared.holder not in bearers:
            return owners[0], shared
    return None


def core_files(view: View, group: Alone) -> list[SharedFile]:
    """The files of a group's core that several own, with different content."""
    shared = (f for f in view.facts.shared_files if f.differ)
    return [f for f in shared if group.core and fnmatchcase(f.path, group.core)]
