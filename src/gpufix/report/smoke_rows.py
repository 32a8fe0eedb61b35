"""One row of the smoke report: compiled, validated, time, share of the roof as a bar."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.model.smoke import CaseRow, DeviceRow, KernelRow

Part = tuple[str, str]
_BAR = 10  # characters of a whole roof


def title_line(target: str, devices: Sequence[DeviceRow]) -> list[Part]:
    """The device's name and roofs, above its kernels."""
    device = next((d for d in devices if d.target == target), None)
    if device is None:
        return [("\n" + target, "bold")]
    parts = [str(device.about.get("name") or "")[:22]]
    parts += [f"{device.bandwidth / 1e9:,.0f} GB/s"] if device.bandwidth else []
    parts += [f"{device.fp32 / 1e12:,.0f} fp32"] if device.fp32 else []
    parts += [f"{device.bf16 / 1e12:,.0f} bf16 TFLOP/s"] if device.bf16 else []
    return [(f"\n{target}", "bold"), (" " + " · ".join(p for p in parts if p), "dim")]


def kernel_line(row: KernelRow, verbose: bool) -> list[list[Part]]:
    """One line; with `verbose`, one more for each case."""
    shown = _telling(row.cases)
    first = [(f"  {row.kernel:<15.15} ", "bold"), _compiled(row), _validated(row)]
    lines = [[*first, *_figures(shown, with_name=True)]]
    if verbose:
        for case in row.cases:
            mark = {"valid": ("✓", "green"), "wrong": ("✗", "red")}.get(case.status, ("–", "dim"))
            lines.append([(f"    {case.name:<26.26} ", "dim"), (f"{mark[0]:<5}", mark[1]),
                          *_figures(case, with_name=False)])  # fmt: skip
    return lines


def headline(ms: float) -> str:
    """A time with three figures: 0.505 ms, 9.51 µs."""
    if ms < 0.1:
        return f"{ms * 1e3:.3g} µs"
    return f"{ms:.3f} ms" if ms < 1 else f"{ms:.2f} ms" if ms < 100 else f"{ms:,.0f} ms"


def _telling(cases: Sequence[CaseRow]) -> CaseRow | None:
    """The longest of the judged cases, else of all."""
    timed = [case for case in cases if case.time_ms]
    return max(timed, key=_weight, default=None)


def _weight(case: CaseRow) -> tuple[bool, float]:
    assert case.time_ms is not None
    return case.judged, case.time_ms.median


def _compiled(row: KernelRow) -> Part:
    if row.compiled == "built":
        words = f"{row.compile_s:.1f} s" if row.compile_s else "✓"
        return f"{words:<8}", "green"
    style = {"cached": "green", "not applicable": "dim", "not tried": "dim"}
    words = {"not applicable": "–", "not tried": "no tool"}.get(row.compiled, row.compiled)
    return f"{words:<8}", style.get(row.compiled, "bold red")


def _validated(row: KernelRow) -> Part:
    if row.ran == "ok":
        return "✓    ", "green"
    if row.ran in ("not run", "not applicable"):
        words = "not applicable" if row.ran == "not applicable" else "not run"
        return f"{words:<5}", "dim"
    return f"✗ {row.cause or row.ran}", "bold red"


def _figures(case: CaseRow | None, with_name: bool) -> list[Part]:
    if case is None or case.time_ms is None:
        return []
    name = f"{case.name:<13.13} " if with_name else ""
    time = (f"{name}{headline(case.time_ms.median):>9}", "")
    if case.fraction is None or case.bound is None:
        return [time]
    style = "cyan" if case.judged else "dim"  # of the others a small share means nothing
    share = f"{case.fraction:4.0%}" if case.fraction >= 0.005 else " <1%"
    filled = min(_BAR, round(case.fraction * _BAR))
    return [time, (" " + "█" * filled, style), ("░" * (_BAR - filled), "dim"),
            (f" {share} {case.bound}", "")]  # fmt: skip
