"""All mutants of a file, and a sample of them that is the same for everybody.

A mutant is known by its file, function, operator and line of text, not by line numbers. Its rank is a
digest of that: a change of one function leaves the sample as it is elsewhere.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import parso
from cosmic_ray.mutating import mutate_code
from parso.tree import NodeOrLeaf

from mutation.operators import operator


@dataclass(frozen=True)
class Mutant:
    """`occurrence`: by which Cosmic Ray finds it. `again`: how many such stand before it."""

    file: str
    function: str
    operator: str
    before: str
    again: int
    occurrence: int
    line: int

    @property
    def identity(self) -> str:
        return "\0".join((self.file, self.function, self.operator, self.before, str(self.again)))

    def rank(self, seed: int) -> bytes:
        """Its place in the order that samples are drawn in."""
        return hashlib.sha256(f"{seed}\0{self.identity}".encode()).digest()

    def applied(self, source: str) -> str:
        """The mutated source."""
        mutated: str | None = mutate_code(source, operator(self.operator), self.occurrence)
        if mutated is None or mutated == source:
            raise LookupError(f"{self.file}:{self.line}: {self.operator} finds nothing to change")
        return mutated

    def after(self, source: str) -> str:
        """What its line has become; "" when it is gone."""
        old, new = source.splitlines(), self.applied(source).splitlines()
        return new[self.line - 1].strip() if len(old) == len(new) else ""


def mutants(file: str, source: str, operators: Sequence[str]) -> list[Mutant]:
    """Every mutant that can change what the file does."""
    lines = source.splitlines()
    known = {name: operator(name) for name in operators}
    count: Counter[str] = Counter()
    again: Counter[tuple[str, ...]] = Counter()
    found = []
    for node, idle in _walk(parso.parse(source)):
        for name, known_operator in known.items():
            for (line, _), _end in known_operator.mutation_positions(node):
                occurrence = count[name]
                count[name] += 1
                if idle:
                    continue
                key = (_function(node), name, lines[line - 1].strip())
                found.append(Mutant(file, *key, again[key], occurrence, line))
                again[key] += 1
    return found


def sample(population: Iterable[Mutant], size: int, seed: int) -> list[Mutant]:
    """The same mutants for the same sources, in the order of the sources."""
    drawn = sorted(population, key=lambda mutant: mutant.rank(seed))[:size]
    return sorted(drawn, key=lambda mutant: (mutant.file, mutant.line, mutant.rank(seed)))


def _walk(node: NodeOrLeaf, idle: bool = False) -> Iterator[tuple[NodeOrLeaf, bool]]:
    """The nodes in Cosmic Ray's order, and whether they can change nothing."""
    yield node, idle
    for child in getattr(node, "children", ()):
        yield from _walk(child, idle or _is_idle(child))


_ANNOTATED = {"annassign": 1, "tfpdef": 2}  # where the annotation stands among the children


def _is_idle(node: NodeOrLeaf) -> bool:
    """Annotations, aliases of types, `__all__`, and what only a type checker runs."""
    parent = node.parent
    if parent.type in _ANNOTATED:
        return node is parent.children[_ANNOTATED[parent.type]]
    if parent.type == "funcdef":
        return node is parent.annotation
    if node.type == "if_stmt":
        return node.children[1].get_code().strip().rpartition(".")[2] == "TYPE_CHECKING"
    if node.type == "expr_stmt" and parent.parent.type == "file_input":
        name = node.children[0].get_code().strip().lstrip("_")
        return name == "all__" or (name[:1].isupper() and not name.isupper())
    return False


def _function(node: NodeOrLeaf) -> str:
    """Class.method, "" outside of all. A decorator is the function's, too."""
    names: list[str] = []
    below = None
    while node is not None:
        decorates = node.type == "decorated" and below is not node.children[-1]
        definition = node.children[-1] if decorates else node
        if definition.type in ("funcdef", "classdef"):
            names.append(definition.name.value)
        below, node = node, node.parent
    return ".".join(reversed(names))
