"""Rebuilds the hashed table of torch's exported names from the names file beside it.

python tools/build_symbol_table.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from gpufix.knowledge.symbols.history import DATA, NAMES, TABLE
from gpufix.knowledge.symbols.releases import listed
from gpufix.knowledge.symbols.symbol_names import SymbolNames
from gpufix.knowledge.symbols.symbol_table import pack

LIMIT = 500 * 1024  # bytes: what a table in every installation may weigh


def build(folder: Path = DATA) -> int:
    """Writes the table from the names in `folder`; its size in bytes."""
    names = SymbolNames.read(folder / NAMES)
    rows = {name: masks for name, masks in names.rows.items() if listed(name, masks)}
    data = pack(names.releases, rows)
    if len(data) > LIMIT:
        raise SystemExit(f"the table would have {len(data):,} bytes, over {LIMIT:,}")
    (folder / TABLE).write_bytes(data)
    print(f"{len(names.releases)} releases, {len(rows):,} of {len(names.rows):,} names")
    print(f"{TABLE}: {len(data):,} bytes; {NAMES}: {(folder / NAMES).stat().st_size:,} bytes")
    return len(data)


if __name__ == "__main__":
    build()
