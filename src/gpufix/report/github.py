"""GitHub workflow commands: one annotation a primary finding."""

from __future__ import annotations

from gpufix.model import Diagnosis, Finding, Severity
from gpufix.text.clean import below, clean, counted, located

_LEVEL = {Severity.error: "error", Severity.warning: "warning", Severity.advice: "notice"}


def render(diagnosis: Diagnosis) -> str:
    """Workflow commands, one a line, then the verdict as plain text."""
    lines = [_annotation(f) for f in diagnosis.findings]
    lines += [
        f"::notice title={_property('gpufix: could not look')}::"
        + _message(f"{gap.section}: {gap.subject}: {gap.reason}")
        for gap in diagnosis.gaps
    ]
    counts = diagnosis.summary
    if counts.unjudged:
        title = _property("gpufix: nothing judged")
        lines.append(f"::warning title={title}::{_message(counts.unjudged)}")
    tally = [counted(counts.error, "error"), counted(counts.warning, "warning")]
    tally += [f"{counts.advice} advice" if counts.advice else ""]
    tally += [f"{counts.accepted} accepted" if counts.accepted else ""]
    shown = ", ".join(filter(None, tally))
    names = ", ".join(map(clean, diagnosis.not_judged))
    unknown = f"; not judged: {names}" if names else ""
    lines.append(f"gpufix: {counts.verdict}{f': {shown}' if shown else ''}{unknown}")
    return "\n".join(lines) + "\n"


def _annotation(finding: Finding) -> str:
    properties = [f"title={_property(f'{finding.code} {finding.name}: {finding.subject}')}"]
    # A line of an installed file is none that the repository could show.
    lines = [e for e in finding.evidence if e.path and e.line and "/site-packages/" not in e.path]
    place = next(iter(lines), None)
    if place and place.path:
        properties = [f"file={_property(place.path)}", f"line={place.line}", *properties]
    return f"::{_LEVEL[finding.severity]} {','.join(properties)}::{_message(_text(finding))}"


def _text(finding: Finding) -> str:
    lines = [finding.message, *(f"  {located(e)}{e.text}" for e in finding.evidence[:10])]
    lines += [f"consequence: {f.code} {f.subject}: {f.message}" for _, f in below(finding)]
    lines += [f"fix ({fix.safety}): {fix.title}" for fix in finding.fixes[:2]]
    return "\n".join(lines)


def _message(text: str) -> str:
    """Escaped as the runner unescapes it: https://github.com/actions/toolkit command.ts."""
    safe = clean(text, keep_newlines=True)
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
