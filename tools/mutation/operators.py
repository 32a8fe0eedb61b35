"""Cosmic Ray's mutation operators by name, and two of our own: it leaves `in` and filters alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import parso
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator
from parso.tree import NodeOrLeaf

Span = tuple[tuple[int, int], tuple[int, int]]


class NegateMembership(Operator):  # type: ignore[misc]
    """`in` becomes `not in`, and the reverse."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Span]:
        if node.type == "comparison":
            for operator in _memberships(node):
                yield operator.start_pos, operator.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        operator = _memberships(node)[index]
        negated = " in" if operator.type == "comp_op" else " not in"
        node.children[node.children.index(operator)] = parso.parse(negated)
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return Example("x in y", "x not in y"), Example("x not in y", "x in y")


def _memberships(node: NodeOrLeaf) -> list[NodeOrLeaf]:
    return [x for x in node.children[1::2] if x.get_code().split() in (["in"], ["not", "in"])]


class NegateFilter(Operator):  # type: ignore[misc]
    """A comprehension keeps what it left out."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Span]:
        if node.type == "comp_if":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        node.children[1] = parso.parse(f" not ({node.children[1].get_code().strip()})")
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example("[x for x in y if x or z]", "[x for x in y if not (x or z)]"),)


OWN: dict[str, type[Operator]] = {c.__name__: c for c in (NegateMembership, NegateFilter)}


def operator(name: str) -> Operator:
    """Cosmic Ray's operator of this name, or ours."""
    return (OWN.get(name) or get_operator(f"core/{name}"))()
