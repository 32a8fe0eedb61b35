"""Turn a folder of researched source tables into the compact data that gpufix ships.

    python tools/build_knowledge.py FOLDER

FOLDER holds torch_releases.json, cuda_toolkits.json, cuda_toolkit_pypi.json, cpp_extension.json,
gpus.json and pypi_matrix.json. The result goes to src/gpufix/knowledge/data/.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from knowledge_build import companions, compilers, conflicts, cuda, gpus, torch, wheels

DATA = Path(__file__).parent.parent / "src" / "gpufix" / "knowledge" / "data"

Tables = Callable[[str], Any]
BUILDERS: dict[str, Callable[[Tables], Any]] = {
    "torch_releases": torch.releases,
    "torch_pins": torch.pins,
    "companions": companions.build,
    "cuda_toolkits": cuda.build,
    "cuda_wheels": wheels.build,
    "host_compilers": compilers.build,
    "gpus": gpus.build,
    "conflicts": conflicts.build,
}


def compact(value: Any) -> str:
    """JSON with one line per top-level row: small, and readable in a diff."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of source tables")
    folder = parser.parse_args().folder

    def tables(name: str) -> Any:
        return json.loads((folder / f"{name}.json").read_text("utf-8"))

    for name, build in BUILDERS.items():
        text = compact(build(tables))
        (DATA / f"{name}.json").write_text(text, "utf-8")
        print(f"{name}.json: {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
