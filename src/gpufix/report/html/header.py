"""Verdict first, then the patient in a few lines, then the way to each section."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.model import Diagnosis, Summary, Target
from gpufix.report.html.markup import Markup, tag
from gpufix.report.plain import counted

_VERDICTS = {
    "clean": ("✓", "Clean", "nothing wrong found"),
    "faults": ("✗", "Faults", ""),
    "incomplete": ("?", "Incomplete", "nothing wrong found, but not everything could be looked at"),
}


def header(diagnosis: Diagnosis, links: Sequence[tuple[str, str]]) -> Markup:
    """The page's head, as people read it."""
    return tag(
        "header",
        tag("h1", tag("span", "gpufix ", class_="product"), "Environment report"),
        _verdict(diagnosis.summary),
        _about(diagnosis),
        _contents(links),
    )


def _verdict(summary: Summary) -> Markup:
    sign, word, meaning = _VERDICTS[summary.verdict]
    told = tally(summary)
    tone = "warning" if summary.verdict == "faults" and not summary.error else summary.verdict
    return tag(
        "div",
        tag("p", tag("span", f"{sign} ", aria_hidden="true"), word, class_="word"),
        tag("p", told or meaning, class_="tally"),
        class_=f"verdict {tone}",
    )


def tally(summary: Summary) -> str:
    """ "2 errors, 1 warning"; "" without any."""
    words = [counted(summary.error, "error"), counted(summary.warning, "warning")]
    words += [f"{summary.advice} advice"] if summary.advice else []
    words += [f"{summary.accepted} accepted by the baseline"] if summary.accepted else []
    return ", ".join(word for word in words if word)


def _about(diagnosis: Diagnosis) -> Markup:
    patient = diagnosis.patient
    python = f"Python {patient.python}" if patient.python else "none found"
    rows: list[tuple[str, str | Markup | None]] = [
        ("Targets", _targets(diagnosis.targets)),
        ("torch", (patient.torch or "not installed").removeprefix("torch ")),
        (
            "Python",
            f"{python.removeprefix('Python ')}{f' ({patient.kind})' if patient.kind else ''}",
        ),
        ("Environment", _code(patient.prefix or patient.executable)),
        ("Project", _code(patient.project)),
        ("Platform", patient.platform),
    ]
    cells = [(tag("dt", name), tag("dd", value)) for name, value in rows if value]
    return tag("dl", [cell for pair in cells for cell in pair], class_="about")


def _code(text: str | None) -> Markup | None:
    return tag("code", text) if text else None


def _targets(targets: Sequence[Target]) -> str:
    if not targets:
        return "none: no GPU is visible, and none was named"
    return ", ".join(f"{t.arch} ({t.name})" if t.name else t.arch for t in targets)


def _contents(links: Sequence[tuple[str, str]]) -> Markup | None:
    if len(links) < 2:
        return None
    items = [tag("li", tag("a", title, href=f"#{anchor}")) for anchor, title in links]
    return tag("nav", tag("ul", items), aria_label="Sections")
