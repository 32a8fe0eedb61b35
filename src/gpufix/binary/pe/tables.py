"""The tables of a PE file that the loader binds by: imports, delayed imports, exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_NEAR = 64 << 20  # bytes between names: torch_cpu.dll exports 60,000 of 9 MB


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


class _Names:
    """Reads names. Those that overlap would be more than the file holds: such a file is refused."""

    def __init__(self, image: Image, where: str) -> None:
        self._image, self._where = image, where
        self._bytes, self._spans = image.size, image.size

    def one(self, address: int) -> str:
        return self._counted(self._image.text(address, self._where))

    def several(self, addresses: Sequence[int]) -> list[str]:
        """Names that lie near each other, mostly: their bytes are read once."""
        if not addresses:
            return []
        first, last = min(addresses), max(addresses)
        self._spans -= last - first
        if last - first > _NEAR or self._spans < 0:
            return [self.one(address) for address in addresses]
        held = self._image.rest(first, last - first + MAX_STRING, self._where)
        found = []
        for address in addresses:
            end = held.find(b"\0", address - first)
            if end < 0:
                what = f"string at {address:#x} does not end"
                raise self._image.fail(what, self._where)
            found.append(self._counted(held[address - first : end].decode("latin-1")))
        return found

    def _counted(self, name: str) -> str:
        self._bytes -= len(name) + 1
        if self._bytes < 0:
            raise self._image.fail("names overlap", self._where)
        return name


def read_imports(image: Image) -> tuple[Import, ...]:
    """Raises PeError."""
    where = "import table"
    address, _ = image.headers.directories[IMPORTS]
    names, symbols = _Names(image, where), 0
    found: list[Import] = []
    for _ in range(_MAX_LIBRARIES):
        lookup, _, _, name, table = _IMPORT.unpack(image.read(address, _IMPORT.size, where))
        if not name or not table:
            return tuple(found)
        found.append(_asked(image, names, names.one(name), lookup or table))
        symbols += len(found[-1].names) + len(found[-1].ordinals)
        if 4 * symbols > image.size:
            raise image.fail("tables overlap", where)
        address += _IMPORT.size
    raise image.fail(f"more than {_MAX_LIBRARIES} libraries", where)


def read_delayed(image: Image) -> tuple[Import, ...]:
    """Raises PeError. Those of compilers before 2003, whose tables hold no relative addresses, are left out."""
    where = "delay import table"
    address, _ = image.headers.directories[DELAYED]
    names, symbols = _Names(image, where), 0
    found: list[Import] = []
    for _ in range(_MAX_LIBRARIES):
        flags, name, _, _, table, *_ = _DELAYED.unpack(image.read(address, _DELAYED.size, where))
        if not name:
            return tuple(found)
        if flags & 1:
            found.append(_asked(image, names, names.one(name), table))
            symbols += len(found[-1].names) + len(found[-1].ordinals)
        if 4 * symbols > image.size:
            raise image.fail("tables overlap", where)
        address += _DELAYED.size
    raise image.fail(f"more than {_MAX_LIBRARIES} libraries", where)


def _asked(image: Image, names: _Names, library: str, table: int) -> Import:
    values = list(_thunks(image, table, f"imports of {library[:60]}"))
    by_number = 1 << (63 if image.headers.wide else 31)
    ordinals = tuple(value & 0xFFFF for value in values if value & by_number)
    addresses = [(v & 0x7FFFFFFF) + 2 for v in values if not v & by_number]  # behind the hint
    return Import(library, tuple(names.several(addresses)), ordinals)


def _thunks(image: Image, table: int, where: str) -> Iterator[int]:
    width, form = (8, "Q") if image.headers.wide else (4, "I")
    at, most = table, 64 * width
    while at < table + _MAX_SYMBOLS * width:
        held = image.rest(at, most, where)
        values = Struct(f"<{len(held) // width}{form}").unpack(held[: len(held) // width * width])
        end = values.index(0) if 0 in values else len(values)
        yield from values[:end]
        if end < len(values) or not values:
            return
        at, most = at + len(values) * width, 4096 * width
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
    reader = _Names(image, where)
    forwarded = [reader.one(t) if address <= t < end else "" for t in targets]
    spelled = reader.several(_array(image, names, count, 4, where))
    indices = _array(image, numbers, count, 2, where)
    named = {n: forwarded[i] for n, i in zip(spelled, indices, strict=True) if i < functions}
    ordinals = {base + i: forwarded[i] for i, target in enumerate(targets) if target}
    return Exports(named, ordinals)


def _array(image: Image, address: int, count: int, width: int, where: str) -> tuple[int, ...]:
    if not count:
        return ()
    data = image.read(address, count * width, where)
    return Struct(f"<{count}{'I' if width == 4 else 'H'}").unpack(data)
