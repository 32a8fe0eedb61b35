"""Mutants that nothing can tell from the original, each with its reason: tools/equivalent_mutants.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mutation.population import Mutant
from mutation.settings import tomllib
from mutation.texts import Texts

Key = tuple[str, str, str, str, str]


@dataclass
class Equivalents:
    """The reasons by file, function, operator and line before and after. All such lines are meant."""

    reasons: Mapping[Key, str]
    met: set[Key] = field(default_factory=set)

    def reason(self, mutant: Mutant, texts: Texts) -> str | None:
        """Why the mutant is none."""
        start = (mutant.file, mutant.function, mutant.operator, mutant.before)
        if not any(key[:4] == start for key in self.reasons):
            return None
        key = (*start, mutant.after(texts[mutant.file].decode()))
        self.met |= {key} & self.reasons.keys()
        return self.reasons.get(key)

    def stale(self, population: Iterable[Mutant], texts: Texts) -> Iterator[str]:
        """Entries that are no mutants any more, of the files that the population is of."""
        files = set()
        for mutant in population:
            files.add(mutant.file)
            self.reason(mutant, texts)
        for key in self.reasons:
            if key not in self.met and (key[0] in files or key[0] not in texts):
                yield f"{key[0]}: {key[1] or 'module'}: {key[2]}: {key[3]}"


def read(path: Path) -> Equivalents:
    """The entries in a file."""
    rows = tomllib.loads(path.read_text("utf-8")).get("equivalent", [])
    names = ("file", "function", "operator", "before", "after")
    return Equivalents({tuple(row[name] for name in names): row["reason"] for row in rows})
