"""The report that people read: the verdict, one block a finding, what was not seen, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from gpufix.model import Diagnosis, Evidence, Finding, Gap, PlanSummary, Severity, Target
from gpufix.report import styles
from gpufix.report.folding import continued
from gpufix.report.folding import folded as fold
from gpufix.report.next_step import next_command, repairs
from gpufix.report.paths import Shortened, near
from gpufix.text.clean import clean, counted, inert, located
from gpufix.text.site import rule_page

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


def show(diagnosis: Diagnosis, console: Console, verbose: bool = False, here: bool = True) -> None:
    """Print the report. Everything shown is cleaned: nothing read can act on the terminal.

    `here`: the patient is on this machine, and a command can be typed for it.
    """
    painter = Painter(console, verbose, Shortened.of(diagnosis.patient))
    painter.verdict(diagnosis)
    painter.header(diagnosis)
    for finding in diagnosis.findings:
        painter.finding(finding)
    painter.gaps(diagnosis.gaps)
    painter.notes(diagnosis)
    painter.next(diagnosis, here)


class Painter:
    """Puts lines on a console, cleaned and folded; the smoke and explain reports use it too."""

    def __init__(self, console: Console, verbose: bool, short: Shortened | None = None):
        self.console = console
        self.verbose = verbose
        self.short = short or Shortened()
        self.plain = not (console.encoding or "").lower().startswith("utf")

    def text(self, *parts: str | tuple[str, str]) -> Text:
        out = Text()
        for part in parts:
            content, style = (part, "") if isinstance(part, str) else part
            shown = clean(content, keep_newlines=True)
            out.append(shown.translate(_PLAIN) if self.plain else shown, style=style)
        return out

    def print(self, text: Text, indent: int = 0, bar: str = "", hang: int = 0) -> None:
        """Folded between words at the console's width: a word or path is never broken.

        Every line is indented, those after the first by `hang` more; no spaces at the ends.
        """
        margin = self.text(" " * indent + bar)
        width = max(self.console.width - len(margin) - hang, 20)
        for number, line in enumerate(fold(text, width)):
            if inert(line.plain) != line.plain:
                line = Text(inert(line.plain))
            own = margin + self.text(" " * hang) if number else margin
            self.console.print(own + line, soft_wrap=True, highlight=False, no_wrap=True)

    def command(self, line: str, lead: str = "    $ ") -> None:
        """It survives being copied: whole, or on a terminal with a `\\` at the end of each line."""
        shown = self.text(inert(line)).plain
        lines = [lead + shown]
        if self.console.is_terminal:  # which would break a word at its edge
            lines = continued(shown, lead, self.console.width)
        for part in lines:
            self.console.print(Text(part, styles.GOOD), soft_wrap=True, highlight=False)

    def header(self, diagnosis: Diagnosis) -> None:
        """Which environment was judged, why this one, and for which GPUs."""
        patient = diagnosis.patient
        if patient.node is not None:
            self.print(self.text(("node ", "dim"), f"{patient.node} · {patient.platform}"))
            for line in diagnosis.looked_at if self.verbose else ():
                self.print(self.text((f"read {line}", "dim")), indent=2)
            return
        python = f"Python {patient.python}" if patient.python else "no Python"
        kind = f" ({patient.kind})" if patient.kind else ""
        parts = [f"{python}{kind}", patient.torch or "no torch", patient.platform]
        where = patient.prefix or patient.executable
        if where:
            self.print(self.text(("environment ", "dim"), near(where)))
        if patient.chosen:
            self.print(self.text((f"chosen: {patient.chosen}", "dim")), indent=2)
        self.print(self.text(" · ".join(parts)), indent=2)
        if patient.project:
            self.print(self.text(("project ", "dim"), near(patient.project)))
        self.print(_targets_line(self, diagnosis.targets))
        for line in diagnosis.looked_at if self.verbose else ():
            self.print(self.text((f"read {line}", "dim")), indent=2)

    def finding(self, finding: Finding) -> None:
        self.console.print()
        page = rule_page(finding.code)
        title = self.text(
            (
                f"{_MARK[finding.severity]} {finding.severity.value} ",
                styles.SEVERITY[finding.severity],
            ),
            (f"{finding.code} {finding.name}", f"bold link {page}" if page else "bold"),
            f" · {self.short(finding.subject)}",
        )
        self.print(title)
        self.print(self.text(self.short(finding.message)), indent=2)
        self.evidence(self.short.evidence(finding.evidence))
        for line, depth in folded(finding.consequences, self.verbose):
            self.print(self.text(("└ so ", "dim"), self.short(line)), indent=2 + 2 * depth, hang=2)
        self.fixes(finding.fixes or _below(finding))
        if finding.no_plan is not None:
            self.print(self.text(("no plan: ", styles.WARN), self.short(finding.no_plan)), indent=2)

    def evidence(self, evidence: Sequence[Evidence]) -> None:
        shown = evidence if self.verbose else evidence[:_SHOWN_EVIDENCE]
        for item in shown:
            self.print(self.text((f"{located(item)}{item.text}", "dim")), indent=2, bar="│ ")
        if len(evidence) > len(shown):
            more = f"… {len(evidence) - len(shown)} more (-v)"
            self.print(self.text((more, "dim")), indent=2, bar="│ ")

    def fixes(self, fixes: Sequence[PlanSummary]) -> None:
        for fix in fixes if self.verbose else fixes[:1]:
            label = (f"fix ({fix.safety}): ", styles.SAFETY.get(fix.safety, ""))
            self.print(self.text(label, self.short(fix.title)), indent=2)
            for line in (fix.command or "").splitlines():
                self.command(line)
            if fix.keep:
                self.print(self.text(("to keep it at the next sync:", "dim")), indent=2)
            for line in (fix.keep or "").splitlines():
                self.command(line)

    def gaps(self, gaps: Sequence[Gap]) -> None:
        if not gaps:
            return
        self.console.print()
        self.print(self.text(("? could not look at", styles.UNKNOWN)))
        for gap in gaps if self.verbose else gaps[:_SHOWN_GAPS]:
            subject = self.short(f"{gap.subject}: {gap.reason}")
            self.print(self.text((f"{gap.section}: ", "dim"), subject), indent=2)
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
        if counts.unjudged and counts.verdict != "nothing judged":
            label = ("? nothing judged of the environment", styles.UNKNOWN)
            self.print(self.text(label, f": {counts.unjudged}"))
        if counts.verdict == "clean" and not counts.advice and not counts.accepted:
            self.print(self.text(("✓ clean", f"bold {styles.GOOD}"), ": nothing wrong found"))
            return
        mark, style = {
            "clean": ("✓ clean", styles.GOOD),
            "faults": ("✗ faults", styles.BAD if counts.error else styles.WARN),
            "incomplete": ("? incomplete", styles.UNKNOWN),
            "nothing judged": ("? nothing judged", styles.UNKNOWN),
        }[counts.verdict]
        self.print(self.text((mark, f"bold {style}"), f": {', '.join(_tally(diagnosis))}"))

    def next(self, diagnosis: Diagnosis, here: bool) -> None:
        """The page of the first finding, and the exact command to type next."""
        if not diagnosis.findings:
            return
        self.console.print()
        first = diagnosis.findings[0].code
        command = next_command(diagnosis) if here else None
        self.command(f"gpufix explain {first}", "about: " if command else "next: ")
        if command:
            self.command(command, "next:  ")


def _tally(diagnosis: Diagnosis) -> Iterator[str]:
    counts = diagnosis.summary
    yield from filter(None, (counted(counts.error, "error"), counted(counts.warning, "warning")))
    if counts.advice:
        yield f"{counts.advice} advice"
    if counts.accepted:
        yield f"{counts.accepted} accepted"
    if diagnosis.gaps:
        yield f"{len(diagnosis.gaps)} not looked at"
    if counts.verdict == "nothing judged" and counts.unjudged:
        yield counts.unjudged
    found = repairs(diagnosis.findings)
    able = found["safe"] + found["unsafe"]
    if able:
        unsafe = f" ({found['unsafe']} with --unsafe)" if found["unsafe"] else ""
        yield f"{able} can be repaired{unsafe}"


def folded(findings: Sequence[Finding], verbose: bool, depth: int = 0) -> Iterator[tuple[str, int]]:
    """What follows from a cause, one line for each kind of thing, with its depth."""
    groups: dict[tuple[str, int], list[Finding]] = {}
    for finding in findings:
        alone = len(groups) if verbose or finding.consequences else -1
        groups.setdefault((finding.code, alone), []).append(finding)
    for (code, _), rows in groups.items():
        yield f"{code} {_joint(rows)}", depth
        yield from folded([b for row in rows for b in row.consequences], verbose, depth + 1)


_NAMED = 4


def _joint(rows: Sequence[Finding]) -> str:
    """One finding's message, or several of one kind in a line."""
    if len(rows) == 1:
        subject, message = rows[0].subject, rows[0].message
        return message if message.startswith(subject) else f"{subject}: {message}"
    names = list(dict.fromkeys(n for row in rows for n in _missing(row) or [row.subject]))
    shown = ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
    if all(_missing(row) for row in rows):
        return f"{counted(len(names), 'library').replace('librarys', 'libraries')} missing: {shown}"
    return f"{rows[0].name}, {len(rows)} times: {shown}"


def _missing(finding: Finding) -> list[str]:
    return list(getattr(finding.payload, "names", ()) or ())


def _below(finding: Finding) -> list[PlanSummary]:
    """Where no plan removes a cause: the best plan for each thing that follows from it."""
    found = [row for c in finding.consequences for row in (c.fixes[:1] or _below(c))]
    return list(dict.fromkeys(found))


def _targets_line(painter: Painter, targets: Sequence[Target]) -> Text:
    if not targets:
        hint = 'no GPU target: none is visible; name one with --gpu sm_120 (or --gpu "RTX 5080")'
        return painter.text((hint, styles.WARN))
    named = [f"{t.arch} ({t.name})" if t.name else t.arch for t in targets]
    return painter.text(("targets ", "dim"), ", ".join(named))
