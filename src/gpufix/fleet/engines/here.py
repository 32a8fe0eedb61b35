"""This machine alone: what a prolog, a health check or a plug-in asks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from gpufix.fleet.engines import PYTHON, Answer, Work
from gpufix.fleet.engines.fanout import programs
from gpufix.fleet.probe import name


class Here:
    """One node."""

    def nodes(self) -> list[str]:
        """It, as it calls itself."""
        return [name()]

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        """A process of its own: what hangs there is ended."""
        command = [sys.executable if part == PYTHON else part for part in work.command]
        yield from programs(work, nodes, lambda _: command)

    def close(self) -> None:
        """Nothing is open."""
