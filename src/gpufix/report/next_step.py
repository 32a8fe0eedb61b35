"""The command to type next: of this patient, complete, ready to be copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from gpufix.model import Diagnosis, Finding, Severity
from gpufix.report.paths import near
from gpufix.text.shell import joined

Repair = Literal["safe", "unsafe", "manual"]


def repairs(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings have a safe plan, an unsafe one, one to be carried out by hand."""
    counts = dict.fromkeys(("safe", "unsafe", "manual"), 0)
    for finding in findings:
        kind = repair(finding)
        if kind is not None:
            counts[kind] += 1
    return counts


def repair(finding: Finding) -> Repair | None:
    """The kind of the plan that `gpufix fix` would take; None where there is none."""
    if finding.fixes:
        return finding.fixes[0].safety
    kinds = {kind for below in finding.consequences if (kind := repair(below))}
    ranked: tuple[Repair, ...] = ("safe", "unsafe", "manual")
    return next((kind for kind in ranked if kind in kinds), None)


def next_command(diagnosis: Diagnosis) -> str | None:
    """What to type next; None where nothing is wrong or nothing is known to type."""
    if not diagnosis.findings:
        return None
    counts = repairs([f for f in diagnosis.findings if f.severity is not Severity.advice])
    counts = counts if any(counts.values()) else repairs(diagnosis.findings)
    if counts["safe"]:
        return fix_command(diagnosis, "--apply")
    if counts["unsafe"]:
        return fix_command(diagnosis, "--apply", "--unsafe")
    of_node = diagnosis.patient.node is not None  # its plans are printed, and `fix` knows no node
    return fix_command(diagnosis) if counts["manual"] and not of_node else None


def fix_command(diagnosis: Diagnosis, *options: str) -> str:
    """`gpufix fix` with these options, for the same patient, project and targets."""
    return joined(["gpufix", "fix", *options, *_same(diagnosis)], diagnosis.patient.prefix or "")


def _same(diagnosis: Diagnosis) -> Iterator[str]:
    patient = diagnosis.patient
    if patient.prefix:
        yield from ("--python", near(patient.prefix))
    for target in diagnosis.targets:
        if target.source.startswith("--gpu "):
            yield from ("--gpu", target.source.removeprefix("--gpu "))
    if patient.project and near(patient.project) != ".":
        yield near(patient.project)
