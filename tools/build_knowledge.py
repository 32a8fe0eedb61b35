"""Builds the tables that gpufix ships from the rows kept by hand in knowledge/.

    python tools/build_knowledge.py            # writes src/gpufix/knowledge/data/
    python tools/build_knowledge.py --check    # names the files that are not current, and fails

Every row is checked, those of the tables that are written by hand in data/ as well.
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).parent))

from gpufix.knowledge.symbols.history import TABLE
from knowledge_build import (
    companions,
    compilers,
    conda,
    conflicts,
    cuda,
    dispatchers,
    drivers,
    families,
    gpus,
    hip,
    listings,
    messages,
    node,
    plugins,
    removed,
    rocm_wheels,
    system,
    torch,
    triton,
    windows,
)
from knowledge_build.read import BadRows, Knowledge, check_data, read
from knowledge_build.symbols import packed
from knowledge_build.text_packing import packed_text

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "knowledge"
DATA = ROOT / "src" / "gpufix" / "knowledge" / "data"

MESSAGES, PACKED = "messages", ".xz"  # by far the largest table of text

BUILDERS: dict[str, Callable[[Knowledge], Any]] = {
    "torch_releases": torch.releases,
    "torch_pins": torch.pins,
    "companions": companions.build,
    "listings": listings.build,
    "cuda_toolkits": cuda.toolkits,
    "cuda_wheels": cuda.wheels,
    "host_compilers": compilers.build,
    "gpus": gpus.build,
    "drivers": drivers.build,
    "triton": triton.build,
    "node": node.build,
    "conflicts": conflicts.build,
    "plugins": plugins.build,
    "windows": windows.build,
    "rocm_wheels": rocm_wheels.build,
    "hip": hip.build,
    "removed_cxx": removed.build,
    "families": families.build,
    "dispatchers": dispatchers.build,
    "system_libraries": system.build,
    "conda_names": conda.names,
    "conda_pytorch": conda.pytorch,
    MESSAGES: messages.build,
}


def compact(value: Any) -> str:
    """JSON with one line per top-level row: small, and readable in a diff."""
    rows = []
    for key, item in value.items():
        nested = isinstance(item, (dict, list)) and len(item) > 3
        rows.append(f"{json.dumps(key)}:{_rows(item) if nested else compact_line(item)}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _rows(item: dict[str, Any] | list[Any]) -> str:
    if isinstance(item, list):
        return "[\n" + ",\n".join(compact_line(v) for v in item) + "\n]"
    return "{\n" + ",\n".join(f"{json.dumps(k)}:{compact_line(v)}" for k, v in item.items()) + "\n}"


def compact_line(value: Any) -> str:
    """One value on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def products(rows: Path, data: Path) -> dict[str, bytes]:
    """What data/ must hold, by file name. Raises BadRows."""
    check_data(data)
    known = read(rows)
    built = {f"{name}.json": compact(build(known)).encode() for name, build in BUILDERS.items()}
    plain = built.pop(f"{MESSAGES}.json")
    built[f"{MESSAGES}.json{PACKED}"] = packed_text(plain)
    return built | {TABLE: packed(data)}


def stale(rows: Path, data: Path) -> dict[str, bytes]:
    """The files of data/ that are not what the rows say, with what they must hold."""
    return {
        name: content
        for name, content in products(rows, data).items()
        if not (data / name).is_file()
        or _plain(name, (data / name).read_bytes()) != _plain(name, content)
    }


def _plain(name: str, content: bytes) -> bytes:
    """What a packed table holds: two releases of liblzma may pack it differently."""
    return lzma.decompress(content) if name.endswith(PACKED) else content


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if not current")
    parser.add_argument("--rows", type=Path, default=ROWS, help="instead of knowledge/")
    parser.add_argument("--data", type=Path, default=DATA, help="instead of gpufix's own folder")
    options = parser.parse_args()
    try:
        outdated = stale(options.rows, options.data)
    except BadRows as refused:
        print(refused, file=sys.stderr)
        return 1
    for name, content in outdated.items():
        if options.check:
            print(f"{name} is not current: run tools/build_knowledge.py", file=sys.stderr)
        else:
            (options.data / name).write_bytes(content)
            print(f"{name}: {len(content):,} bytes")
    return 1 if outdated and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
