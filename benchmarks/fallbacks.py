"""Every fallback's table: time, memory, error, first call and import, on the GPU of this machine.

    python benchmarks/fallbacks.py [--only NAME] [--original NAME=FOLDER]

NAME is a file of benchmarks/fallbacks/. FOLDER holds a built original, to be measured in the same run.
Needs a torch that sees a GPU. The head says what ran where.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

PARTS = Path(__file__).resolve().parent / "fallbacks"
_MACHINE = """
import torch
print(torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")
print("torch", torch.__version__)
try:
    import triton
    print("triton", triton.__version__)
except ImportError:
    print("no triton")
"""


def part(name: str) -> ModuleType:
    """The benchmark of one fallback: `COLUMNS` (name → format) and `rows()`."""
    spec = importlib.util.spec_from_file_location(f"fallback_{name}", PARTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def machine() -> str:
    """Asked in a process of its own: a context here would take memory from those that are measured."""
    said = subprocess.run([sys.executable, "-c", _MACHINE], capture_output=True, text=True)
    lines = said.stdout.splitlines() or said.stderr.splitlines()[-1:]
    return " · ".join([*lines, f"Python {platform.python_version()}"])


def table(module: ModuleType, original: Path | None) -> Iterator[str]:
    """Markdown, a line at a time: the rows take long."""
    columns: dict[str, str] = module.COLUMNS
    yield "| " + " | ".join(columns) + " |"
    yield "| --- " * len(columns) + "|"
    for row in module.rows(original) if original else module.rows():
        yield "| " + " | ".join(format(row[n], form) for n, form in columns.items()) + " |"


def main() -> int:
    """Prints; exit code 1 when a part could not be measured."""
    names = sorted(path.stem for path in PARTS.glob("*.py"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=names, metavar="NAME")
    parser.add_argument("--original", action="append", default=[], metavar="NAME=FOLDER")
    arguments = parser.parse_args()
    given = dict(text.split("=", 1) for text in arguments.original)
    print(machine())
    failed = 0
    for name in arguments.only or names:
        print(f"\n## {name}\n", flush=True)
        try:
            for line in table(part(name), Path(given[name]) if name in given else None):
                print(line, flush=True)
        except (subprocess.CalledProcessError, ImportError, RuntimeError) as error:
            print(f"not measured: {error}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
