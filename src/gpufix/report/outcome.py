"""The outcome of `gpufix fix --apply`: fixed, remaining, introduced, time and bytes."""

from __future__ import annotations

import json

from gpufix.model import Finding, Outcome
from gpufix.report.lines import Lines
from gpufix.report.plan import alternative, skips

_HEAD = {
    "nothing": ("nothing could be carried out", "bold"),
    "kept": ("✓ applied", "bold green"),
    "undone": ("✗ undone", "bold yellow"),
    "failed": ("✗ failed", "bold red"),
}


def as_json(outcome: Outcome) -> str:
    """One JSON object, ASCII only, with a newline."""
    return json.dumps(outcome.model_dump(mode="json"), indent=2) + "\n"


def show(outcome: Outcome, output: str | None = None) -> None:
    """Print it, or write it to the file `output`."""
    lines = Lines()
    for plan in outcome.plans:
        lines.add((f"{plan.safety} ", "dim"), plan.title)
    if outcome.state == "nothing":
        skips(lines, outcome.skips)
    if outcome.state == "nothing" and not (outcome.remaining or outcome.held):
        if not any(skip.asked for skip in outcome.skips):
            lines.add("nothing to repair")
        lines.deliver(output)
        return
    lines.add(_HEAD[outcome.state], f": {outcome.reason}" if outcome.reason else "")
    if outcome.state in ("kept", "undone"):
        _findings(
            lines, "fixed" if outcome.state == "kept" else "would be fixed", outcome.fixed, "green"
        )
    _findings(lines, "remaining", outcome.remaining, "yellow")
    _findings(lines, "introduced", outcome.introduced, "red")
    _findings(lines, "now visible", outcome.revealed, "yellow")
    _rest(lines, outcome)
    lines.deliver(output)


def _findings(lines: Lines, label: str, findings: list[Finding], style: str) -> None:
    for finding in findings:
        lines.add(
            (f"  {label} ", style),
            (f"{finding.code} ", "bold"),
            f"{finding.subject}: {finding.message}",
        )


def _rest(lines: Lines, outcome: Outcome) -> None:
    for row in outcome.held:
        lines.add(
            ("  held back ", "yellow"), (f"{' '.join(row.plan.codes)} ", "bold"), row.plan.title
        )
        lines.add((f"    {row.reason}", "dim"))
        alternative(lines, row.plan)
    for probe in outcome.probes:
        said = "imports" if probe.ok else f"does not import: {probe.said}"
        lines.add((f"  {probe.module} ", "bold"), said)
    for note in outcome.notes:
        lines.add((f"  {note}", "dim"))
    if outcome.state == "kept":
        kept = f"{outcome.bytes_kept / (1 << 20):.1f} MiB kept"
        lines.add((f"  {outcome.seconds:.1f} s, {kept} for: gpufix undo {outcome.run}", "dim"))
