"""The smoke suite's run: a roofline for each device, and the figures as a table."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.model.smoke import CaseRow, DeviceRow, KernelRow, SmokeReport
from gpufix.report.html.markup import Markup, joined, tag
from gpufix.report.html.roofline import Point, figure
from gpufix.report.smoke_rows import headline


def smoke(report: SmokeReport | None) -> Markup | None:
    """None without a saved run."""
    if report is None:
        return None
    devices = [_device(device, report.kernels) for device in report.devices]
    note = None if report.devices else tag("p", "No kernel ran: compiled alone.", class_="note")
    return joined(note, devices, _failures(report.kernels))


def _device(device: DeviceRow, kernels: Sequence[KernelRow]) -> Markup:
    rows = [
        (k.kernel, c) for k in kernels if k.target == device.target for c in k.cases if c.time_ms
    ]
    points = _points(rows)
    numbers = {(p.kernel, p.case): str(n) for n, p in enumerate(points, 1)}
    name = str(device.about.get("name") or device.target)
    return joined(
        tag("h3", name, tag("span", f" {device.target}", class_="version")),
        figure(device, points),
        _table(rows, numbers),
    )


def _points(rows: Sequence[tuple[str, CaseRow]]) -> list[Point]:
    """Of the cases that both move bytes and compute."""
    from gpufix.kernels.formula import FormulaError
    from gpufix.kernels.manifest import suite

    known = {kernel.name: kernel for kernel in suite()}
    found = []
    for kernel, case in rows:
        about = known[kernel].case(case.name) if kernel in known else None
        if about is None or case.time_ms is None or case.status != "valid":
            continue
        try:
            moved, done = about.cost(case.sizes)
        except FormulaError:
            continue
        if moved and done:
            seconds = case.time_ms.median / 1e3
            found.append(Point(kernel, case.name, done / moved, done / seconds))
    return found


def _table(rows: Sequence[tuple[str, CaseRow]], numbers: dict[tuple[str, str], str]) -> Markup:
    heads = (
        ("№", "num"),
        ("Kernel", None),
        ("Case", None),
        ("Median", "num"),
        ("Of the roof", "num"),
    )
    return tag(
        "div",
        tag(
            "table",
            tag(
                "thead",
                tag("tr", [tag("th", name, scope="col", class_=kind) for name, kind in heads]),
            ),
            tag("tbody", [_row(kernel, case, numbers) for kernel, case in rows]),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label="Times of the suite",
    )


def _row(kernel: str, case: CaseRow, numbers: dict[tuple[str, str], str]) -> Markup:
    time = headline(case.time_ms.median) if case.time_ms else "–"
    share = f"{case.fraction:.0%} {case.bound}" if case.fraction is not None else "–"
    return tag(
        "tr",
        tag("td", numbers.get((kernel, case.name), ""), class_="num"),
        tag("th", kernel, scope="row"),
        tag("td", case.name),
        tag("td", time, class_="num"),
        tag("td", share, class_="num"),
    )


def _failures(kernels: Sequence[KernelRow]) -> Markup | None:
    bad = [k for k in kernels if k.compiled in ("failed", "timeout") or k.ran in
           ("wrong", "error", "crashed", "timeout", "bad output")]  # fmt: skip
    if not bad:
        return None
    items = [
        tag("li", tag("strong", f"{k.kernel} for {k.target}: "), k.cause or k.message or k.ran)
        for k in bad
    ]
    return joined(tag("p", "Failed:", class_="note"), tag("ul", items, class_="consequences"))
