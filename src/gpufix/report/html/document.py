"""The page: verdict, findings, coverage, plan, benchmark, gaps."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from gpufix.coverage import Row
from gpufix.model import Diagnosis, Proposal
from gpufix.model.smoke import SmokeReport
from gpufix.report.html.coverage import coverage
from gpufix.report.html.findings import findings
from gpufix.report.html.gaps import gaps
from gpufix.report.html.header import header
from gpufix.report.html.markup import Markup, joined, tag
from gpufix.report.html.plan import plan
from gpufix.report.html.smoke import smoke

# Nothing is loaded and nothing runs, whatever an untrusted name should smuggle in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Content:
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
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    verdict = diagnosis.summary.verdict
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
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
    )
