"""The smoke suite's run: a roofline for each device as SVG, and the figures as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gpufix.frozen import Frozen
from gpufix.model.smoke_result import CaseRow, DeviceRow, KernelRow, SmokeReport
from gpufix.report.html.markup import Markup, joined, tag
from gpufix.report.smoke_table import headline

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 20, 48
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


class Point(Frozen):
    """One case: operations per byte, operations per second."""

    kernel: str
    case: str
    intensity: float
    rate: float


class _Axes(Frozen):
    """Decades that both axes span: 10^first … 10^last."""

    x: tuple[int, int]
    y: tuple[int, int]

    def at(self, intensity: float, rate: float) -> tuple[float, float]:
        return (
            _LEFT + (_WIDTH - _LEFT - _RIGHT) * _part(intensity, self.x),
            _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * _part(rate, self.y),
        )


def figure(device: DeviceRow, points: Sequence[Point]) -> Markup | None:
    """None without a bandwidth or without points: there is nothing to plot against."""
    if not device.bandwidth or not points:
        return None
    axes = _axes(device.bandwidth, device, points)
    text = "Each numbered point is a case of the table; the line is what the device can do at most."
    drawing = tag(
        "svg",
        tag("title", f"Roofline of {device.about.get('name') or device.target}"),
        joined(_grid(axes)),
        joined(_roofs(device, axes)),
        joined(_dots(points, axes)),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label="Roofline plot; the table below holds its figures",
    )
    return tag("figure", drawing, tag("figcaption", text), tabindex="0")


def _axes(bandwidth: float, device: DeviceRow, points: Sequence[Point]) -> _Axes:
    peaks = [peak for peak in (device.fp32, device.bf16) if peak]
    top = max([*peaks, *(p.rate for p in points)])
    knee = top / bandwidth
    xs = [p.intensity for p in points] + [knee]
    low = min(p.rate for p in points)
    return _Axes(_decades(min(xs), max(xs) * 2), _decades(low, top * 1.2))


def _decades(low: float, high: float) -> tuple[int, int]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return first, max(last, first + 1)


def _part(value: float, decades: tuple[int, int]) -> float:
    first, last = decades
    return min(max((math.log10(value) - first) / (last - first), 0.0), 1.0)


def _grid(axes: _Axes) -> Iterator[Markup]:
    bottom, left = 10.0 ** axes.y[0], 10.0 ** axes.x[0]
    for power in range(axes.x[0], axes.x[1] + 1):
        x, y = axes.at(10.0**power, bottom)
        yield _line((x, _TOP), (x, y), "axis")
        yield _text(x, y + 20, f"{10.0**power:g}", "middle")
    for power in range(axes.y[0], axes.y[1] + 1):
        x, y = axes.at(left, 10.0**power)
        yield _line((x, y), (_WIDTH - _RIGHT, y), "axis")
        yield _text(x - 8, y + 4, _rate(10.0**power), "end")
    yield _text(_WIDTH - _RIGHT, _HEIGHT - 6, "operations per byte", "end")
    yield _text(_LEFT + 8, _TOP + 14, "operations per second", "start")


def _roofs(device: DeviceRow, axes: _Axes) -> Iterator[Markup]:
    bandwidth = device.bandwidth
    assert bandwidth
    for name, peak in (("fp32", device.fp32), ("bf16", device.bf16)):
        if not peak:
            continue
        knee = peak / bandwidth
        start = max(10.0 ** axes.x[0], 10.0 ** axes.y[0] / bandwidth)
        ends = (
            axes.at(start, start * bandwidth),
            axes.at(knee, peak),
            axes.at(10.0 ** axes.x[1], peak),
        )
        yield tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in ends), class_="roof")
        x, y = ends[-1]
        yield _text(x - 4, y - 7, f"{name} {_rate(peak)}", "end")


def _dots(points: Sequence[Point], axes: _Axes) -> Iterator[Markup]:
    for number, point in enumerate(points, 1):
        x, y = axes.at(point.intensity, point.rate)
        about = tag("title", f"{point.kernel} {point.case}: {_rate(point.rate)}")
        dot = tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="9", class_="point")
        label = tag("text", str(number), x=f"{x:.1f}", y=f"{y + 4:.1f}", class_="number")
        yield tag("g", about, dot, label)


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Markup:
    (x1, y1), (x2, y2) = start, end
    return tag("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_=kind)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _rate(value: float) -> str:
    """ "60 T": operations per second with a unit's letter."""
    for size, letter in _UNITS:
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def smoke(report: SmokeReport | None) -> Markup | None:
    """None without a saved run."""
    if report is None:
        return None
    devices = [_device(device, report.kernels) for device in report.devices]
    note = None if report.devices else tag("p", "No kernel ran: compiled only.", class_="note")
    return joined(note, devices, _failures(report.kernels))


def _device(device: DeviceRow, kernels: Sequence[KernelRow]) -> Markup:
    rows = [
        (k.kernel, c)
        for k in kernels
        if k.target == device.target and k.ordinal in (None, device.ordinal)
        for c in k.cases
        if c.time_ms
    ]
    points = _points(rows)
    numbers = {(p.kernel, p.case): str(n) for n, p in enumerate(points, 1)}
    name = str(device.about.get("name") or device.target)
    where = f" {device.target}" + (f" GPU {device.ordinal}" if device.ordinal else "")
    return joined(
        tag("h3", name, tag("span", where, class_="version")),
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
