"""SRC601 where nvcc is started without torch: by a setup.py itself, and by Makefiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.evidence import arch_lists as arch
from gpufix.evidence.make_calls import make_calls
from gpufix.evidence.nvcc_calls import NvccCall, nvcc_calls
from gpufix.evidence.source_view import at, for_tests
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.source_payload import NvccFlags


def faults(view: View) -> Iterator[Fault | Gap]:
    """subprocess.check_call(["nvcc", "-gencode", …]): torch adds nothing to it."""
    if arch.vendor(view) == "amd":
        return
    for path, calls in nvcc_calls(view):
        if not for_tests(path):
            yield from _refused(view, path, [c for c in calls if c.sure])
            yield from _missed(view, path, calls)
    for row in make_calls(view):
        yield from (row,) if isinstance(row, Gap) else _of_make(view, *row)


def _of_make(view: View, path: str, calls: list[NvccCall]) -> Iterator[Fault]:
    """Whether somebody runs make is not known, and a Makefile of a folder has goals beside the first."""
    default = [call for call in calls if call.sure]
    for fault in (*_refused(view, path, default), *_missed(view, path, default or calls)):
        most = WARNING if default else ADVICE
        yield replace(fault, severity=min(fault.severity, most, key=lambda s: s.rank))


def _missed(view: View, path: str, calls: list[NvccCall]) -> Iterator[Fault]:
    rows = [call for call in calls if arch.missed(view, call.archs)]
    rows = [call for call in rows if not arch.refused(view, call.archs)[1]]
    if not rows:
        return
    missed = arch.missed(view, rows[0].archs)
    variants = tuple(dict.fromkeys(arch.variants(flag for call in calls for flag in call.flags)))
    yield Fault(
        severity=ADVICE if variants else arch.severity(view, missed, rows[0].sure),
        subject=path,
        message=f"{path} starts nvcc for {arch.named(rows[0].flags)}; nothing of that runs on "
        f"{arch.listed(missed)}.",
        evidence=tuple(at(view, *call.place, call.spelled) for call in rows[:8]),
        payload=NvccFlags(
            path, refused=False, one=any(call.one for call in rows), variants=variants
        ),
    )


def _refused(view: View, path: str, calls: list[NvccCall]) -> Iterator[Fault]:
    rows = [(call, *arch.refused(view, call.archs)) for call in calls]
    rows = [row for row in rows if row[2]]
    if not rows:
        return
    _, cuda, bad = rows[0]
    yield Fault(
        severity=ERROR,
        subject=path,
        message=f"{path} starts nvcc for {', '.join(bad)}; nvcc {cuda} generates no code for "
        f"{'it' if len(bad) == 1 else 'them'}.",
        evidence=tuple(at(view, *call.place, call.spelled) for call, _, _ in rows[:8]),
        payload=NvccFlags(path, refused=True, one=False),
    )
