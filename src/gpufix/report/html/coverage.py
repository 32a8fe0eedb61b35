"""The matrix of libraries and targets: served by machine code, by compiling PTX, or not."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence.coverage import Row
from gpufix.evidence.gpu_code import Service
from gpufix.model import Target
from gpufix.report.html.markup import Markup, joined, tag

_WORDS = {
    Service.native: ("✓ native", "ok"),
    Service.jit: ("◐ by JIT", "warning"),
    Service.partly: ("◑ in part", "error"),
    Service.too_new: ("✗ PTX too new", "error"),
    Service.none: ("✗ no code", "error"),
    Service.unknown: ("? unknown", "advice"),
}
_FEW = 12


def coverage(rows: Sequence[Row], targets: Sequence[Target]) -> Markup | None:
    """None where nothing holds GPU code. Of many rows, those that are well are folded away."""
    if not rows:
        return None
    if len(rows) <= _FEW or not targets:
        return joined(_legend(targets), _table(rows, targets))
    wanting = [row for row in rows if not row.complete]
    complete = [row for row in rows if row.complete]
    folded = tag(
        "details",
        tag("summary", f"{len(complete)} more, served by machine code everywhere"),
        _table(complete, targets),
    )
    return joined(
        _legend(targets),
        _table(wanting, targets) if wanting else None,
        folded if complete else None,
    )


def _legend(targets: Sequence[Target]) -> Markup:
    if not targets:
        text = "No GPU is named, so this says only which code is there."
    else:
        text = (
            "Native: machine code for the GPU. By JIT: PTX that the driver compiles at the first "
            "start. A distribution counts as one."
        )
    return tag("p", text, class_="note")


def _table(rows: Sequence[Row], targets: Sequence[Target]) -> Markup:
    heads = [
        tag("th", name, scope="col") for name in ("Library", *(t.arch for t in targets), "Holds")
    ]
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", heads)),
            tag("tbody", [_row(row, targets) for row in rows]),
            class_="matrix",
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label="GPU code of each library",
    )


def _row(row: Row, targets: Sequence[Target]) -> Markup:
    version = tag("span", f" {row.version}", class_="version") if row.version else None
    return tag(
        "tr",
        tag("th", row.subject, version, scope="row"),
        [_cell(row, target) for target in targets],
        tag("td", row.holds, class_="holds"),
    )


def _cell(row: Row, target: Target) -> Markup:
    how = row.served.get(target.arch)
    words, tone = _WORDS[how] if how else ("–", "none")
    return tag("td", words, class_=f"how {tone}", data_for=target.arch)
