"""Candidates for a toolkit's root folder, without repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.programs import behind, resolved, runnable, shown


@dataclass(frozen=True)
class Place:
    """A root folder, and how it was come by."""

    origin: str
    root: Path


def distinct(places: Iterable[Place]) -> Iterator[Place]:
    """Each folder once, under the first name that leads to it."""
    seen: set[Path] = set()
    for place in places:
        real = resolved(place.root)
        if real not in seen:
            seen.add(real)
            yield place


def from_variables(ctx: Context, *names: str) -> Iterator[Place]:
    """Roots that variables name, whether they exist or not."""
    for name in names:
        value = ctx.environ.get(name)
        if value:
            yield Place(name, ctx.at(value))


def numbered(origin: str, parent: Path, pattern: str) -> Iterator[Place]:
    """Folders such as /usr/local/cuda-12.8, the highest version first."""
    found = sorted(parent.glob(pattern), key=lambda f: _version(f.name), reverse=True)
    yield from (Place(origin, folder) for folder in found[:64] if folder.is_dir())


def compiler_of(ctx: Context, root: Path, name: str) -> tuple[Path | None, str | None]:
    """The compiler in root/bin as it really is, and the wrapper that leads there (if any)."""
    program = root / "bin" / name
    if not runnable(program):
        return None, None
    real = behind(ctx, program)
    same = real.name == name and real.parent.parent == resolved(root)
    return real, None if same else shown(ctx, program)


def headers_in(folders: Iterable[Path], wanted: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of `wanted` that one of the folders has, and the others."""
    places = [folder for folder in folders if folder.is_dir()]
    there: list[str] = []
    missing: list[str] = []
    for header in wanted:
        found = any((folder / header).is_file() for folder in places)
        (there if found else missing).append(header)
    return there, missing


def _version(name: str) -> tuple[int, ...]:
    digits = name.rpartition("-")[2].split(".")
    return tuple(int(part) for part in digits if part.isdecimal())
