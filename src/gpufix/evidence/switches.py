"""Variables by which installed packages take what is not here, or the CPU."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet

from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import families
from gpufix.knowledge.families import Switch

_YES = frozenset({"1", "true", "yes", "on", "y", "t"})


class Taken(Frozen):
    """A switch that is on. `by`: the place of the code that sets it; None: the process has it."""

    row: Switch
    value: str
    by: str | None
    default: bool  # that code gives way to a value which the process has

    @property
    def off(self) -> str | None:
        """The value that the process must have for it: of words for yes, "0" is the opposite."""
        return "0" if self.default and set(self.row.on) <= _YES else None


def switched(view: View) -> Iterator[Taken]:
    """Every switch that an installed package asks for, at a value that leads nowhere."""
    for row in families.switches():
        value, by = setting(view, row.variable)
        started = view.facts.environment.started.get(row.variable)
        parts = {part.strip().lower() for part in (value or "").split(",")}
        on = bool(parts & set(row.on)) if row.wants else parts <= set(row.on)
        if value and on and _is_asked_for(view, row) and not any(map(view.dist, row.wants)):
            yield Taken(row, value, by, bool(by and started and started.default))


def setting(view: View, name: str) -> tuple[str | None, str | None]:
    """A variable as Python's own code finds it, and the place of the code that has set it."""
    value, started = view.env(name), view.facts.environment.started.get(name)
    if started is None or (started.default and value is not None):
        return value, None
    return started.value, started.place


def _is_asked_for(view: View, row: Switch) -> bool:
    for name, versions in row.readers.items():
        dist = view.dist(name)
        version = version_of(dist.version) if dist else None
        if version and SpecifierSet(versions).contains(version, prereleases=True):
            return True
    return False
