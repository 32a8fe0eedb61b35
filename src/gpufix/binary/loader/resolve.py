"""Finding a definition for every reference, and a version for every need, as ld.so does."""

from __future__ import annotations

from collections.abc import Iterable

from .library import Key, Library
from .model import Undefined, VersionMissing
from .namespace import Loaded, Namespace


class Resolver:
    """Answers for one namespace, whose global scope does not change any more."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self._scope = list(dict.fromkeys(loaded.library for loaded in namespace.scope))
        self._beyond: dict[int, frozenset[Key]] = {}
        self._witness: dict[int, frozenset[int]] = {}

    def unresolved(self, library: Library, scope: list[Library]) -> set[Key]:
        """References that neither the global scope nor `scope` defines."""
        pending = set(self.beyond(library))
        if not pending:
            return pending
        witness = self._witness.get(id(library))
        if witness is not None and witness <= {id(other) for other in scope}:
            return set()
        used = set()
        for other in scope:
            found = other.provided(pending)
            if found:
                used.add(id(other))
                pending -= found
                if not pending:
                    self._witness[id(library)] = frozenset(used)
                    break
        return pending

    def beyond(self, library: Library) -> frozenset[Key]:
        """References that the global scope does not define."""
        known = self._beyond.get(id(library))
        if known is None:
            pending = set(library.references)
            for other in self._scope:
                if not pending:
                    break
                pending -= other.provided(pending)
            known = self._beyond[id(library)] = frozenset(pending)
        return known

    def undefined(self, loaded: Loaded, scope: list[Library]) -> list[Undefined]:
        """The problems of one library among those of its search scope."""
        pending = self.unresolved(loaded.library, scope)
        if not pending:
            return []
        return [
            Undefined(symbol.name, symbol.version, loaded.path, symbol.library, symbol.kind)
            for symbol in loaded.library.describe(pending)
        ]


def missing_versions(namespace: Namespace, objects: Iterable[Loaded]) -> list[VersionMissing]:
    """Versions that some of `objects` need and that the library of that name does not define."""
    found = []
    for loaded in objects:
        for name, versions in loaded.library.version_needs.items():
            other = namespace.named(name)
            defined = other.library.defined_versions if other else None
            # A library without versions satisfies every need: ld.so only warns.
            if other is None or defined is None:
                continue
            found += [
                VersionMissing(version, name, other.path, loaded.path)
                for version, weak in versions.items()
                if not weak and version not in defined
            ]
    return found
