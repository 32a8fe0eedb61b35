"""Compares the abstract run of Makefiles with make itself, on folders of projects.

    python benchmarks/make_oracle.py --trees DIR

Every Makefile below the trees whose text, or whose includes, may call nvcc is asked for the architectures
that its default goal hands to nvcc: by `make -n -B`, which prints recipes and runs only what $(shell)
names, and by the abstract run. That must say the same, or that it does not know. Exit 1 on another answer.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from gpufix.source.builds.make_run import run_make
from gpufix.source.builds.run import UNKNOWN_PART

ARCHS = re.compile(r"(?:-gencode|--generate-code|-?-gpu-architecture|-arch|-code)[= ]\S+")
MAY = re.compile(r"nvcc|(?m:^[-s]?include\b)")
ENVIRONMENT = {"PATH": os.environ["PATH"]}


class Disk:
    """The files of one tree."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, path: str) -> str | None:
        """One of them."""
        file = self.root / path
        return file.read_text(errors="replace") if file.is_file() else None


def archs(text: str) -> list[str]:
    """What lines with nvcc ask for."""
    lines = text.replace("\\\n", " ").splitlines()
    return sorted({found for line in lines if "nvcc" in line for found in ARCHS.findall(line)})


def verdict(root: Path, path: Path) -> tuple[str, str]:
    """The verdict on one Makefile, and what both say."""
    run = run_make(Disk(root), str(path.relative_to(root)), ENVIRONMENT)
    text = "\n".join(command.text for command in run.commands if not command.goal)
    done = subprocess.run(
        ["make", "-n", "-B", "-k", "-f", path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    said, real = archs(text), archs(done.stdout)
    if said == real and bool(run.stopped) == ("***" in done.stderr and "Stop" in done.stderr):
        return "same", ""
    if UNKNOWN_PART in text or not run.whole:
        return "unknown", ""
    if "No rule to make target" in done.stderr:
        return "not made", "a file that the tree lacks"
    return "another answer", f"{said} {run.stopped} | {real} {done.stderr[-200:]}"


def main() -> int:
    """Every Makefile of the trees."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trees", type=Path, required=True)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    for root in sorted(path for path in options.trees.iterdir() if path.is_dir()):
        for path in sorted(p for n in ("GNUmakefile", "Makefile") for p in root.rglob(n)):
            if not MAY.search(path.read_text(errors="replace")):
                continue
            said, what = verdict(root, path)
            counts[said] += 1
            if said != "same":
                print(said, path.relative_to(options.trees), what)
    print(dict(counts))
    return int(counts["another answer"] > 0)


if __name__ == "__main__":
    sys.exit(main())
