"""Mutation tests: changes small things in gpufix's sources and counts how many the tests notice.

    python tools/mutants.py [GROUP...] [--file FILE...] [--sample N] [--workers N] [--list]

The groups, the operators (Cosmic Ray's) and the size of the sample are in tools/mutants.toml, mutants
that change nothing in tools/equivalent_mutants.toml. The sample is the same for the same sources.
Everything happens on copies of the tree. What was found out is kept in build/mutants/ledger.jsonl:
the same command goes on where it was cut off, and judges anew only what has changed.
The exit code is 1 when a group is below its floor, or the list of equivalents is wrong.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation import equivalents, settings, texts
from mutation.bench import Bench, Broken, benches, prepare
from mutation.judge import Judge
from mutation.ledger import SURVIVED, Ledger
from mutation.population import Mutant, mutants, sample
from mutation.report import Judged, Row, survivor, table
from mutation.settings import Group, Settings
from mutation.texts import Texts

Samples = list[tuple[Group, list[Mutant], list[Mutant]]]


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Counts the mutants that the tests kill.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="the default is all of them")
    parser.add_argument(
        "--file", action="append", default=[], help="judge all mutants of this file"
    )
    parser.add_argument("--sample", type=int, help="mutants of each group")
    parser.add_argument("--list", action="store_true", help="show the sample and judge nothing")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    return parser.parse_args(given)


def samples(options: argparse.Namespace, how: Settings, texts: Texts) -> Samples:
    """The mutants to judge, and those that they were drawn from. Raises LookupError."""
    groups = {group.name: group for group in how.groups}
    if unknown := [name for name in options.groups if name not in groups]:
        raise LookupError(f"no group is called {unknown[0]}; there are {', '.join(groups)}")
    if options.file:
        wanted = [_alone(file, how.groups, options.root) for file in options.file]
    else:
        wanted = [groups[name] for name in options.groups or groups]
    found = []
    for group in wanted:
        files = group.files(options.root)
        whole = [m for f in files for m in mutants(f, texts[f].decode(), how.operators)]
        size = options.sample or (len(whole) if options.file else how.sample)
        found.append((group, whole, sample(whole, size, how.seed)))
    return found


def _alone(file: str, groups: Sequence[Group], root: Path) -> Group:
    """A file as a group of its own, with what its group says of tests."""
    also = [pattern for g in groups if file in g.files(root) for pattern in g.also]
    return Group(file, [file], also)


def judged(drawn: Samples, judge: Judge, workers: int) -> None:
    """Judge all whose verdict is not known, and say so line by line."""
    waiting = [(m, group) for group, _, found in drawn for m in found if not judge.known(m, group)]
    if not waiting:
        return
    how = judge.settings
    print(f"{len(waiting)} mutants to judge", flush=True)
    free: queue.SimpleQueue[Bench] = queue.SimpleQueue()

    def one(mutant: Mutant, group: Group) -> str:
        bench = free.get()
        try:
            verdict = judge.judge(mutant, group, bench)
        finally:
            free.put(bench)
        place = f"{mutant.file}:{mutant.line} {mutant.operator}"
        return f"{verdict.outcome:9} {verdict.seconds:5.1f} s  {place}  {verdict.by}".rstrip()

    with benches(judge.root, judge.texts, how.source, how.package, workers) as made:
        for bench in made:
            free.put(bench)
        with ThreadPoolExecutor(workers) as pool:
            for number, line in enumerate(pool.map(one, *zip(*waiting, strict=True)), 1):
                print(f"[{number}/{len(waiting)}] {line}", flush=True)


def rows(drawn: Samples, judge: Judge, known: equivalents.Equivalents) -> Iterator[Row]:
    """The figures of each group."""
    for group, whole, found in drawn:
        all_judged = []
        for mutant in found:
            verdict = judge.known(mutant, group)
            assert verdict is not None, mutant
            all_judged.append(Judged(mutant, verdict, known.reason(mutant, judge.texts)))
        yield Row(group.name, len(whole), all_judged)


def complaints(found: Sequence[Row], judge: Judge, stale: Sequence[str]) -> Iterator[str]:
    """What is wrong, a line each."""
    yield from (f"equivalent_mutants.toml: no such mutant: {entry}" for entry in stale)
    for row in found:
        for j in row.judged:
            if j.reason and j.verdict.outcome != SURVIVED:
                place = f"{j.mutant.file}: {j.mutant.operator}: {j.mutant.before}"
                yield f"equivalent_mutants.toml: {j.verdict.by} tells it: {place}"
        if row.share < judge.settings.floor:
            yield f"{row.name}: {row.share:.1%} killed, at least {judge.settings.floor:.0%} must be"


def listed(drawn: Samples) -> Iterator[str]:
    """The sample, a line each."""
    for _, _, found in drawn:
        yield from (f"{m.file}:{m.line} {m.operator}  {m.before}" for m in found)


def main(given: Sequence[str] | None = None) -> int:
    """Judge, report."""
    options = arguments(given)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the copies go away
    root = options.root = options.root.resolve()
    how = settings.read(root / "tools" / "mutants.toml")
    known = equivalents.read(root / "tools" / "equivalent_mutants.toml")
    found = texts.read(root, how.source, how.tests)
    prepare(how.preload)
    try:
        drawn = samples(options, how, found)
        if options.list:
            print(*listed(drawn), sep="\n")
            return 0
        judge = Judge(root, how, found, Ledger(root / "build" / "mutants" / "ledger.jsonl"))
        judged(drawn, judge, options.workers)
    except (LookupError, Broken) as problem:
        print(f"mutants: {problem}", file=sys.stderr)
        return 2
    return report(list(rows(drawn, judge, known)), drawn, judge, known)


def report(
    found: Sequence[Row], drawn: Samples, judge: Judge, known: equivalents.Equivalents
) -> int:
    """Print it all; 1 when something is wrong."""
    for j in (j for row in found for j in row.judged if j.survived):
        print("", *survivor(j, judge.texts), sep="\n")
    if judge.failing:
        print("\nFAIL WITHOUT A MUTANT, and kill none:", *sorted(judge.failing), sep="\n  ")
    print("", *table(found), sep="\n")
    whole = [mutant for _, population, _ in drawn for mutant in population]
    wrong = list(complaints(found, judge, list(known.stale(whole, judge.texts))))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
