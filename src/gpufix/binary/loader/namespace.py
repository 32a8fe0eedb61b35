"""The libraries in a process, in the order in which the loader finds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .library import Library
from .model import Missing, Reason, Unusable


@dataclass(eq=False, slots=True)
class Loaded:
    """A library in the process.

    path: as the loader opened it; loader: what asked for it first; inherited: the
    RPATH folders that apply to its dependencies, the loaders' included; needs: its direct dependencies, used: (name, path, rule) of each; problems: those not to be had.
    """

    library: Library
    path: str
    loader: Loaded | None
    inherited: tuple[str, ...] = ()
    needs: list[Loaded] = field(default_factory=list)
    used: list[tuple[str, str, Reason]] = field(default_factory=list)
    problems: list[Missing | Unusable] = field(default_factory=list)
    filled: bool = False

    @property
    def origin(self) -> str:
        """What $ORIGIN stands for: the folder of the path by which it was opened."""
        return self.path.rpartition("/")[0] or "/"


class Namespace:
    """Libraries already in a process, found by name or file; copied for a trial.

    scope: those whose symbols everybody sees.
    """

    def __init__(self, below: Namespace | None = None) -> None:
        self.scope: list[Loaded] = list(below.scope) if below else []
        # Copies, for there are few names below and very many questions above.
        self._by_name: dict[str, Loaded] = dict(below._by_name) if below else {}
        self._by_library: dict[Library, Loaded] = dict(below._by_library) if below else {}

    def add(self, loaded: Loaded, names: Iterable[str | None]) -> None:
        """Enter a library under all the names that further requests may use."""
        self._by_library.setdefault(loaded.library, loaded)
        for name in names:
            if name:
                self.alias(loaded, name)

    def alias(self, loaded: Loaded, name: str) -> None:
        """A further name; an earlier library of that name keeps it."""
        self._by_name.setdefault(name, loaded)

    def named(self, name: str) -> Loaded | None:
        """The library that a request for `name` would find without searching."""
        return self._by_name.get(name)

    def same_file(self, library: Library) -> Loaded | None:
        """The entry of the same file, however it was named."""
        return self._by_library.get(library)


def closure(root: Loaded) -> list[Loaded]:
    """The library and all that it needs, breadth first: the order of its symbol search."""
    order = [root]
    seen = {root}
    for loaded in order:
        for need in loaded.needs:
            if need not in seen:
                seen.add(need)
                order.append(need)
    return order
