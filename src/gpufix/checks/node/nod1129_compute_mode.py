"""NOD1129."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, ERROR, Fault, rule
from gpufix.evidence.node_readings import known, label
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import NodeFault

_MODES = {
    1: (ADVICE, "exclusive-thread: one thread can use it"),
    2: (ERROR, "prohibited: no program can use it"),
    3: (ADVICE, "exclusive-process: one program at a time can use it"),
}


@rule("NOD1129", "compute-mode")
def compute_mode(view: View) -> Iterator[Fault | Gap]:
    """A GPU's compute mode keeps programs out.

    ## What it does
    Reads the compute mode.

    ## Why it matters
    In mode prohibited no program gets a CUDA context; in mode exclusive-process one does, and the
    next fails with "all CUDA-capable devices are busy or unavailable".

    ## Example
    `GPU 0 is in compute mode prohibited: no program can use it.`

    ## Severity
    Error for prohibited; advice for exclusive-process, which some sites want.

    ## Fix
    Manual: the default mode.

    ## Source
    nvml.h: nvmlComputeMode_t; CUDA error 46 (cudaErrorDevicesUnavailable).
    """
    for gpu in known(view, "compute_mode"):
        if isinstance(gpu, Gap):
            yield gpu
        elif gpu.compute_mode in _MODES:
            severity, words = _MODES[gpu.compute_mode]
            yield Fault(
                severity=severity,
                subject=label(gpu),
                message=f"{label(gpu)} is in compute mode {words}.",
                payload=NodeFault("compute-mode", gpu=gpu.index),
            )
