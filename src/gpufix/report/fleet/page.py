"""The report as one HTML file: a row a node, a column for each thing that differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gpufix.files import own
from gpufix.model.fleet_report import Difference, FleetNode, FleetReport, FleetValue
from gpufix.report import html
from gpufix.report.fleet.table import shortened
from gpufix.report.html.document import POLICY
from gpufix.report.html.markup import Markup, joined, tag

_COLUMNS = 60
_STYLE = """
main{max-width:none}
.matrix{overflow:auto;max-height:85vh}
.matrix table{border-collapse:separate;border-spacing:0}
.matrix th,.matrix td{padding:.15rem .5rem;border-bottom:1px solid #8884;white-space:nowrap;
  max-width:22rem;overflow:hidden;text-overflow:ellipsis;text-align:left;font-size:.85rem}
.matrix thead th{position:sticky;top:0;background:Canvas;z-index:2;white-space:normal}
.matrix tbody th{position:sticky;left:0;background:Canvas;z-index:1}
.matrix tbody{content-visibility:auto}
.matrix td.odd{background:#f5a62355;font-weight:600}
.matrix td.unseen,.matrix tr.lost td{background:#8883}
"""


def render(report: FleetReport) -> str:
    """The whole file, as text. Nothing is loaded and nothing runs."""
    shown = report.differences[:_COLUMNS]
    body = tag(
        "body",
        tag("header", tag("h1", tag("span", "gpufix ", class_="product"), "Fleet report"),
            _summary(report)),
        tag("main", _matrix(report, shown), _findings(report), id="main"),
        tag("footer", f"Made by gpufix {report.gpufix_version}."),
    )  # fmt: skip
    return f"<!DOCTYPE html>\n{tag('html', _head(report), body, lang='en')}\n"


def _head(report: FleetReport) -> Markup:
    style = own(Path(html.__file__).with_name("style.css")).decode() + _STYLE
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"gpufix fleet: {report.summary.verdict}"),
        tag("style", Markup(style)),
    )


def _summary(report: FleetReport) -> Markup:
    summary = report.summary
    told = f"{summary.nodes} nodes, {summary.answered} answered, {summary.odd} odd"
    return tag("p", tag("strong", f"{summary.verdict}: "), told)


def _matrix(report: FleetReport, shown: Sequence[Difference]) -> Markup:
    values = [{name: v for v in d.values for name in v.names} for d in shown]
    heads = [tag("th", d.section, tag("br"), d.name, scope="col") for d in shown]
    usual = [tag("td", shortened(d.usual) if d.compared else "no majority") for d in shown]
    top = tag(
        "thead",
        tag("tr", tag("th", "node", scope="col"), tag("th", "answer", scope="col"), heads),
    )
    first = tag("tr", tag("th", "reference", scope="row"), tag("td", report.reference), usual)
    ordered = sorted(report.nodes, key=lambda node: (node.state == "answered", not node.odd))
    rows = [_row(node, shown, values) for node in ordered]
    more = len(report.differences) - len(shown)
    note = tag("p", f"{more} further differences: --format json has them") if more > 0 else None
    table = tag("table", top, tag("tbody", first), list(_bodies(rows)))
    return tag("section", tag("h2", "Nodes"), tag("div", table, class_="matrix"), note)


def _bodies(rows: Sequence[Markup]) -> Iterator[Markup]:
    """In parts: a browser lays out only those in view."""
    for start in range(0, len(rows), 200):
        yield tag("tbody", joined(rows[start : start + 200]))


def _row(
    node: FleetNode, shown: Sequence[Difference], values: Sequence[dict[str, FleetValue]]
) -> Markup:
    lost = node.state != "answered"
    answer = f"{node.state}: {node.problem}" if node.problem else node.state
    cells = [_cell(node, d, found) for d, found in zip(shown, values, strict=True)]
    head = tag("th", node.name, scope="row")
    return tag("tr", head, tag("td", answer, title=answer), cells, class_="lost" if lost else None)


def _cell(node: FleetNode, difference: Difference, values: dict[str, FleetValue]) -> Markup:
    value = values.get(node.name)
    if value is None:
        return tag("td", "?", class_="unseen")
    text = shortened(value.value)
    if value.reference:
        return tag("td", "·", title=text)
    return tag("td", text, title=text, class_="odd" if difference.compared else None)


def _findings(report: FleetReport) -> Markup | None:
    if not report.findings:
        return None
    items = [
        tag(
            "li",
            tag("strong", f"{f.severity.value} {f.code} "),
            f"{f.message} ",
            tag("code", f.nodes),
        )
        for f in report.findings
    ]
    return tag("section", tag("h2", "What the rules say"), tag("ul", items))
