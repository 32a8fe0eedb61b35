"""Which imports are proven to fail by a library, or to do without it."""

from __future__ import annotations

from collections.abc import Iterable

from gpufix.evidence.view import View
from gpufix.model import Import, Library


class Imports:
    """What the sources of the packages that hold a refused library tell."""

    def __init__(self, told: Iterable[Import]) -> None:
        self._failing: dict[str, Import] = {}
        self._working: set[str] = set()
        for one in told:
            if one.state == "fails" and one.library:
                self._failing.setdefault(one.library, one)
            elif one.state == "works" and one.distribution:
                self._working.add(one.distribution)
        self._working -= {
            one.distribution for one in told if one.state != "works" and one.distribution
        }

    @classmethod
    def of(cls, view: View) -> Imports:
        """For `View.derive`."""
        return cls(view.facts.binaries.imports)

    def failing(self, libraries: Iterable[Library]) -> Import | None:
        """The import that fails by one of these libraries."""
        return next((self._failing[x.path] for x in libraries if x.path in self._failing), None)

    def must_load(self, library: Library) -> bool:
        """Whether an import fails by it, or may: a module whose package was not shown to work without."""
        if library.path in self._failing:
            return True
        return library.module and library.distribution not in self._working

    def way(self, libraries: Iterable[Library]) -> tuple[str, ...]:
        """The evidence: the import that fails by one of them, and the places that lead there."""
        found = self.failing(libraries)
        return (f"import {found.module} fails", *found.chain) if found else ()
