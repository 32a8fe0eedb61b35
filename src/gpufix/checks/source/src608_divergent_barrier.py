"""SRC608."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence import cxx, hip_blocks
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.model import Evidence
from gpufix.model.source_payload import ProjectFile
from gpufix.source.source_facts import Barrier


@rule("SRC608", "divergent-barrier")
def divergent_barrier(view: View) -> Iterator[Fault]:
    """A barrier of the whole block stands under a condition that differs between its threads.

    ## What it does
    Follows, within each kernel and device function, which local variables depend on the thread's
    number, and looks for `__syncthreads()` in branches and loops whose condition uses one. A value
    that a block-wide vote returned, or that lies in shared memory, is the same for all.

    ## Why it matters
    The behaviour is undefined: some GPUs hang, others go on with wrong data.

    ## Example
    `sort.cu calls __syncthreads() at line 41 under "tid < n" (line 38), which differs between the
    threads of a block.`

    ## Severity
    Warning: whether the threads differ depends on the sizes at run time.

    ## Fix
    None: the barrier belongs outside, which only the author can do. It is shown.

    ## Source
    CUDA C++ programming guide, synchronisation functions; HIP's kernel language.
    """
    hip = bool(hip_blocks.gfx_targets(view))
    for path, facts in cxx.own_files(view).items():
        kind = cxx.source_kinds(view).get(path)
        if kind == "hip" and not hip:
            continue  # no CUDA build compiles it
        passes = cxx.hip_passes(view) if hip else cxx.cuda_passes(view, kind)
        kernels: dict[str, list[Barrier]] = {}
        for barrier in facts.barriers:
            if cxx.live(facts.macros, barrier.guards, passes):
                kernels.setdefault(barrier.function, []).append(barrier)
        for barriers in kernels.values():
            yield _fault(view, path, barriers)


def _fault(view: View, path: str, barriers: list[Barrier]) -> Fault:
    """One for a kernel: its barriers are moved together."""
    first, place = barriers[0], absolute(view, path)
    same = [str(b.line) for b in barriers if b.name == first.name]
    lines = f"line {same[0]}" if len(same) == 1 else f"lines {', '.join(same)}"
    rows = [row for b in barriers for row in ((b.line, b.name), (b.condition_line, b.condition))]
    return Fault(
        severity=WARNING,
        subject=f"{path}:{first.line}",
        message=f'{path} calls {first.name}() at {lines} under "{first.condition}" '
        f"(line {first.condition_line}), which differs between the threads of a block.",
        evidence=tuple(
            Evidence(text=text, path=place, line=line) for line, text in dict.fromkeys(rows)
        ),
        payload=ProjectFile(path),
    )
