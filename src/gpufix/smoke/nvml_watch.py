"""Prints a GPU's state every 50 ms, one JSON object a line. A child process: NVML can hang.

Run as `python -I -S -B nvml_watch.py NVML_SCRIPT PYNVML BUS_ID SECONDS`, where NVML_SCRIPT is
facts/machine/nvml.py (which loads the nvidia-ml-py module from its file) and BUS_ID as the runtime gives
it. It imports nothing of gpufix.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from typing import Any

_INTERVAL_S = 0.05
_IDLE = 0x1  # nvmlClocksThrottleReasonGpuIdle: low clocks because nothing runs


def sample(nvml: Any, handle: Any) -> dict[str, Any]:
    """Utilization in percent over the driver's last period, other reasons for low clocks."""
    reasons = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    return {
        "busy": nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
        "throttled": bool(reasons & ~_IDLE),
        "processes": len(nvml.nvmlDeviceGetComputeRunningProcesses(handle)),
    }


def divided(nvml: Any, handle: Any) -> bool:
    """Whether this is a part of a GPU (MIG): the driver's bandwidth is then that of the whole."""
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except nvml.NVMLError:
        return False  # GPUs that cannot be divided refuse the question


def watch(script: str, module: str, bus_id: str, seconds: float) -> None:
    """Print samples until the time is over."""
    nvml = runpy.run_path(script, run_name="nvml")["load"](module)
    nvml.nvmlInit()
    handle = nvml.nvmlDeviceGetHandleByPciBusId(bus_id.encode())
    print(json.dumps({"divided": divided(nvml, handle)}), flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        print(json.dumps(sample(nvml, handle)), flush=True)
        time.sleep(_INTERVAL_S)


if __name__ == "__main__":
    watch(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
