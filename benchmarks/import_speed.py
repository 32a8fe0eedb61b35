"""CPU seconds that following imports adds to the doctor, on a set of suspect libraries.

    python benchmarks/import_speed.py PYTHON [--libraries 500] [--runs 5] [--limit 0.3]

In a copy of the environment's site folder made of hard links, that many extension modules are
replaced by texts, which every loader refuses, so that the sources of all their packages are read.
Prints medians: the scan of all libraries without following imports, following them, the ratio. Exit 1
when following takes longer than the limit.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.followed import imports
from gpufix.facts.libraries.library_files import foreign, python_tag
from gpufix.facts.libraries.library_walk import find
from gpufix.facts.libraries.verdicts import Judge
from gpufix.facts.python.interpreter import collect as ask
from gpufix.facts.reading import without_collection


def spoil(paths: list[str], number: int) -> None:
    """Every n-th module becomes a text; the file that it is a link to stays as it is."""
    for path in paths[:: max(1, len(paths) // number)][:number]:
        Path(path).unlink()
        Path(path).write_text("no library\n")


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and what it returns."""
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python")
    parser.add_argument("--libraries", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=0.3)
    options = parser.parse_args()
    environ = dict(os.environ)
    python = ask(CollectContext(environ=environ), options.python)
    assert python is not None
    with tempfile.TemporaryDirectory(dir=Path(python.site_dirs[0]).parent) as folder:
        site = f"{folder}/site"
        shutil.copytree(python.site_dirs[0], site, copy_function=os.link, symlinks=True)
        patient = replace(python, site_dirs=[site], sys_path=[site], pth_files=[])
        paths = find(CollectContext(environ=environ), patient, []).paths
        modules = [p for p in paths if python_tag(p) and not foreign(p, python.tag)]
        spoil(sorted(modules), options.libraries)
        scans, follows = [], []
        for _ in range(options.runs):
            ctx = CollectContext(environ=environ)
            scan, judge = timed(lambda ctx=ctx: Judge(ctx, patient, paths, {}))
            suspect = [p for p, v in judge.verdicts.items() if v.refused]
            with without_collection():  # as the doctor does
                follow, told = timed(
                    lambda j=judge, s=suspect: imports(patient, environ, j, s, {}, None)
                )
            scans.append(scan)
            follows.append(follow)
    scan, follow = statistics.median(scans), statistics.median(follows)
    packages = sum(1 for one in told if one.part_of is None)
    print(f"{len(paths)} libraries, {len(suspect)} refused, of {packages} packages")
    print(f"scan     {scan:.3f} s")
    print(f"imports  {follow:.3f} s, {follow / scan:.2f} of the scan")
    return 1 if follow > options.limit else 0


if __name__ == "__main__":
    sys.exit(main())
