"""What is mutated and how: a file of TOML, tools/mutants.toml."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutation.texts import matching

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Group:
    """Sources that are judged together. `also`: tests that reach them in a subprocess. Globs."""

    name: str
    sources: Sequence[str]
    also: Sequence[str] = ()

    def files(self, root: Path) -> list[str]:
        """The sources, each by its path from the root. Raises LookupError."""
        return matching(root, self.sources)


@dataclass(frozen=True)
class Settings:
    """`apart`: globs of tests that count only for groups that name them.

    `nearest`: how many files of tests a mutant is tried on; `budget`: the CPU seconds that these take.
    `patience`: the seconds that a mutant gets beyond five times what its tests take.
    """

    package: str
    source: str
    tests: str
    apart: Sequence[str]
    seed: int
    sample: int
    floor: float
    nearest: int
    budget: float
    patience: float
    preload: Sequence[str]
    operators: Sequence[str]
    groups: Sequence[Group]


def read(path: Path) -> Settings:
    """The settings in a file."""
    table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    groups = [Group(**row) for row in table.pop("group")]
    return Settings(**table, groups=groups)
