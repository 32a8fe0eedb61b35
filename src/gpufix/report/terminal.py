"""The report that people read: a header, one block a finding, what was not seen, a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gpufix.model import Diagnosis, Evidence, Finding, Gap, PlanSummary, Severity, Target
from gpufix.text.clean import clean, counted, inert, located

_STYLE = {Severity.error: "bold red", Severity.warning: "yellow", Severity.advice: "cyan"}
_MARK = {Severity.error: "✗", Severity.warning: "!", Severity.advice: "i"}
_PLAIN = str.maketrans(
    {
        "✗": "x",
        "✓": "+",
        "·": "-",
        "└": "`",
        "│": "|",
        "…": "~",
        "×": "x",
        "–": "-",
        "≥": ">",
        "≤": "<",
        "→": ">",
    }
)
_SHOWN_EVIDENCE, _SHOWN_GAPS, _SHOWN_NAMES = 6, 8, 4


def show(diagnosis: Diagnosis, console: Console, verbose: bool = False) -> None:
    """Print the report. Everything shown is cleaned: nothing read can act on the terminal."""
    painter = Painter(console, verbose)
    painter.header(diagnosis)
    for finding in diagnosis.findings:
        painter.finding(finding)
    painter.gaps(diagnosis.gaps)
    painter.notes(diagnosis)
    painter.verdict(diagnosis)


class Painter:
    """Puts lines on a console, cleaned and folded; the smoke and explain reports use it too."""

    def __init__(self, console: Console, verbose: bool):
        self.console = console
        self.verbose = verbose
        self.plain = not (console.encoding or "").lower().startswith("utf")

    def text(self, *parts: str | tuple[str, str]) -> Text:
        out = Text()
        for part in parts:
            content, style = (part, "") if isinstance(part, str) else part
            shown = clean(content, keep_newlines=True)
            out.append(shown.translate(_PLAIN) if self.plain else shown, style=style)
        return out

    def print(self, text: Text, indent: int = 0, bar: str = "") -> None:
        """Folded at the console's width, every line indented, no spaces at the ends."""
        margin = self.text(" " * indent + bar)
        for line in text.wrap(self.console, max(self.console.width - len(margin), 20)):
            line.rstrip()
            if inert(line.plain) != line.plain:
                line = Text(inert(line.plain))
            self.console.print(margin + line, soft_wrap=True, highlight=False, no_wrap=True)

    def header(self, diagnosis: Diagnosis) -> None:
        patient = diagnosis.patient
        python = f"Python {patient.python}" if patient.python else "no Python"
        kind = f" ({patient.kind})" if patient.kind else ""
        parts = [f"{python}{kind}", patient.torch or "no torch", patient.platform]
        self.print(self.text(("gpufix ", "bold"), " · ".join(parts)))
        if patient.prefix or patient.executable:
            self.print(self.text((patient.prefix or patient.executable or "", "dim")))
        if patient.project:
            self.print(self.text(("project ", "dim"), (patient.project, "dim")))
        self.print(_targets_line(self, diagnosis.targets))

    def finding(self, finding: Finding) -> None:
        self.console.print()
        style = _STYLE[finding.severity]
        title = self.text(
            (f"{_MARK[finding.severity]} {finding.severity.value} ", style),
            (f"{finding.code} ", "bold"),
            (finding.name, "bold"),
            f" · {finding.subject}",
        )
        self.print(title)
        self.print(self.text(finding.message), indent=2)
        self.evidence(finding.evidence)
        for below in finding.consequences:
            self.consequence(below, depth=1)
        self.fixes(finding.fixes or _below(finding))
        if finding.no_plan is not None:
            self.print(self.text(("no plan: ", "yellow"), finding.no_plan), indent=2)

    def evidence(self, evidence: Sequence[Evidence]) -> None:
        shown = evidence if self.verbose else evidence[:_SHOWN_EVIDENCE]
        for item in shown:
            self.print(self.text((f"{located(item)}{item.text}", "dim")), indent=2, bar="│ ")
        if len(evidence) > len(shown):
            more = f"… {len(evidence) - len(shown)} more (-v)"
            self.print(self.text((more, "dim")), indent=2, bar="│ ")

    def consequence(self, finding: Finding, depth: int) -> None:
        line = self.text(
            ("└ so: ", "dim"), (f"{finding.code} ", "bold"), f"{finding.subject}: {finding.message}"
        )
        self.print(line, indent=2 * depth)
        for below in finding.consequences:
            self.consequence(below, depth + 1)

    def fixes(self, fixes: Sequence[PlanSummary]) -> None:
        for fix in fixes if self.verbose else fixes[:1]:
            style = "green" if fix.safety == "safe" else "yellow"
            self.print(self.text((f"fix ({fix.safety}): ", style), fix.title), indent=2)
            for line in (fix.command or "").splitlines():
                # A command is never folded: it must survive being copied.
                self.console.print(
                    self.text(("    $ " + inert(line), "green")), soft_wrap=True, highlight=False
                )

    def gaps(self, gaps: Sequence[Gap]) -> None:
        if not gaps:
            return
        self.console.print()
        self.print(self.text(("? could not look at", "magenta")))
        for gap in gaps if self.verbose else gaps[:_SHOWN_GAPS]:
            self.print(
                self.text((f"{gap.section}: ", "dim"), f"{gap.subject}: {gap.reason}"), indent=2
            )
        if not self.verbose and len(gaps) > _SHOWN_GAPS:
            self.print(self.text((f"… {len(gaps) - _SHOWN_GAPS} more (-v)", "dim")), indent=2)

    def notes(self, diagnosis: Diagnosis) -> None:
        """What changes no verdict: packages that no rule knows."""
        names = diagnosis.not_judged
        if not names:
            return
        shown = names if self.verbose else names[:_SHOWN_NAMES]
        more = f", … {len(names) - len(shown)} more (-v)" if len(names) > len(shown) else ""
        self.console.print()
        self.print(self.text(("not judged: ", "dim"), ", ".join(shown) + more))

    def verdict(self, diagnosis: Diagnosis) -> None:
        counts = diagnosis.summary
        self.console.print()
        if counts.unjudged and counts.verdict != "nothing judged":
            self.print(
                self.text(
                    ("? nothing judged of the environment", "magenta"), f": {counts.unjudged}"
                )
            )
        if counts.verdict == "clean" and not counts.advice and not counts.accepted:
            self.print(self.text(("✓ clean", "bold green"), ": nothing wrong found"))
            return
        mark, style = {
            "clean": ("✓ clean", "bold green"),
            "faults": ("✗ faults", "bold red" if counts.error else "bold yellow"),
            "incomplete": ("? incomplete", "bold magenta"),
            "nothing judged": ("? nothing judged", "bold magenta"),
        }[counts.verdict]
        tally = [counted(counts.error, "error"), counted(counts.warning, "warning")]
        tally += [f"{counts.advice} advice"] if counts.advice else []
        tally += [f"{counts.accepted} accepted"] if counts.accepted else []
        tally += [f"{len(diagnosis.gaps)} not looked at"] if diagnosis.gaps else []
        tally += [counts.unjudged or ""] if counts.verdict == "nothing judged" else []
        self.print(self.text((mark, style), ": " + ", ".join(t for t in tally if t)))


def _below(finding: Finding) -> list[PlanSummary]:
    """Where nothing mends a cause: the best plan for each thing that follows from it."""
    found = [row for c in finding.consequences for row in (c.fixes[:1] or _below(c))]
    return list(dict.fromkeys(found))


def _targets_line(painter: Painter, targets: Sequence[Target]) -> Text:
    if not targets:
        hint = 'no GPU target: none is visible; name one with --gpu sm_120 (or --gpu "RTX 5080")'
        return painter.text((hint, "yellow"))
    named = [f"{t.arch} ({t.name})" if t.name else t.arch for t in targets]
    return painter.text(("targets ", "dim"), ", ".join(named))
