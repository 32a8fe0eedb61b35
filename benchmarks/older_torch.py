"""Whether what TCH211's plan makes of a build file still compiles with an older torch.

usage: python benchmarks/older_torch.py --trees DIR --work DIR --python ENV --older ENV TREE ...

In a copy of each tree the plan is applied for the torch of ENV; then each setup.py is run with the older
torch, and its first C++ source with a torch header is preprocessed (build_truth.py), before and after. A
torch for the CPU will do: its version is told to be one for CUDA, and .cu sources are left aside.
WORK/older.jsonl keeps a line for each build file: another run goes on where one ended.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from build_oracle import HERE, Row, build, copy, gpufix, keep, setups, setups_of


def judged(row: Row) -> str:
    """One line for the C++ source, and the standard that it was given."""
    flags = [text for each in row["flags"] for name, text in each.items() if "cuda" not in name]
    given = [word for text in flags for word in text.split() if word.startswith("-std=")]
    sources = [each for each in row["objects"] if not each["source"].endswith(".cu")]
    said = row["failure"] or next((e["output"] for e in sources if e["code"]), "")
    return f"{'refused: ' + said[:150] if said else 'accepted'} ({' '.join(given)})"


def main() -> int:
    """Each tree that is not in the file yet."""
    parser = argparse.ArgumentParser()
    for name in ("trees", "work", "python", "older"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--gpu", default="sm_120")
    parser.add_argument("--gpufix", type=Path, default=HERE.parents[1])
    parser.add_argument("tree", nargs="+")
    options = parser.parse_args()
    options.python = options.python.absolute() / "bin/python"
    older = options.older.absolute() / "bin/python"
    options.clones = options.gitlinks = None
    options.variables = {"TORCH_CUDA_ARCH_LIST": f"{options.gpu[3:-1]}.{options.gpu[-1]}"}
    os.environ |= {"ORACLE_HEADERS": "1", "ORACLE_CUDA": "13.0"}
    kept = options.work / "older.jsonl"
    done = setups_of(kept)
    for name in options.tree:
        if name in done:
            continue
        place = copy(options.trees / name, options)
        first = {
            str(s.relative_to(place)): build(s, older, options.variables) for s in setups(place)
        }
        gpufix(options, "fix", str(place), "--apply", "--only", "TCH211", "--format", "json")
        last = {
            str(s.relative_to(place)): build(s, older, options.variables) for s in setups(place)
        }
        rows = {path: [judged(first[path]), judged(last[path])] for path in first}
        print(name, rows, flush=True)
        keep(kept, {"tree": name, "setups": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
