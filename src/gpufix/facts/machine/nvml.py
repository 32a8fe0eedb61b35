"""Asks NVML about the GPUs and prints one JSON object. A child process: NVML can hang.

Run as `python -I -S -B nvml.py PYNVML`, where PYNVML is the file of the nvidia-ml-py module, so
that neither site-packages nor PYTHONPATH is needed. It imports nothing of gpufix.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from typing import Any


def load(path: str) -> Any:
    """The nvidia-ml-py module from its file."""
    folder = [path.rpartition("/")[0]] if path.endswith("__init__.py") else None
    spec = importlib.util.spec_from_file_location("pynvml", path, submodule_search_locations=folder)
    if spec is None or spec.loader is None:
        raise ImportError(f"not a module: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["pynvml"] = module
    spec.loader.exec_module(module)
    return module


def survey(nvml: Any) -> dict[str, Any]:
    """The driver and its devices; what one query refuses is `None`, what a device refuses a note."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return {"error": str(error), "devices": []}
    # Without libcuda.so.1 this call fails while NVML itself works.
    cuda = _ask(nvml, lambda: nvml.nvmlSystemGetCudaDriverVersion_v2())
    return {
        "error": None,
        "driver": _ask(nvml, nvml.nvmlSystemGetDriverVersion),
        "cuda": cuda,
        "devices": [_device(nvml, i) for i in range(min(nvml.nvmlDeviceGetCount(), 256))],
    }


def _device(nvml: Any, index: int) -> dict[str, Any]:
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError as error:
        return {"index": index, "error": str(error)}
    memory = _ask(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    return {
        "index": index,
        "error": None,
        "name": _ask(nvml, lambda: nvml.nvmlDeviceGetName(handle)),
        "capability": _ask(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle)),
        "total": getattr(memory, "total", None),
        "free": getattr(memory, "free", None),
        "processes": _processes(nvml, handle),
    }


def _processes(nvml: Any, handle: Any) -> list[dict[str, Any]]:
    """Compute and graphics processes; one that does both is listed by NVML under both."""
    held: dict[int, int | None] = {}
    for query in (
        nvml.nvmlDeviceGetComputeRunningProcesses,
        nvml.nvmlDeviceGetGraphicsRunningProcesses,
    ):
        # mypy infers no type for a lambda with a default.
        for process in (_ask(nvml, lambda q=query: q(handle)) or [])[:1024]:  # type: ignore[misc]
            known = held.get(process.pid)
            held[process.pid] = process.usedGpuMemory if known is None else known
    return [{"pid": pid, "memory": memory} for pid, memory in held.items()]


def _ask(nvml: Any, query: Callable[[], Any]) -> Any:
    """One answer; `None` where the device or the driver does not support the question."""
    try:
        answer = query()
    except (nvml.NVMLError, AttributeError):  # AttributeError: a binding older than the question
        return None
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


if __name__ == "__main__":
    try:
        result = survey(load(sys.argv[1]))
    except Exception as failure:  # told to the parent, which reports it as a gap
        result = {"failure": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(result))
