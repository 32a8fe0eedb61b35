"""The names behind the table: sorted, compressed, opened only to explain or to rebuild.

An xz stream of three parts: one line of JSON (`releases`, `masks` as three hex words each, `bytes`
of the names), the sorted names one a line, and for each name the 16-bit little-endian index of its
masks. It holds every name that was harvested, also those too internal for the hashed table.
"""

from __future__ import annotations

import json
import lzma
import struct
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from gpufix.files import own
from gpufix.knowledge.symbols.symbol_table import Masks, SymbolTableError

# 22 bits of dictionary: reading needs 4 MiB, and the sorted names repeat themselves nearby. The preset
# searches longest: writing takes half a minute, reading no longer, and a fifth is saved.
_FILTERS = [
    {
        "id": lzma.FILTER_LZMA2,
        "preset": 9 | lzma.PRESET_EXTREME,
        "dict_size": 1 << 22,
        "lc": 4,
        "lp": 0,
        "pb": 0,
    }
]


class SymbolNames:
    """Every known name with its masks."""

    def __init__(self, releases: tuple[str, ...], rows: dict[str, Masks]) -> None:
        self.releases = releases
        self.rows = rows
        self.sorted = sorted(rows)

    @classmethod
    def read(cls, path: Path) -> SymbolNames:
        """Raises SymbolTableError for a damaged file, OSError for an absent one."""
        try:
            return cls(*_decode(lzma.decompress(own(path))))
        except (lzma.LZMAError, ValueError, KeyError, IndexError, struct.error) as error:
            raise SymbolTableError(f"symbol names are damaged: {error}") from error

    def write(self, path: Path) -> None:
        masks = sorted(set(self.rows.values()))
        number = {mask: i for i, mask in enumerate(masks)}
        text = "\n".join(self.sorted).encode("ascii")
        head = {"releases": self.releases, "masks": [[f"{m:x}" for m in mask] for mask in masks]}
        line = json.dumps({**head, "bytes": len(text)}).encode("ascii")
        indices = struct.pack(
            f"<{len(self.sorted)}H", *(number[self.rows[name]] for name in self.sorted)
        )
        data = line + b"\n" + text + indices
        path.write_bytes(lzma.compress(data, check=lzma.CHECK_CRC32, filters=_FILTERS))

    def get(self, name: str) -> Masks | None:
        return self.rows.get(name)

    def starting(self, prefix: str, limit: int = 200) -> Iterator[str]:
        """Known names that start with `prefix`, in order, `limit` of them at most."""
        at = bisect_left(self.sorted, prefix)
        for name in self.sorted[at : at + limit]:
            if not name.startswith(prefix):
                return
            yield name


def _decode(data: bytes) -> tuple[tuple[str, ...], dict[str, Masks]]:
    end = data.index(b"\n") + 1
    head = json.loads(data[:end])
    masks = [Masks(*(int(word, 16) for word in mask)) for mask in head["masks"]]
    size = int(head["bytes"])
    names = data[end : end + size].decode("ascii").split("\n")
    indices = struct.unpack(f"<{len(names)}H", data[end + size :])
    rows = {name: masks[i] for name, i in zip(names, indices, strict=True)}
    return tuple(head["releases"]), rows
