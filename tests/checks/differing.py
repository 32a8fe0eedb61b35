"""Fleets for the rows of FLT13xx: what a difference is called, and where."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "fleet"))

from answers import alike, made, node

from gpufix.checks.registry import WARNING, Fault, Rule
from gpufix.fleet.inputs import Reading
from gpufix.model import Finding

Change = Callable[[dict[str, Any]], None]


def fleet(change: Change | None = None) -> list[Reading]:
    """Three nodes, the last of which is otherwise."""
    return [*alike(2), node("node03", *([change] if change else []))]


def fault(what: str, usual: str, odd: str) -> Fault:
    """A difference, as a finding on the node that is odd."""
    return Fault(WARNING, what, f"{usual} on node[01-02], {odd} on node03")


def finding(rule: Rule) -> tuple[Rule, Callable[[Sequence[Reading]], list[Finding]]]:
    """The rule, and its differences in a fleet's report as findings."""

    def find(readings: Sequence[Reading]) -> list[Finding]:
        found = [d for d in made(*readings).differences if d.code == rule.code]
        return [
            rule.finding(
                Fault(
                    WARNING,
                    f"{each.section} {each.name}",
                    ", ".join(f"{v.value or 'absent'} on {v.nodes}" for v in each.values),
                )
            )
            for each in found
        ]

    return rule, find
