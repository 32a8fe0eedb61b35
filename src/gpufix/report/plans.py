"""Plans as `gpufix fix` shows them before, and the outcome after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gpufix.model import Finding, FindingKey, Held, Outcome, Plan, Proposal, Skip, StepPreview
from gpufix.model.base import to_json
from gpufix.report import styles
from gpufix.report.lines import Lines
from gpufix.text.clean import counted
from gpufix.text.json_output import dumps

_STYLE = styles.SAFETY


def as_json(proposal: Proposal) -> str:
    """One JSON object, ASCII only, with a newline."""
    return _dumped(proposal)


def _dumped(record: Proposal | Outcome) -> str:
    """The record with its plans in the form that the JSON has had from the first."""
    made = to_json(record)
    made["plans"] = [_plan_as_json(plan) for plan in record.plans]
    for row, held in zip(made["held"], record.held, strict=True):
        row["plan"] = _plan_as_json(held.plan)
    return dumps(made) + "\n"


# Of a plan's fields: those that stand together under "data", where they say something, and the rest.
_UNDER_DATA = {"moves_torch", "fallback", "asked", "served", "finding", "alternative", "elsewhere"}
_INNER = {"for_this_torch"}


def _plan_as_json(plan: Plan) -> dict[str, Any]:
    """`data` holds what was known when the plan was made; a name of that is absent where nothing is."""
    fields = to_json(plan)
    made = {name: fields[name] for name in fields if name not in _UNDER_DATA | _INNER}
    data = fields["moves_torch"] or {}
    data |= {"fallback": plan.fallback} if plan.fallback is not None else {}
    data |= {"asked": plan.fallback, "served": fields["served"]} if plan.asked else {}
    data |= {"finding": fields["finding"]} if plan.finding is not None else {}
    data |= {"alternative": plan.alternative} if plan.alternative is not None else {}
    data |= {"elsewhere": fields["elsewhere"]} if plan.elsewhere is not None else {}
    return {**made, "data": data}


def proposed(proposal: Proposal) -> Lines:
    """Its lines for people."""
    lines = Lines()
    for plan in proposal.plans:
        _plan(lines, plan)
    if proposal.steps:
        lines.add()
        lines.add(("Steps", "bold"))
    _steps(lines, proposal.steps)
    _held(lines, proposal.held)
    told = {f.key for f in proposal.standing} | _planned(proposal)
    skips(lines, [s for s in proposal.skips if (s.code, s.subject) not in told])
    _standing(lines, proposal.standing)
    _failures(lines, proposal.failures)
    if proposal.refused:
        lines.add()
        lines.add(("cannot be applied: ", f"bold {styles.BAD}"), proposal.refused)
    _verdict(lines, proposal)
    return lines


def steps(previews: Sequence[StepPreview]) -> Lines:
    """Only the steps: what a question is about."""
    lines = Lines()
    _steps(lines, previews)
    return lines


def _steps(lines: Lines, previews: Sequence[StepPreview]) -> None:
    for number, step in enumerate(previews, 1):
        _step(lines, number, step)


def _plan(lines: Lines, plan: Plan) -> None:
    about = "".join(f"{code} " for code in plan.codes)
    lines.add((f"{plan.safety} ", _STYLE[plan.safety]), (about, "bold"), plan.title)
    for note in plan.notes:
        lines.add((f"  note: {note}", "dim"))
    alternative(lines, plan)


def alternative(lines: Lines, plan: Plan) -> None:
    """What could be done in place of this plan, as a command."""
    if plan.alternative is not None:
        lines.add(("  or instead:", "dim"))
        lines.raw(f"     $ {plan.alternative}", styles.GOOD)


def _step(lines: Lines, number: int, step: StepPreview) -> None:
    lines.add(f"{number}. {step.title}")
    for command in step.commands:
        lines.raw(f"     $ {command}", styles.GOOD)
    if step.downloads:
        lines.add(("     brings: ", "dim"), ", ".join(step.downloads))
    elif not step.resolved:
        lines.add(("     brings: not resolved (--resolve asks the index)", "dim"))
    for whose in step.runs:
        lines.add(("     runs code of ", "dim"), whose)
    # The environment file's variables stand above, as commands.
    for line in (step.diff or "").splitlines() if step.kind != "environment" else ():
        style = {"+": styles.GOOD, "-": styles.BAD, "@": styles.NOTE}.get(line[:1], "dim")
        lines.raw(f"     {line}".expandtabs(4), style)


def _held(lines: Lines, held: list[Held]) -> None:
    if not held:
        return
    lines.add()
    lines.add(("Not applied", "bold"))
    for row, notes in _alike(held):
        plan = row.plan
        lines.add(
            (f"{plan.safety} ", _STYLE[plan.safety]),
            (", ".join(plan.codes), "bold"),
            f" {plan.title}",
        )
        lines.add((f"  {row.reason}", "dim"))
        for note in notes:
            lines.add((f"  note: {note}", "dim"))
        _steps(lines, row.steps)
        _advice(lines, plan, "  ")


def _alike(held: Sequence[Held]) -> list[tuple[Held, list[str]]]:
    """Each once, with the notes of all that would do the same for other findings."""
    found: list[tuple[Held, list[str]]] = []
    for row in held:
        for other, notes in found:
            if _key(other) == _key(row) and other.steps == row.steps:
                notes += [note for note in row.plan.notes if note not in notes]
                break
        else:
            found.append((row, list(row.plan.notes)))
    return found


def _key(row: Held) -> tuple[object, ...]:
    return row.plan.safety, tuple(row.plan.codes), row.plan.title, row.plan.steps, row.reason


def _advice(lines: Lines, plan: Plan, indent: str) -> None:
    """What only people can do, in words and as a command."""
    for step in plan.steps:
        if step.kind == "advise":
            lines.add(f"{indent}{step.text}")
            if step.command:
                lines.raw(f"     $ {step.command}", styles.GOOD)


def skips(lines: Lines, found: list[Skip]) -> None:
    """Why there is no plan."""
    if not found:
        return
    if lines.some:
        lines.add()
    lines.add(("No plan", "bold"))
    for skip in dict.fromkeys((s.code, s.subject, s.reason) for s in found):
        lines.add((f"{skip[0]} " if skip[0] else "", "bold"), f"{skip[1]}: {skip[2]}")


def _standing(lines: Lines, found: list[Finding]) -> None:
    if not found:
        return
    if lines.some:
        lines.add()
    lines.add(("Errors that stand", "bold"))
    for finding in found:
        lines.add(
            ("✗ ", f"bold {styles.BAD}"),
            (f"{finding.code} ", "bold"),
            f"{finding.subject}: {finding.message}",
        )
        lines.add((f"  no plan: {finding.no_plan}", "dim"))


def _failures(lines: Lines, found: list[Finding]) -> None:
    if not found:
        return
    if lines.some:
        lines.add()
    lines.add(("gpufix failed at", "bold"))
    for finding in found:
        lines.add(
            ("✗ ", f"bold {styles.BAD}"),
            (f"{finding.code} {finding.name} ", "bold"),
            finding.message,
        )


def _verdict(lines: Lines, proposal: Proposal) -> None:
    if lines.some:
        lines.add()
    if proposal.plans and not proposal.refused:
        count = len(proposal.plans)
        rest = [p for p in proposal.plans if not p.asked]
        unsafe = " --unsafe" if any(p.safety == "unsafe" for p in rest) else ""
        label = f"{counted(count, 'plan')} to apply: the same command with "
        lines.add(label, (f"--apply{unsafe}", "bold"))
    elif proposal.plans or proposal.held or any(skip.asked for skip in proposal.skips):
        refused = "nothing can be applied as asked" if proposal.refused else None
        lines.add(refused or _waiting(proposal))
    elif proposal.standing:
        lines.add(f"nothing to apply: {counted(len(proposal.standing), 'error')} without a plan")
    elif proposal.failures:
        lines.add("nothing to apply; not everything could be judged and planned")
    else:
        lines.add("nothing to repair")


def _waiting(proposal: Proposal) -> str:
    """Why nothing can be applied as asked: "3 repairs need --unsafe; none is safe"."""
    unsafe = sum(row.plan.safety == "unsafe" for row in proposal.held)
    manual = sum(row.plan.safety == "manual" for row in proposal.held)
    parts = []
    if unsafe:
        parts.append(f"{counted(unsafe, 'repair')} {'need' if unsafe > 1 else 'needs'} --unsafe")
    if manual:
        parts.append(f"{counted(manual, 'repair')} {'are' if manual > 1 else 'is'} for you to do")
    return f"{'; '.join(parts)}; none is safe" if parts else "nothing can be applied as asked"


_HEAD = {
    "nothing": ("nothing could be applied", "bold"),
    "kept": ("✓ applied", f"bold {styles.GOOD}"),
    "undone": ("✗ undone", f"bold {styles.WARN}"),
    "failed": ("✗ failed", f"bold {styles.BAD}"),
}


def outcome_as_json(outcome: Outcome) -> str:
    """One JSON object, ASCII only, with a newline."""
    return _dumped(outcome)


def came_out(outcome: Outcome) -> Lines:
    """Its lines for people."""
    lines = Lines()
    for safety, title in dict.fromkeys((plan.safety, plan.title) for plan in outcome.plans):
        lines.add((f"{safety} ", "dim"), title)
    if outcome.state == "nothing":
        skips(lines, outcome.skips)
    if outcome.state == "nothing" and not (outcome.remaining or outcome.held):
        if not any(skip.asked for skip in outcome.skips):
            lines.add("nothing to repair")
        return lines
    lines.add(_HEAD[outcome.state], f": {outcome.reason}" if outcome.reason else "")
    if outcome.state in ("kept", "undone"):
        _findings(
            lines,
            "fixed" if outcome.state == "kept" else "would be fixed",
            outcome.fixed,
            styles.GOOD,
        )
    _findings(lines, "remaining", outcome.remaining, styles.WARN, _unplanned(outcome))
    _findings(lines, "introduced", outcome.introduced, styles.BAD)
    _findings(lines, "now visible", outcome.revealed, styles.WARN)
    _rest(lines, outcome)
    return lines


def _planned(record: Proposal | Outcome) -> set[FindingKey]:
    """What has a plan: that another one does not fit is of no interest."""
    plans = (*record.plans, *(row.plan for row in record.held))
    return {plan.finding for plan in plans if plan.finding is not None}


def _unplanned(outcome: Outcome) -> dict[tuple[str, str], str]:
    """Why there was no plan for a finding; with nothing applied at all, that stands above."""
    if outcome.state == "nothing":
        return {}
    planned = _planned(outcome)
    return {
        key: skip.reason
        for skip in outcome.skips
        if (key := (skip.code, skip.subject)) not in planned
    }


def _findings(
    lines: Lines,
    label: str,
    findings: list[Finding],
    style: str,
    reasons: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> None:
    for finding in findings:
        lines.add(
            (f"  {label} ", style),
            (f"{finding.code} ", "bold"),
            f"{finding.subject}: {finding.message}",
        )
        if reason := reasons.get(finding.key):
            lines.add((f"    no plan: {reason}", "dim"))


def _rest(lines: Lines, outcome: Outcome) -> None:
    fixed = {finding.key for finding in outcome.fixed} if outcome.state == "kept" else set()
    waiting = [row for row in outcome.held if row.tried or row.plan.finding not in fixed]
    for row, _ in _alike(waiting):
        lines.add(
            ("  not applied ", styles.WARN),
            (f"{' '.join(row.plan.codes)} ", "bold"),
            row.plan.title,
        )
        lines.add((f"    {row.reason}", "dim"))
        if row.plan.safety == "manual":
            _advice(lines, row.plan, "    ")
        alternative(lines, row.plan)
    for result in outcome.built:
        if result.ok:
            lines.add(("  built ", styles.GOOD), (result.distribution or result.path, "bold"))
        for library in result.libraries if result.ok else ():
            lines.add(f"    {library.path.rpartition('/')[2]}: {library.code}")
    for probe in outcome.probes:
        if probe.ok:
            lines.add(("  ✓ proven ", styles.GOOD), (f"{probe.module} ", "bold"), "imports")
        elif probe.driver:
            said = f"does not import where there is no GPU driver: {probe.said}"
            lines.add(("  not proven ", "dim"), (f"{probe.module} ", "bold"), said)
        else:
            said = f"does not import: {probe.said}"
            lines.add(("  ✗ not proven ", styles.BAD), (f"{probe.module} ", "bold"), said)
    for note in outcome.notes:
        lines.add((f"  {note}", "dim"))
    if outcome.state == "kept":
        kept = f"{outcome.bytes_kept / (1 << 20):.1f} MiB kept"
        lines.add((f"  {outcome.seconds:.1f} s, {kept} for: gpufix undo {outcome.run}", "dim"))
