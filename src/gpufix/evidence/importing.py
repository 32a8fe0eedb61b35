"""Which imports are proven to fail by a library, or to do without it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from posixpath import basename, dirname

from gpufix.evidence.view import View
from gpufix.model import Import, Library

_DIGITS = re.compile(r"\d+")


class Imports:
    """What the sources of the packages that hold a refused library tell."""

    def __init__(self, told: Iterable[Import], libraries: Iterable[Library] = ()) -> None:
        self._failing: dict[str, Import] = {}
        states: dict[str, set[str]] = {}
        for one in told:
            if one.state == "fails" and one.library:
                self._failing.setdefault(one.library, one)
            if one.distribution:
                states.setdefault(one.distribution, set()).add(one.state)
        self._followed = set(states)
        self._working = {name for name, found in states.items() if found == {"works"}}
        self._serving = {_family(x) for x in libraries if not x.problems}

    @classmethod
    def of(cls, view: View) -> Imports:
        """For `View.derive`."""
        return cls(view.facts.binaries.imports, view.facts.binaries.libraries)

    def failing(self, libraries: Iterable[Library]) -> Import | None:
        """The import that fails by one of these libraries."""
        return next((self._failing[x.path] for x in libraries if x.path in self._failing), None)

    def proven(self, libraries: Iterable[Library]) -> bool | None:
        """Whether an import is shown to fail by one of these. None: no import was followed."""
        every = list(libraries)
        if self.failing(every):
            return True
        return False if {x.distribution for x in every} & self._followed else None

    def must_load(self, library: Library) -> bool:
        """Whether an import fails by it, or may: a module whose package was not shown to work without."""
        if library.path in self._failing:
            return True
        return library.module and library.distribution not in self._working

    def is_spare(self, library: Library) -> bool:
        """Whether an alternative to it loads: one library per FFmpeg or CUDA release, of which one serves.

        They lie in one folder, and their names differ in digits alone.
        """
        if library.opened_by == "import" or library.path in self._failing:
            return False
        return _DIGITS.search(basename(library.path)) is not None and (
            _family(library) in self._serving
        )

    def way(self, libraries: Iterable[Library]) -> tuple[str, ...]:
        """The evidence: the import that fails by one of them, and the places that lead there."""
        found = self.failing(libraries)
        return (f"import {found.module} fails", *found.chain) if found else ()


def _family(library: Library) -> tuple[str, str]:
    return dirname(library.path), _DIGITS.sub("#", basename(library.path).partition(".so")[0])
