"""How an explained log is shown to people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from rich.console import Console

from gpufix.explain.confirm import Check, headline
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import Explanations
from gpufix.model import Diagnosis, PlanSummary
from gpufix.report import styles
from gpufix.report.next_step import fix_command
from gpufix.report.terminal import Painter

_MARK = {"cause": "✗", "symptom": "✗", "unknown": "?", "notice": "i", "wrapper": "?"}
_STYLE = {
    "cause": f"bold {styles.BAD}",
    "symptom": f"bold {styles.BAD}",
    "unknown": f"bold {styles.UNKNOWN}",
    "notice": styles.NOTE,
    "wrapper": f"bold {styles.UNKNOWN}",
}
_OTHERS, _WIDE = 6, 300


def show(
    answer: Explanations,
    log: str,
    errors: Sequence[str],
    names: Mapping[str, str],
    patient: tuple[Diagnosis, Check] | None,
    console: Console,
    verbose: bool = False,
) -> None:
    """Print the answer. `log`: what was read; `errors`: its error lines; `names`: rules by code."""
    painter = Painter(console, verbose)
    painter.print(painter.text(("gpufix ", "bold"), log))
    if answer.primary is not None and answer.recognised:
        primary = headline(answer.primary, patient[1]) if patient else answer.primary
        _primary(painter, primary, names)
    else:
        _unknown(painter, answer, errors)
    if answer.others:
        _others(painter, answer, verbose)
    if patient is not None and answer.primary is not None and answer.recognised:
        _patient(painter, *patient)


def _primary(painter: Painter, explanation: Explanation, names: Mapping[str, str]) -> None:
    painter.console.print()
    mark = (f"{_MARK[explanation.role]} ", _STYLE[explanation.role])
    code = (
        f"{explanation.rule} {names.get(explanation.rule, '')}".strip()
        if explanation.rule
        else "no rule of gpufix"
    )
    at = f" · line {explanation.line}" if explanation.line else ""
    row = "" if code.endswith(f" {explanation.id}") else f" · {explanation.id}"
    title = painter.text(mark, (code, "bold"), f"{at}{row}")
    painter.print(title)
    painter.print(painter.text((_cut(explanation.shown), "dim")), indent=2, bar="│ ")
    painter.print(painter.text(explanation.what), indent=2)
    for note in explanation.notes:
        painter.print(painter.text((note, "dim")), indent=2)
    painter.print(painter.text(("do: ", styles.GOOD), explanation.do), indent=2)
    if painter.verbose:
        if explanation.versions:
            painter.print(painter.text(("versions: ", "dim"), explanation.versions), indent=2)
        painter.print(painter.text(("source: ", "dim"), explanation.source), indent=2)


def _unknown(painter: Painter, answer: Explanations, errors: Sequence[str]) -> None:
    painter.console.print()
    primary = answer.primary
    if primary is not None and primary.role == "wrapper":
        head = "the cause is not in this text"
        text = f"{primary.what} {primary.do}"
    elif primary is not None:
        head = "not recognised"
        text = f"{primary.what} What follows is no diagnosis. {primary.do}"
    else:
        head = "not recognised"
        text = "No message that gpufix knows is in this text; what follows is no diagnosis."
    painter.print(painter.text(("? ", f"bold {styles.UNKNOWN}"), (head, "bold")))
    painter.print(painter.text(text), indent=2)
    shown = [primary.shown] if primary is not None and not errors else list(errors)
    if shown:
        painter.print(painter.text(("lines that look like the error:", "dim")), indent=2)
    for error in shown:
        for line in error.splitlines():
            painter.print(painter.text((_cut(line), "dim")), indent=2, bar="│ ")


def _others(painter: Painter, answer: Explanations, verbose: bool) -> None:
    """What follows from the primary, then what else stands there, on other lines than it."""
    primary = answer.primary
    others = [t for t in answer.others if primary is None or t.line != primary.line]
    after = [t for t in others if primary and t.line > primary.line and t.rule is None]
    for heading, explanation in (
        ("so: ", after),
        ("also: ", [t for t in others if t not in after]),
    ):
        shown = explanation if verbose else explanation[:_OTHERS]
        for one in shown:
            code = f"{one.rule} " if one.rule else ""
            line = painter.text(
                (f"└ {heading}", "dim"), (code, "bold"), f"line {one.line}: {_cut(one.shown, 120)}"
            )
            painter.print(line, indent=2)
        if len(explanation) > len(shown):
            painter.print(
                painter.text((f"… {len(explanation) - len(shown)} more (-v)", "dim")), indent=2
            )


def _patient(painter: Painter, diagnosis: Diagnosis, check: Check) -> None:
    patient = diagnosis.patient
    painter.console.print()
    who = "no environment"
    if patient.python:
        torch = patient.torch or "no torch"
        who = " · ".join([f"Python {patient.python}", torch, patient.prefix or ""]).rstrip(" ·")
    painter.print(painter.text(("here: ", "bold"), (who, "dim")))
    for statement in check.statements:
        painter.print(painter.text(statement), indent=2)
    if check.finding is None:
        painter.print(
            painter.text(
                ("? " if check.state == "cannot tell" else "", styles.UNKNOWN), check.reason
            ),
            indent=2,
        )
        if check.plan is not None:
            _plan(painter, check.plan, diagnosis)
        return
    finding = check.finding
    painter.print(painter.text(check.reason), indent=2)
    painter.print(
        painter.text((f"{finding.code} ", "bold"), f"{finding.subject}: {finding.message}"),
        indent=2,
    )
    if check.plan is None:
        painter.print(painter.text(("no fix is known for it here", "dim")), indent=2)
        return
    _plan(painter, check.plan, diagnosis)


def _plan(painter: Painter, plan: PlanSummary, diagnosis: Diagnosis) -> None:
    style = styles.GOOD if plan.safety == "safe" else styles.WARN
    painter.print(painter.text((f"fix ({plan.safety}): ", style), plan.title), indent=2)
    if (plan.command or "").startswith("gpufix fix "):
        options = shlex.split(str(plan.command))[2:]
    else:
        options = {"safe": ["--apply"], "unsafe": ["--apply", "--unsafe"]}.get(plan.safety, [])
    command = fix_command(diagnosis, *options)
    painter.console.print(
        painter.text((f"    $ {command}", styles.GOOD)), soft_wrap=True, highlight=False
    )


def _cut(text: str, width: int = _WIDE) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
