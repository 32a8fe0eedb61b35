"""Finding a definition for every reference, and a version for every need, as ld.so does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gpufix.binary.elf.bulk import NOTHING, Key, Keys

from .library import Library
from .memo import Memo
from .model import Undefined, VersionMissing
from .namespace import Loaded, Namespace

_MANY = 1000


class Resolver:
    """Answers for one namespace, whose global scope does not change any more.

    below: the resolver of an earlier state; what was found then is found now.
    """

    def __init__(self, namespace: Namespace, below: Resolver | None = None) -> None:
        self._scope = list(dict.fromkeys(loaded.library for loaded in namespace.scope))
        self._memo: Memo = Memo(below._memo if below else None)
        self._beyond: dict[Library, Keys] = {}
        self._witness: dict[Library, set[Library]] = {}

    def unresolved(self, library: Library, scope: list[Library]) -> Keys:
        """References that neither the global scope nor `scope` defines."""
        pending = self.beyond(library)
        if not pending:
            return pending
        witness = self._witness.get(library)
        if witness is not None and witness.issubset(scope):
            return NOTHING
        used: set[Library] = set()
        others = [other for other in scope if other is not library]
        if len(pending.plain) > _MANY:  # the largest has most of them: the others are asked for few
            others.sort(key=lambda other: other.size, reverse=True)
        for other, asked in _order(pending, others):
            found = other.provided(pending & asked if asked else pending)
            if found:
                used.add(other)
                pending -= found
                if not pending:
                    self._witness[library] = used
                    break
        return pending

    def beyond(self, library: Library) -> Keys:
        """References that the global scope does not define."""
        known = self._beyond.get(library)
        if known is None:
            known = self._memo.open(library.references)
            fresh = self._memo.unknown(known) if known else known
            if fresh:
                known -= self._search_scope(fresh)
            self._beyond[library] = known
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

    def _search_scope(self, keys: Keys) -> Keys:
        """Those of `keys` that some library of the global scope defines."""
        rest = keys
        for other, asked in _order(keys, self._scope):
            found = other.provided(rest & asked if asked else rest)
            if found:
                rest -= found
                if not rest:
                    break
        found = keys - rest
        self._memo.learn(found, rest)
        return found


def _order(keys: Keys, libraries: list[Library]) -> Iterator[tuple[Library, Keys | None]]:
    """Whom to ask for what: for a version, those who define it; then everybody for all (None)."""
    by_version: dict[bytes, set[Key]] = {}
    for key in keys.versioned:
        by_version.setdefault(key.partition(b"\0")[2], set()).add(key)
    for other in libraries if by_version else ():
        wanted = [by_version[v] for v in other.own_versions if v in by_version]
        if wanted:
            yield other, Keys(frozenset(), frozenset().union(*wanted))
    for other in libraries:
        yield other, None


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
