"""This machine alone: what a prolog, a health check or a plug-in asks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from gpufix.fleet.engines import Answer, Work, words
from gpufix.fleet.engines.fanout import programs
from gpufix.fleet.probe import name


class Here:
    """One node."""

    def nodes(self) -> list[str]:
        """It, as it calls itself."""
        return [name()]

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        """A process of its own: what hangs there is ended."""
        yield from programs(work, nodes, lambda node: words(work, node, sys.executable))

    def close(self) -> None:
        """Nothing is open."""
