"""What the doctor says of an import against a real one, for each library of real packages broken in turn.

    python benchmarks/import_oracle.py PYTHON [--packages N] [--libraries N] [--seed N] [--only NAME]

For every top-level package with extension modules whose import works, some of its libraries are
replaced by a text, one at a time; then it is really imported, and followed from its sources. The
environment is changed while this runs, and put back: take one that is nobody's.
Prints each disagreement, and how often: agreed, unsure, false alarms, misses. Exit 1 with a false alarm.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.followed import imports
from gpufix.facts.libraries.imports import module_above
from gpufix.facts.libraries.library_facts import is_refused
from gpufix.facts.libraries.library_files import find, foreign
from gpufix.facts.libraries.verdicts import Judge
from gpufix.facts.python.interpreter import collect as ask
from gpufix.model import Import, Python

SECONDS = 120


@contextmanager
def broken(path: str) -> Iterator[None]:
    """The library is a text meanwhile; its own bytes, which others may share, stay as they are."""
    aside = Path(path).rename(f"{path}.aside")
    try:
        Path(path).write_text("no library\n")
        yield
    finally:
        aside.replace(path)


def works(python: Python, name: str) -> tuple[bool, str]:
    """Whether it can be imported, and the last line of what Python says."""
    command = [python.executable, "-c", f"import {name}"]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd="/"
        )
    except subprocess.TimeoutExpired:
        return False, "timeout"
    return ran.returncode == 0, (ran.stderr.strip().splitlines() or [""])[-1]


def followed(python: Python, paths: Sequence[str], name: str) -> Import | None:
    """What the doctor finds out of the sources; None where no library would be refused."""
    ctx = CollectContext(environ=dict(os.environ))
    judge = Judge(ctx, python, paths, {})
    suspect = [p for p, v in judge.verdicts.items() if is_refused(v)]
    told = imports(python, ctx.environ, judge, suspect, {}, None)
    return next((one for one in told if one.module == name), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python")
    parser.add_argument("--packages", type=int, default=1000)
    parser.add_argument("--libraries", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    options = parser.parse_args()
    ctx = CollectContext(environ=dict(os.environ))
    python = ask(ctx, options.python)
    assert python is not None
    packages: dict[str, list[str]] = {}
    for path in find(ctx, python, []):
        name = module_above(path, python.sys_path)
        if name and not foreign(path, python.tag) and options.only in (None, name):
            packages.setdefault(name, []).append(path)
    chance, counts = random.Random(options.seed), Counter[str]()
    for name, paths in sorted(packages.items())[: options.packages]:
        if name.partition(".")[0] == "torch" or not works(python, name)[0]:
            continue
        for path in chance.sample(sorted(paths), min(options.libraries, len(paths))):
            with broken(path):
                really, line = works(python, name)
                told = followed(python, paths, name)
            counts[kind := _kind(told, really)] += 1
            if kind != "agreed":
                print(f"{kind}: {path} | {line[:150]}")
                print(*(f"    {place}" for place in (told.chain if told else ())), sep="\n")
    print(dict(counts))
    return 1 if counts["false alarm"] else 0


def _kind(told: Import | None, really: bool) -> str:
    if told is None:
        return "agreed" if really else "miss"
    if told.state == "fails":
        return "false alarm" if really else "agreed"
    if told.doubts or told.named or not told.whole:
        return "unsure, works" if really else "unsure, fails"
    return "agreed" if really else "miss"


if __name__ == "__main__":
    sys.exit(main())
