"""Which ranks there are, on which nodes, and what each is called."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.frozen import Frozen


class Member(Frozen):
    """A node and how many ranks it has."""

    node: str
    ranks: int


class World:
    """All ranks, numbered through the nodes."""

    def __init__(self, members: Sequence[Member], device: str) -> None:
        self.members = list(members)
        self.places = [(m.node, i) for m in self.members for i in range(m.ranks)]
        self._word = "GPU" if device == "cuda" else "rank"
        self._ranks = {m.node: m.ranks for m in self.members}

    @property
    def size(self) -> int:
        """How many ranks."""
        return len(self.places)

    def name(self, rank: int) -> str:
        """ "node03 GPU 2"; the node where it is its only one."""
        node, local = self.places[rank]
        return node if self._ranks[node] == 1 else f"{node} {self._word} {local}"
