"""GitHub-flavoured Markdown: for a job's summary, or a comment on a pull request.

Names and paths come from elsewhere. Prose is escaped so that it stays prose: no markup, no HTML,
no link, no mention that notifies somebody, no reference to an issue. Commands stand in code blocks,
evidence in `<pre>`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from gpufix.model import Diagnosis, Evidence, Finding, Gap, PlanSummary, Severity
from gpufix.text.clean import below, clean, counted, located

# A comment holds 65,536 characters, a job's summary 1 MiB; links to the rest there are none.
_LIMIT = 60_000
_EVIDENCE, _COMMAND, _PROSE, _GAPS = 20, 2_000, 2_000, 50
_MARK = {Severity.error: "❌ error", Severity.warning: "⚠️ warning", Severity.advice: "💡 advice"}
_VERDICT = {
    "clean": "✅ clean",
    "faults": "❌ faults",
    "incomplete": "❔ incomplete",
    "nothing judged": "❔ nothing judged",
}
_SPECIAL = re.compile(r"[\\`*_\[\]|~$<>&@#]|:(?=//)|(?<=www)\.", re.I)
_OPENER = re.compile(r"^(?:(?=[-+=])|\d+(?=[.)](?: |$)))")  # of a list, a rule or a heading
_BREAK = "<!-- -->"  # splits the text without being seen: "@" and "#" refer to nothing


def render(diagnosis: Diagnosis) -> str:
    """Head, one block a finding, what was not looked at; at most 60,000 characters."""
    parts = [_head(diagnosis)]
    room = _LIMIT - len(parts[0])
    rest = [_finding(f) for f in diagnosis.findings]
    if diagnosis.gaps:
        rest.append(_gaps(diagnosis.gaps))
    if diagnosis.not_judged:
        names = diagnosis.not_judged
        rest.append("\n".join(_details(f"not judged ({len(names)})", list(names[:_GAPS]))))
    for number, part in enumerate(rest):
        room -= len(part) + 1
        if room < 0:
            parts.append(f"*{len(rest) - number} more: too long for here.*\n")
            break
        parts.append(part)
    return "\n".join(parts)


def _head(diagnosis: Diagnosis) -> str:
    counts, patient = diagnosis.summary, diagnosis.patient
    tally = [counted(counts.error, "error"), counted(counts.warning, "warning")]
    tally += [f"{counts.advice} advice" if counts.advice else ""]
    tally += [f"{counts.accepted} accepted" if counts.accepted else ""]
    tally += [f"{len(diagnosis.gaps)} not looked at" if diagnosis.gaps else ""]
    shown = ", ".join(t for t in tally if t)
    if not shown and counts.verdict != "nothing judged":
        shown = "nothing wrong found"
    said = f"{_VERDICT[counts.verdict]}: {shown}" if shown else _VERDICT[counts.verdict]
    about = [f"Python {patient.python}" if patient.python else "no Python"]
    about += [patient.torch or "no torch", patient.platform]
    targets = ", ".join(f"{t.arch} ({t.name})" if t.name else t.arch for t in diagnosis.targets)
    about.append(f"for {targets}" if targets else "no GPU target")
    head = f"## gpufix: {said}\n\n{_prose(' · '.join(about))}\n"
    if not counts.unjudged:
        return head
    return f"{head}\n**Nothing judged of the environment**: {_prose(counts.unjudged)}\n"


def _finding(finding: Finding) -> str:
    title = f"{finding.code} {finding.name}"
    lines = [f"### {_MARK[finding.severity]} {_prose(title)} · {_prose(finding.subject)}", ""]
    lines += [_prose(finding.message), ""]
    lines += [
        f"{'  ' * depth}- so: **{_prose(f.code)}** {_prose(f.subject)}: {_prose(f.message)}"
        for depth, f in below(finding)
    ]
    lines += [""] if finding.consequences else []
    for fix in finding.fixes[:1]:
        lines += _fix(fix)
    if finding.evidence:
        lines += _details(f"evidence ({len(finding.evidence)})", _evidence(finding.evidence))
    return "\n".join(lines)


def _fix(fix: PlanSummary) -> Iterator[str]:
    yield f"**fix ({_prose(fix.safety)})**: {_prose(fix.title)}"
    yield ""
    if fix.command:
        command = clean(fix.command, keep_newlines=True)
        if len(command) > _COMMAND:  # half a command must not be copied
            yield from ("The command is too long for here: `gpufix fix` shows it.", "")
            return
        fence = "`" * max(3, _longest(command) + 1)
        yield from (f"{fence}sh", command, fence, "")


def _evidence(evidence: Sequence[Evidence]) -> Iterator[str]:
    for item in evidence[:_EVIDENCE]:
        yield f"{located(item)}{item.text}"
    if len(evidence) > _EVIDENCE:
        yield f"… {len(evidence) - _EVIDENCE} more"


def _gaps(gaps: Sequence[Gap]) -> str:
    lines = [f"{g.section}: {g.subject}: {g.reason}" for g in gaps[:_GAPS]]
    lines += [f"… {len(gaps) - _GAPS} more"] if len(gaps) > _GAPS else []
    return "\n".join(_details(f"could not look at ({len(gaps)})", lines))


def _details(summary: str, lines: Iterator[str] | list[str]) -> list[str]:
    """Collapsed. A line is cut where nobody would read on; a blank one would end the HTML."""
    body = [html.escape(_cut(clean(line))) for line in lines]
    body = [line if line.strip() else "&#32;" for line in body]
    return [f"<details><summary>{summary}</summary>", "<pre>", *body, "</pre>", "</details>", ""]


def _prose(text: str) -> str:
    prose = _SPECIAL.sub(_escaped, _cut(clean(text.replace("\n", " ")))).strip()
    return _OPENER.sub(r"\g<0>\\", prose) or "\\-"


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char in "<>&":
        return html.escape(char)
    return char + _BREAK if char in "@#" else "\\" + char


def _cut(text: str) -> str:
    return text if len(text) <= _PROSE else text[:_PROSE] + "…"


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
