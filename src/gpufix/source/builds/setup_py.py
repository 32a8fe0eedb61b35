"""setup.py, run abstractly: every way through it that is not known, and what they have in common."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from gpufix.source.builds.python_choices import STEPS, Choices
from gpufix.source.builds.run import (
    BuildRun,
    BuiltExtension,
    Ending,
    Macro,
    Place,
    Said,
)
from gpufix.source.builds.setup_calls import BuildSetup
from gpufix.source.builds.world import BuildWorld
from gpufix.source.python.import_guards import kinds_by_name
from gpufix.source.python.import_values import Module
from gpufix.source.python.import_world import Fails, Leaves, Return, TooMuch

WAYS = 24  # through one file
_LAST = 8  # choices before an end that all ways have, each tried the other way
_ALL_STEPS = 2 * STEPS
_FIELDS = ("sources", "cxx", "nvcc", "macros", "include_dirs", "libraries", "link")
Row = TypeVar("Row", bound=Any)


class _Way(NamedTuple):
    """One way through a file: what was chosen on it, what it did, how it ended."""

    taken: dict[str, bool]
    run: BuildSetup
    ending: Ending


def run_setup(world: BuildWorld, path: str) -> BuildRun:
    """What `python setup.py` would do. path: of the file, relative to the world's root."""
    return _explored(world, path)


def _explored(world: BuildWorld, path: str) -> BuildRun:
    waiting: list[dict[str, bool]] = [{}]
    ways: list[_Way] = []
    steps = 0
    trees: dict[str, ast.Module] = {}

    def went(fixed: dict[str, bool]) -> list[str]:
        choices = Choices(fixed)
        run = BuildSetup(world, path, choices, trees)
        ending = follow(run)
        ways.append(_Way(dict(choices.taken), run, ending))
        return [key for key in choices.order if key not in fixed]

    while waiting and len(ways) < WAYS and steps < _ALL_STEPS:
        fixed = waiting.pop(0)
        new = went(fixed)
        steps += ways[-1].run.steps
        for at, key in enumerate(new):
            before = {k: ways[-1].taken[k] for k in new[:at]}
            waiting.append({**fixed, **before, key: not ways[-1].taken[key]})
    tree = trees.get(f"{world.root}/{path}")
    if waiting and tree is not None and _one_end(ways, path, tree):
        first = ways[0].taken
        for key in list(first)[-_LAST:]:
            went({**first, key: not first[key]})
        waiting = [] if _one_end(ways, path, tree) else waiting
    return replace(_together(path, ways, whole=not waiting), steps=steps)


def _one_end(ways: Sequence[_Way], path: str, tree: ast.Module) -> bool:
    """Whether all ways break off at one statement of the file that stands under no condition."""
    end = ways[0].ending
    if end.state != "error" or end.place.path != path or len({way.ending for way in ways}) > 1:
        return False
    return any(
        row.lineno <= end.place.line <= (row.end_lineno or 0)
        and isinstance(row, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr))
        for row in tree.body
    )


def follow(run: BuildSetup) -> Ending:
    """Run its file as a program, one way."""
    known = Module("__main__", run.path, "")
    return _ended(run, lambda: run._run_module("__main__", run.path, known))


def _ended(run: BuildSetup, follow: Callable[[], object]) -> Ending:
    try:
        follow()
    except Fails as failure:
        place = _place(run, failure)
        if "SystemExit" in failure.kinds:
            return Ending("exit", place, "SystemExit", failure.said)
        name = _name(failure)
        return Ending("error", place, name, failure.said, failure.missing)
    except (TooMuch, RecursionError):
        return Ending("unfinished", run.at)
    except (Return, Leaves):
        return Ending("unfinished", run.at)
    return Ending("done", Place(run.at.path, run.at.line))


def _place(run: BuildSetup, failure: Fails) -> Place:
    if not failure.chain:
        return run.at
    path, _, line = failure.chain[0].rpartition(":")
    return Place(run.relative(path), int(line))


