"""The tables of a PE file that the loader binds by: imports, delayed imports, exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from struct import Struct

from gpufix.binary.pe.headers import DELAYED, EXPORTS, IMPORTS
from gpufix.binary.pe.image import MAX_STRING, Image
from gpufix.frozen import Frozen

_IMPORT = Struct("<IIIII")
_DELAYED = Struct("<IIIIIIII")
_EXPORTS = Struct("<IIHHIIIIIII")
_MAX_LIBRARIES = 4096
_MAX_SYMBOLS = 1 << 20


class Import(Frozen):
    """What is asked of one DLL: names, and ordinals."""

    library: str
    names: tuple[str, ...] = ()
    ordinals: tuple[int, ...] = ()


class Exports(Frozen):
    """names: with what another DLL provides in its place ("NTDLL.RtlAllocateHeap"), else "".

    ordinals: likewise, of every function.
    """

    names: dict[str, str] = field(default_factory=dict)
    ordinals: dict[int, str] = field(default_factory=dict)


class _Budget:
    """Names that overlap would be more than the file holds: such a file is refused."""

    def __init__(self, image: Image, where: str) -> None:
        self._image, self._where = image, where
        self._bytes = image.size

    def name(self, address: int) -> str:
        found = self._image.text(address, self._where)
        self._bytes -= len(found) + 1
        if self._bytes < 0:
            raise self._image.fail("names overlap", self._where)
        return found


def read_imports(image: Image) -> tuple[Import, ...]:
    """Raises PeError."""
    where = "import table"
    address, _ = image.headers.directories[IMPORTS]
    budget, symbols = _Budget(image, where), 0
    found: list[Import] = []
    for _ in range(_MAX_LIBRARIES):
        lookup, _, _, name, table = _IMPORT.unpack(image.read(address, _IMPORT.size, where))
        if not name or not table:
            return tuple(found)
        found.append(_asked(image, budget, budget.name(name), lookup or table))
        symbols += len(found[-1].names) + len(found[-1].ordinals)
        if symbols > _MAX_SYMBOLS:
            raise image.fail(f"more than {_MAX_SYMBOLS} symbols", where)
        address += _IMPORT.size
    raise image.fail(f"more than {_MAX_LIBRARIES} libraries", where)


def read_delayed(image: Image) -> tuple[Import, ...]:
    """Raises PeError. Those of compilers before 2003, whose tables hold no relative addresses, are left out."""
    where = "delay import table"
    address, _ = image.headers.directories[DELAYED]
    budget = _Budget(image, where)
    found: list[Import] = []
    for _ in range(_MAX_LIBRARIES):
        flags, name, _, _, table, *_ = _DELAYED.unpack(image.read(address, _DELAYED.size, where))
        if not name:
            return tuple(found)
        if flags & 1:
            found.append(_asked(image, budget, budget.name(name), table))
        address += _DELAYED.size
    raise image.fail(f"more than {_MAX_LIBRARIES} libraries", where)


def _asked(image: Image, budget: _Budget, library: str, table: int) -> Import:
    where, names, ordinals = f"imports of {library[:60]}", [], []
    for value in _thunks(image, table, where):
        by_number = value >> (63 if image.headers.wide else 31)
        if by_number:
            ordinals.append(value & 0xFFFF)
        else:
            names.append(budget.name((value & 0x7FFFFFFF) + 2))  # behind the hint
    return Import(library, tuple(names), tuple(ordinals))


def _thunks(image: Image, table: int, where: str) -> Iterator[int]:
    width = 8 if image.headers.wide else 4
    for at in range(table, table + _MAX_SYMBOLS * width, width):
        value = int.from_bytes(image.read(at, width, where), "little")
        if not value:
            return
        yield value
    raise image.fail(f"more than {_MAX_SYMBOLS} symbols", where)


def read_exports(image: Image) -> Exports:
    """Raises PeError."""
    where = "export table"
    address, size = image.headers.directories[EXPORTS]
    head = _EXPORTS.unpack(image.read(address, _EXPORTS.size, where))
    base, functions, count, table, names, numbers = head[5:]
    if functions > _MAX_SYMBOLS or count > _MAX_SYMBOLS:
        raise image.fail(f"{max(functions, count)} symbols", where)
    targets = _array(image, table, functions, 4, where)
    end = address + size
    forwarded = [image.text(t, where) if address <= t < end else "" for t in targets]
    spelled = _names(image, _array(image, names, count, 4, where), where)
    indices = _array(image, numbers, count, 2, where)
    named = {n: forwarded[i] for n, i in zip(spelled, indices, strict=True) if i < functions}
    ordinals = {base + i: forwarded[i] for i, target in enumerate(targets) if target}
    return Exports(named, ordinals)


def _names(image: Image, addresses: tuple[int, ...], where: str) -> list[str]:
    """All lie in one section, mostly: its bytes are read once. libtorch's 60,000 have 9 MB."""
    if not addresses:
        return []
    first = min(addresses)
    most = max(addresses) - first + MAX_STRING
    held = image.rest(first, most, where)
    left, found = image.size, []
    for address in addresses:
        end = held.find(b"\0", address - first)
        if end < 0:
            raise image.fail(f"string at {address:#x} does not end", where)
        left -= end - (address - first) + 1
        if left < 0:
            raise image.fail("names overlap", where)
        found.append(held[address - first : end].decode("latin-1"))
    return found


def _array(image: Image, address: int, count: int, width: int, where: str) -> tuple[int, ...]:
    if not count:
        return ()
    data = image.read(address, count * width, where)
    return Struct(f"<{count}{'I' if width == 4 else 'H'}").unpack(data)
