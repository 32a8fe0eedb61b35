"""Lines of plain text that several reports share. Not cleaned: each report does that its own way."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.model import Evidence, Finding


def located(item: Evidence) -> str:
    """ "setup.py:12: " before the text of a piece of evidence; empty when it is no place."""
    if item.path and item.line:
        return f"{item.path}:{item.line}: "
    return f"{item.path}: " if item.path else ""


def below(finding: Finding, depth: int = 0) -> Iterator[tuple[int, Finding]]:
    """All that follows from a finding, each with its depth, a cause before its consequences."""
    for consequence in finding.consequences:
        yield depth, consequence
        yield from below(consequence, depth + 1)


def counted(number: int, noun: str) -> str:
    """ "1 error", "2 errors"; empty for none."""
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""