def _name(failure: Fails) -> str:
    """The class of an exception: of those that it is of, the one derived from the others."""
    depths = {
        kind: (not hasattr(builtins, kind), len(kinds_by_name(kind))) for kind in failure.kinds
    }
    return max(sorted(depths), key=lambda kind: depths[kind], default="Exception")


def _together(path: str, ways: Sequence[_Way], whole: bool) -> BuildRun:
    done = [way for way in ways if way.ending.state == "done"] or list(ways)
    asked = {key: row for way in ways for key, row in way.run.asked_for.items()}
    unsure = {key: row for way in ways for key, row in way.run.unsure.items()}
    first = done[0].run
    return BuildRun(
        path=path,
        extensions=tuple(_extensions(done)),
        writes=tuple(_rows(done, lambda way: way.run.writes)),
        asked=tuple(asked.values()),
        endings=tuple(_rows(ways, lambda way: [way.ending])),
        started=tuple(_rows(done, lambda way: way.run.started)),
        unsure=tuple(unsure.values()),
        whole=whole and all(way.ending.state != "unfinished" for way in ways),
        called=first.called,
        name=first.name,
        takes_all=any(way.run.takes_all for way in ways),
    )


def _rows(ways: Sequence[_Way], of: Callable[[_Way], Sequence[Row]]) -> list[Row]:
    """Rows of all ways in order, each once, with what it depends on."""
    found: dict[Row, list[_Way]] = {}
    for way in ways:
        for row in dict.fromkeys(of(way)):
            found.setdefault(row, []).append(way)
    return [_judged(row, having, ways) for row, having in found.items()]


def _judged(row: Row, having: Sequence[_Way], ways: Sequence[_Way]) -> Row:
    if len(having) == len(ways):
        return row
    unsure: Row = row._replace(sure=False, hangs=_hangs(having, ways))
    return unsure


def _hangs(having: Sequence[_Way], ways: Sequence[_Way]) -> tuple[str, ...]:
    """The unknowns that are one way in all that have something, and the other way elsewhere."""
    found = []
    for key in having[0].taken:
        values = {way.taken.get(key) for way in having}
        others = {way.taken.get(key) for way in ways if all(way is not h for h in having)}
        if len(values) == 1 and None not in values and {not next(iter(values))} & others:
            found.append(key)
    return tuple(found)


def _extensions(ways: Sequence[_Way]) -> list[BuiltExtension]:
    """Those of all ways; the same name, kind and place is the same extension."""
    found: dict[tuple[str, str, Place], list[tuple[_Way, BuiltExtension]]] = {}
    for way in ways:
        for each in way.run.built:
            found.setdefault((each.name, each.kind, each.place), []).append((way, each))
    made = []
    for rows in found.values():
        having = [way for way, _ in rows]
        parts: dict[str, Any] = {}
        for field in _FIELDS:
            by = {id(way): getattr(each, field) for way, each in rows}
            parts[field] = tuple(_in_order(having, by))
        one = replace(rows[0][1], **parts)
        if len({id(way) for way in having}) < len(ways):
            one = replace(one, sure=False, hangs=_hangs(having, ways))
        made.append(one)
    return made


def _in_order(ways: Sequence[_Way], by: dict[int, tuple[Said | Macro, ...]]) -> list[Said | Macro]:
    """What all ways hand on, in the order of the first that has it; repetitions stay."""
    rows = {id(way): _numbered(by[id(way)]) for way in ways}
    first = rows[id(ways[0])]
    if all(row == first for row in rows.values()):
        return [each for each, _ in first]
    merged: list[tuple[Said | Macro, int]] = []
    for row in rows.values():
        at = 0
        for each in row:
            if each in merged:
                at = max(at, merged.index(each) + 1)
            else:
                merged.insert(at, each)
                at += 1
    sets = {key: set(row) for key, row in rows.items()}
    return [_judged(each[0], [w for w in ways if each in sets[id(w)]], ways) for each in merged]


def _numbered(rows: Sequence[Said | Macro]) -> list[tuple[Said | Macro, int]]:
    """Rows, each with how often it came before."""
    seen: Counter[Said | Macro] = Counter()
    found = []
    for row in rows:
        found.append((row, seen[row]))
        seen[row] += 1
    return found
