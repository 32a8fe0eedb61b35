"""The parts of a SARIF log that stand for themselves: rules, notifications, messages, addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from gpufix.model import Diagnosis, Finding, Gap
from gpufix.report.clean import clean
from gpufix.report.plain import below

Json = dict[str, Any]


def rules(diagnosis: Diagnosis) -> Iterator[Json]:
    """Every rule that ran, then codes that are no rule's (DOC001)."""
    from gpufix.plugins import all_rules

    judged = set(diagnosis.judged) | {f.code for f in diagnosis.findings}
    known = {rule.code: rule for rule in all_rules()[0] if rule.code in judged}
    for code, rule in known.items():
        yield _rule(code, rule.name, rule.page)
    named = {f.code: f.name for f in diagnosis.findings if f.code not in known}
    for code, name in named.items():
        yield _rule(code, name, name)


def _rule(code: str, name: str, page: str) -> Json:
    page = clean(page, keep_newlines=True)
    return {
        "id": clean(code),
        "name": "".join(part.capitalize() for part in clean(name).split("-")),
        "shortDescription": {"text": page.strip().partition("\n")[0]},
        "help": {"text": page, "markdown": f"# {clean(code)} {clean(name)}\n\n{page}"},
        "properties": {"tags": ["gpu", clean(code)[:3]]},
    }


def notification(gap: Gap) -> Json:
    """Something that could not be looked at."""
    return {
        "descriptor": {"id": "not-looked-at"},
        "level": "warning",
        "message": {"text": message(f"{gap.section}: {gap.subject}: {gap.reason}")},
    }


def text(finding: Finding) -> str:
    """What a result says: consequences and remedies, too."""
    about = "" if finding.subject in finding.message else f"{finding.subject}: "
    lines = [about + finding.message]
    lines += [e.text for e in finding.evidence[:10] if not e.path]
    lines += [f"so: {f.code} {f.subject}: {f.message}" for _, f in below(finding)]
    lines += [f"fix ({fix.safety}): {fix.title}" for fix in finding.fixes[:2]]
    return "\n".join(lines)


def message(text: str) -> str:
    """A plain-text message string (§3.11.5, §3.11.6): no placeholder, no embedded link."""
    safe = clean(text, keep_newlines=True).replace("](", "] (")
    return safe.replace("{", "{{").replace("}", "}}") or "-"


def uri(path: str) -> str:
    """A URI reference: absolute paths get the file scheme, a colon cannot be read as a scheme."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # from a snapshot: no path of a disk
        raw = path.encode("utf-8", "surrogatepass")
    quoted = quote(raw, safe="/")
    return f"file://{quoted}" if PurePosixPath(path).is_absolute() else quoted
