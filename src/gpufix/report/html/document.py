"""The page: verdict and patient first, then findings, coverage, plan, benchmark, gaps."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from gpufix.evidence.coverage import Row
from gpufix.files import own
from gpufix.frozen import Frozen
from gpufix.model import Diagnosis, Gap, Proposal, Summary, Target
from gpufix.model.smoke_result import SmokeReport
from gpufix.report.html.benchmark import smoke
from gpufix.report.html.coverage import coverage
from gpufix.report.html.findings import findings, plan
from gpufix.report.html.markup import Markup, joined, tag
from gpufix.text.clean import counted

_VERDICTS = {
    "clean": ("✓", "Clean", "nothing wrong found"),
    "faults": ("✗", "Faults", ""),
    "incomplete": ("?", "Incomplete", "nothing wrong found, but not everything could be looked at"),
    "nothing judged": ("?", "Nothing judged", ""),
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
    counts = tally(summary)
    tone = "warning" if summary.verdict == "faults" and not summary.error else summary.verdict
    tone = "incomplete" if summary.verdict == "nothing judged" else tone
    return tag(
        "div",
        tag("p", tag("span", f"{sign} ", aria_hidden="true"), word, class_="word"),
        tag("p", counts or meaning, class_="tally") if counts or meaning else None,
        tag("p", summary.unjudged, class_="tally") if summary.unjudged else None,
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
        ("torch", (patient.torch or "not installed").removeprefix("torch ") or patient.torch),
        (
            "Python",
            f"{python.removeprefix('Python ')}{f' ({patient.kind})' if patient.kind else ''}",
        ),
        ("Environment", _code(patient.prefix or patient.executable)),
        ("Chosen", patient.chosen),
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


def gaps(found: Sequence[Gap]) -> Markup | None:
    """None when everything was seen."""
    if not found:
        return None
    items = [tag("li", tag("strong", f"{g.section} "), f"{g.subject}: {g.reason}") for g in found]
    return tag("ul", items, class_="consequences")


def _names(unknown: Sequence[str]) -> Markup | None:
    about = "Packages for GPUs of which no rule tells which GPUs they serve: "
    return tag("p", about, ", ".join(unknown), ".") if unknown else None


# Of a page without a script: nothing is loaded and nothing runs, whatever an untrusted name should smuggle in.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _policy(script: str) -> str:
    """Nothing is loaded, and nothing runs but this script, whatever a name should smuggle in."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _sorting() -> str:
    """The page's only script: columns of the matrix sort; without it the page is whole."""
    return own(Path(__file__).with_name("sort.js")).decode()


class Content(Frozen):
    """What a report holds. `proposal` and `smoke` None: left out of the page."""

    diagnosis: Diagnosis
    matrix: tuple[Row, ...] = ()
    proposal: Proposal | None = None
    smoke: SmokeReport | None = None


def render(content: Content) -> str:
    """The whole file, as text."""
    diagnosis = content.diagnosis
    sections = [
        ("findings", "Findings", findings(diagnosis)),
        ("coverage", "GPU code", coverage(content.matrix, diagnosis.targets)),
        ("plan", "What gpufix fix would do", plan(content.proposal)),
        ("smoke", "Benchmark", smoke(content.smoke)),
        ("gaps", "Not looked at", gaps(diagnosis.gaps)),
        ("unknown", "Not judged", _names(diagnosis.not_judged)),
    ]
    shown = [(anchor, title, body) for anchor, title, body in sections if body]
    main = [
        tag("section", tag("h2", title, id=anchor), body, aria_labelledby=anchor)
        for anchor, title, body in shown
    ]
    links = [(anchor, title) for anchor, title, _ in shown]
    page = tag("html", _head(diagnosis), _body(diagnosis, links, joined(main)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(diagnosis: Diagnosis) -> Markup:
    style = own(Path(__file__).with_name("style.css")).decode()
    verdict = diagnosis.summary.verdict
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(_sorting())),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"gpufix: {verdict}, {diagnosis.patient.torch or 'no torch'}"),
        tag("style", Markup(style)),
    )


def _body(diagnosis: Diagnosis, links: list[tuple[str, str]], main: Markup) -> Markup:
    return tag(
        "body",
        tag("a", "Skip to the findings", href="#main", class_="skip"),
        header(diagnosis, links),
        tag("main", main, id="main"),
        tag(
            "footer",
            f"Made by gpufix {diagnosis.gpufix_version}. Nothing on this page is loaded from elsewhere.",
        ),
        tag("script", Markup(_sorting())),
    )
