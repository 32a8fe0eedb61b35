"""SRC608."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence import cxx, hip_blocks
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.model import Evidence
from gpufix.model.source_payload import ProjectFile


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
        passes = cxx.cuda_passes(view, cxx.source_kinds(view).get(path))
        passes = cxx.hip_passes(view) if hip else passes
        for barrier in facts.barriers:
            if not cxx.live(facts.macros, barrier.guards, passes):
                continue
            place, line, at = absolute(view, path), barrier.line, barrier.condition_line
            yield Fault(
                severity=WARNING,
                subject=f"{path}:{line}",
                message=f'{path} calls {barrier.name}() at line {line} under "{barrier.condition}" '
                f"(line {at}), which differs between the threads of a block.",
                evidence=(
                    Evidence(text=barrier.name, path=place, line=line),
                    Evidence(text=barrier.condition, path=place, line=at),
                ),
                payload=ProjectFile(path),
            )
