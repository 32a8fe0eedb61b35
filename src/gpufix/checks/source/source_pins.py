"""WHL506's requirement-file half: pins of one file that are known not to work together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from gpufix.checks.registry import WARNING, Fault
from gpufix.evidence.requirements import Requirements, parse
from gpufix.evidence.source_view import at, requirement_files
from gpufix.evidence.view import View
from gpufix.knowledge import packages
from gpufix.model.source_payload import ConflictingPins
from gpufix.text.names import normalise

if TYPE_CHECKING:
    from gpufix.source.source_facts import Requirement


def faults(view: View) -> Iterator[Fault]:
    """Silent where a range is left open, since the installer may still choose well, and on what one
    package lacks, which another file may bring."""
    for path, facts in requirement_files(view).items():
        pins = _pins(view, facts.requirements)
        for conflict in packages.all():
            if not conflict.without and all(
                n in pins and SpecifierSet(s).contains(pins[n][1], prereleases=True)
                for n, s in conflict.trigger.items()
            ):
                held = {n: f"{n}=={pins[n][1]}" for n in conflict.trigger}
                yield Fault(
                    severity=WARNING,
                    subject=f"{path}: {' × '.join(held)}",
                    message=f"{path} pins {' and '.join(held.values())}, which do not work "
                    f"together: {conflict.symptom}.",
                    evidence=tuple(at(view, path, pins[n][0], pin) for n, pin in held.items()),
                    payload=ConflictingPins(path, conflict.id),
                )


def _pins(view: View, rows: Sequence[Requirement]) -> dict[str, tuple[int, str]]:
    """Name → (line, version) of what is pinned by == for this Python and platform."""
    applies = view.derive(Requirements.of).applies
    found: dict[str, tuple[int, str]] = {}
    for row in rows:
        requirement = parse(row.text)
        if requirement is None or not applies(requirement):
            continue
        for spec in requirement.specifier:
            if spec.operator == "==" and "*" not in spec.version:
                found[normalise(requirement.name)] = (row.line, spec.version)
    return found
