"""Thread-local variables at a fixed offset: the loader has little room for those of a dlopen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gpufix.binary.elf.layout import DF_STATIC_TLS, PT_TLS
from gpufix.binary.loader.model import Unusable
from gpufix.binary.loader.resolve import Loaded, definer
from gpufix.binary.loader.system import System
from gpufix.frozen import Frozen

# elf/dl-tls.c: 1,664 bytes in all releases so far, more when a tunable says so. The whole block is
# rounded up, so up to an alignment more may be free: a library that needs no more is not blamed.
_ROOM, _OPTIONAL, _NAMESPACES = 1664, 512, 4
_BYTES_A_NAMESPACE = 288
_ALIGNMENT = 64
_LATEST = (2, 43)
_MACHINES = ("x86_64", "aarch64")
_TUNABLE = r"(?:^|:)glibc\.rtld\.(optional_static_tls|nns)=(0x[0-9a-fA-F]+|\d+)(?=:|$)"
_MUSL = "its thread-local variables must be there when the program starts (initial-exec)"


class StaticTls(Frozen):
    """What of the room is taken. placed: the libraries whose variables have their place.

    room: the most bytes that may be free at start, None when that is not known; alignment: the
    strictest that the block has.
    """

    musl: bool
    room: int | None
    alignment: int
    placed: frozenset[Loaded]
    used: int = 0

    def after(
        self, fresh: Sequence[Loaded], scope: Sequence[Loaded]
    ) -> tuple[StaticTls, list[Unusable]]:
        """With `fresh` loaded, whose symbols are looked up in `scope`; and what finds no place."""
        placed, used, problems = set(self.placed), self.used, []
        for owner, user in _claims(fresh, scope):
            if owner in placed:
                continue
            placed.add(owner)
            size, alignment = _block(owner)
            what = self._fault(size, alignment, used)
            used += size
            if what:
                asks = user.path if user is not owner else None
                problems.append(Unusable(owner.path, asks, what, sound=True))
        if used == self.used:
            return self, problems
        taken = StaticTls(self.musl, self.room, self.alignment, frozenset(placed), used)
        return taken, problems

    def _fault(self, size: int, alignment: int, used: int) -> str:
        if self.musl:
            return _MUSL
        if self.room is None:
            return ""
        if alignment > self.alignment:
            return (
                f"needs static TLS aligned to {alignment} bytes, the process has {self.alignment}"
            )
        free = self.room + self.alignment - used
        return f"needs {size} bytes of static TLS, of which {max(free, 0)} are free" * (size > free)


def at_start(
    system: System, environment: Mapping[str, str], members: Iterable[Loaded]
) -> StaticTls:
    """When the program has started, with the libraries `members`."""
    known = system.since(2, 0) and not system.since(_LATEST[0], _LATEST[1] + 1)
    known = known and system.machine in _MACHINES and not environment.get("LD_AUDIT")
    room = _room(environment.get("GLIBC_TUNABLES", "")) if known else None
    placed = frozenset(members)
    alignment = max((_block(entry)[1] for entry in placed), default=_ALIGNMENT)
    return StaticTls(system.musl, room, max(alignment, _ALIGNMENT), placed)


def _room(tunables: str) -> int:
    """Each tunable's last value counts."""
    values = {name: int(value, 0) for name, value in re.findall(_TUNABLE, tunables)}
    spaces = values.get("nns", _NAMESPACES) - _NAMESPACES
    return (
        _ROOM
        + values.get("optional_static_tls", _OPTIONAL)
        - _OPTIONAL
        + spaces * _BYTES_A_NAMESPACE
    )


def _claims(fresh: Iterable[Loaded], scope: Sequence[Loaded]) -> Iterator[tuple[Loaded, Loaded]]:
    """(library whose variables need a fixed place, library that says so)."""
    for user in fresh:
        elf = user.library.elf
        for name in sorted(elf.static_tls()) if elf.flags & DF_STATIC_TLS else ():
            owner = definer(name, scope) if name else user
            if owner is not None:
                yield owner, user


def _block(entry: Loaded) -> tuple[int, int]:
    """Bytes of a library's thread-local variables, and their alignment."""
    found = entry.library.elf.image.segment(PT_TLS)
    if found is None:
        return 0, 1
    alignment = max(found.align, 1)
    return found.memory_size + found.address % alignment, alignment
