"""Mutants that nothing can tell from the original, each with its reason: tools/equivalent_mutants.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mutation.population import Mutant
from mutation.settings import tomllib

Key = tuple[str, str, str, str, str]


@dataclass
class Equivalents:
    """The reasons by file, function, operator and line before and after. All such lines are meant."""

    reasons: Mapping[Key, str]
    met: set[Key] = field(default_factory=set)

    def reason(self, mutant: Mutant, source: str) -> str | None:
        """Why the mutant is none; `source`: its file's text."""
        start = (mutant.file, mutant.function, mutant.operator, mutant.before)
        if not any(key[:4] == start for key in self.reasons):
            return None
        key = (*start, mutant.after(source))
        self.met |= {key} & self.reasons.keys()
        return self.reasons.get(key)

    def stale(self, populations: Iterable[Sequence[Mutant]], root: Path) -> Iterator[str]:
        """Entries that are no mutants any more, of the files that were read."""
        files = set()
        for mutant in (m for population in populations for m in population):
            files.add(mutant.file)
            self.reason(mutant, (root / mutant.file).read_text("utf-8"))
        for key in self.reasons:
            if key not in self.met and (key[0] in files or not (root / key[0]).exists()):
                yield f"{key[0]}: {key[1] or 'module'}: {key[2]}: {key[3]}"


def read(path: Path) -> Equivalents:
    """The entries in a file."""
    rows = tomllib.loads(path.read_text("utf-8")).get("equivalent", [])
    names = ("file", "function", "operator", "before", "after")
    return Equivalents({tuple(row[name] for name in names): row["reason"] for row in rows})
