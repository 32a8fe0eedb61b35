"""Asks NVML how its GPUs are, and prints a line of JSON for each step. A child process: NVML can hang.

What was printed before it hung counts. A reading that a GPU has none of is "unsupported", one that
could not be had is "unread", with why. Standard library and nvidia-ml-py, no other module.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gpufix.facts.machine.nvml import load

SAMPLES_APART = 0.1  # seconds, at least
_NOT_SUPPORTED, _NO_PERMISSION, _TOO_OLD, _LOST, _RESET = 3, 4, 13, 15, 16
_INVALID_ARGUMENT = 2
_RECOVERY_ACTION = 230  # NVML_FI_DEV_GET_GPU_RECOVERY_ACTION
_UNCORRECTED, _CORRECTED, _VOLATILE, _DRAM, _SRAM = 1, 0, 0, 2, 7
_SINGLE, _DOUBLE = 0, 1  # causes of a page's retirement
_LINKS = 36  # of one GPU at most; NVML_NVLINK_MAX_LINKS
# Errors of NVLinks: fields with the total of all links, and the counters of one link.
_CRC = ((38, 45), (2, 3))
_REPLAYS = ((52,), (0,))
_RECOVERIES = ((59,), (1,))
_WORDS = {
    _NO_PERMISSION: "no permission",
    _TOO_OLD: "the driver is too old for this question",
    _INVALID_ARGUMENT: "the driver does not know this question",
}


class Reader:
    """The readings of one GPU."""

    def __init__(self, nvml: Any, index: int) -> None:
        self.nvml, self.index = nvml, index
        self.handle: Any = None
        self.row: dict[str, Any] = {"index": index, "unsupported": [], "unread": {}}
        try:
            self.handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except nvml.NVMLError as error:
            self.fails(error)

    def fails(self, error: Exception) -> None:
        """It gives no access at all."""
        value = getattr(error, "value", None)
        self.row["error"] = str(error)
        self.row["lost"] = self.row.get("lost", False) or value == _LOST
        self.row["reset_required"] = self.row.get("reset_required", False) or value == _RESET

    def ask(self, names: str, query: Callable[[Any, Any], Sequence[Any]]) -> None:
        """One query, which answers one or several readings."""
        keys = names.split()
        try:
            answers = query(self.nvml, self.handle)
        except self.nvml.NVMLError as error:
            value = getattr(error, "value", None)
            if value == _NOT_SUPPORTED:
                self.row["unsupported"] += keys
                return
            if value in (_LOST, _RESET):
                self.fails(error)
            reason = _WORDS.get(value or 0, str(error))
            self.row["unread"].update(dict.fromkeys(keys, reason))
        except AttributeError:
            reason = "nvidia-ml-py is too old for this question"
            self.row["unread"].update(dict.fromkeys(keys, reason))
        except Exception as error:  # the binding's own: each release has other signatures
            self.row["unread"].update(dict.fromkeys(keys, f"nvidia-ml-py: {error!r}"))
        else:
            self.row.update(zip(keys, answers, strict=True))


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _address(nvml: Any, handle: Any) -> tuple[str]:
    """As the kernel writes it: NVML's domain has eight digits."""
    found = str(_text(nvml.nvmlDeviceGetPciInfo(handle).busId)).lower()
    return (found[-12:],)


def _sram_threshold(nvml: Any, handle: Any) -> tuple[bool]:
    status = nvml.c_nvmlEccSramErrorStatus_v1_t()
    nvml.nvmlDeviceGetSramEccErrorStatus(handle, ctypes.byref(status))
    return (bool(status.bThresholdExceeded),)


def _fabric(nvml: Any, handle: Any) -> tuple[int, ...]:
    """state, status, mask; the summary of the third version where the driver has it."""
    try:
        whole = nvml.c_nvmlGpuFabricInfo_v3_t()
        nvml.nvmlDeviceGetGpuFabricInfoV(handle, ctypes.byref(whole))
        return whole.state, whole.status, whole.healthMask, whole.healthSummary
    except nvml.NVMLError as error:
        if getattr(error, "value", None) not in (_INVALID_ARGUMENT, 25):  # 25: another version
            raise
    older = nvml.c_nvmlGpuFabricInfo_v2_t()
    nvml.nvmlDeviceGetGpuFabricInfoV(handle, ctypes.byref(older))
    return older.state, older.status, older.healthMask, 0


def _field(nvml: Any, handle: Any, number: int) -> int:
    """Raises NVMLError as the field itself says."""
    (found,) = nvml.nvmlDeviceGetFieldValues(handle, [number])
    if found.nvmlReturn:
        raise nvml.NVMLError(found.nvmlReturn)
    kinds = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}
    return int(getattr(found.value, kinds[found.valueType]))


def _links(nvml: Any, handle: Any) -> tuple[list[bool]]:
    """Of the links that it has. Raises NVMLError where it has none."""
    found = []
    for link in range(_LINKS):
        try:
            found.append(bool(nvml.nvmlDeviceGetNvLinkState(handle, link)))
        except nvml.NVMLError as error:
            value = getattr(error, "value", None)
            if not (found and value in (_NOT_SUPPORTED, _INVALID_ARGUMENT)):
                raise
            break
    return (found,)


def _errors(nvml: Any, handle: Any, kind: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[int]:
    """Since Hopper only each link has its counters."""
    totals, counters = kind
    try:
        return (sum(_field(nvml, handle, number) for number in totals),)
    except nvml.NVMLError as error:
        if getattr(error, "value", None) != _NOT_SUPPORTED:
            raise
    return (sum(_of_links(nvml, handle, counter) for counter in counters),)


def _of_links(nvml: Any, handle: Any, counter: int) -> int:
    found = []
    for link in range(_LINKS):
        try:
            found.append(nvml.nvmlDeviceGetNvLinkErrorCounter(handle, link, counter))
        except nvml.NVMLError as error:
            value = getattr(error, "value", None)
            if not (found and value in (_NOT_SUPPORTED, _INVALID_ARGUMENT)):
                raise
            break
    return sum(found)


def _instances(nvml: Any, handle: Any) -> tuple[int]:
    """MIG devices that are there; none where MIG is off."""
    found = 0
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
            found += 1
        except nvml.NVMLError:
            continue
    return (found,)


def _processes(nvml: Any, handle: Any) -> tuple[int]:
    kinds = (
        nvml.nvmlDeviceGetComputeRunningProcesses,
        nvml.nvmlDeviceGetGraphicsRunningProcesses,
    )
    return (len({process.pid for kind in kinds for process in kind(handle)}),)


def _events(nvml: Any, handle: Any) -> tuple[int]:
    newest = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
    try:
        if newest is not None:
            return (newest(handle),)
    except nvml.NVMLError as error:
        if getattr(error, "value", None) != _TOO_OLD:
            raise
    return (nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),)


# Asked twice: these rise, or must be seen twice.
COUNTERS: dict[str, Callable[[Any, Any], Sequence[Any]]] = {
    "clock_events": _events,
    "pcie_replays": lambda n, h: (n.nvmlDeviceGetPcieReplayCounter(h),),
    "nvlink_crc": lambda n, h: _errors(n, h, _CRC),
    "nvlink_replays": lambda n, h: _errors(n, h, _REPLAYS),
    "nvlink_recoveries": lambda n, h: _errors(n, h, _RECOVERIES),
}

ONCE: dict[str, Callable[[Any, Any], Sequence[Any]]] = {
    "address": _address,
    "name": lambda n, h: (_text(n.nvmlDeviceGetName(h)),),
    "ecc_current ecc_pending": lambda n, h: [bool(m) for m in n.nvmlDeviceGetEccMode(h)],
    "ecc_uncorrected": lambda n, h: (n.nvmlDeviceGetTotalEccErrors(h, _UNCORRECTED, _VOLATILE),),
    "ecc_corrected": lambda n, h: (n.nvmlDeviceGetTotalEccErrors(h, _CORRECTED, _VOLATILE),),
    "ecc_sram_corrected": lambda n, h: (
        n.nvmlDeviceGetMemoryErrorCounter(h, _CORRECTED, _VOLATILE, _SRAM),
    ),
    "ecc_dram_corrected": lambda n, h: (
        n.nvmlDeviceGetMemoryErrorCounter(h, _CORRECTED, _VOLATILE, _DRAM),
    ),
    "sram_threshold": _sram_threshold,
    "remapped remap_pending remap_failure": lambda n, h: (
        (rows := n.nvmlDeviceGetRemappedRows(h))[1],
        bool(rows[2]),
        bool(rows[3]),
    ),
    "unrepairable": lambda n, h: (bool(n.nvmlDeviceGetUnrepairableMemoryFlag_v1(h)),),
    "retired_single": lambda n, h: (len(n.nvmlDeviceGetRetiredPages(h, _SINGLE)),),
    "retired_double": lambda n, h: (len(n.nvmlDeviceGetRetiredPages(h, _DOUBLE)),),
    "retired_pending": lambda n, h: (bool(n.nvmlDeviceGetRetiredPagesPendingStatus(h)),),
    "recovery_action": lambda n, h: (_field(n, h, _RECOVERY_ACTION),),
    "temperature": lambda n, h: (n.nvmlDeviceGetTemperature(h, 0),),
    "temperature_slowdown": lambda n, h: (n.nvmlDeviceGetTemperatureThreshold(h, 1),),
    "power": lambda n, h: (n.nvmlDeviceGetPowerUsage(h),),
    "performance_state": lambda n, h: (n.nvmlDeviceGetPerformanceState(h),),
    "utilization": lambda n, h: (n.nvmlDeviceGetUtilizationRates(h).gpu,),
    "pcie_width": lambda n, h: (n.nvmlDeviceGetCurrPcieLinkWidth(h),),
    "pcie_width_max": lambda n, h: (n.nvmlDeviceGetMaxPcieLinkWidth(h),),
    "pcie_generation": lambda n, h: (n.nvmlDeviceGetCurrPcieLinkGeneration(h),),
    "pcie_generation_max": lambda n, h: (n.nvmlDeviceGetMaxPcieLinkGeneration(h),),
    "nvlinks": _links,
    "fabric_state fabric_status fabric_health fabric_summary": _fabric,
    "mig_current mig_pending": lambda n, h: [bool(m) for m in n.nvmlDeviceGetMigMode(h)],
    "mig_instances": _instances,
    "compute_mode": lambda n, h: (n.nvmlDeviceGetComputeMode(h),),
    "persistence": lambda n, h: (bool(n.nvmlDeviceGetPersistenceMode(h)),),
    "memory_used": lambda n, h: (int(n.nvmlDeviceGetMemoryInfo(h, n.nvmlMemory_v2).used),),
    "processes": _processes,
    "vbios": lambda n, h: (_text(n.nvmlDeviceGetVbiosVersion(h)),),
}


def survey(nvml: Any, nodes: Mapping[str, str], say: Callable[[Any], None]) -> None:
    """`nodes`: the device node of each GPU on the bus."""
    try:
        nvml.nvmlInit()
        count = min(nvml.nvmlDeviceGetCount(), 64)
    except nvml.NVMLError as error:
        say({"error": str(error)})
        return
    driver: dict[str, Any] = {"driver": None, "cuda": None}
    for key, name in (
        ("driver", "nvmlSystemGetDriverVersion"),
        ("cuda", "nvmlSystemGetCudaDriverVersion_v2"),
    ):
        try:
            driver[key] = _text(getattr(nvml, name)())
        except (nvml.NVMLError, AttributeError):
            continue
    say({**driver, "count": count})
    readers = [Reader(nvml, index) for index in range(count)]
    begin = time.monotonic()
    for reader in readers:
        _sample(reader)
    for reader in readers:
        say({"at": reader.index})
        for names, query in ONCE.items() if reader.handle is not None else ():
            reader.ask(names, query)
        say({"gpu": reader.row})
    time.sleep(max(0.0, SAMPLES_APART - (time.monotonic() - begin)))
    look = time.monotonic() - begin
    for reader in readers:
        say({"again": reader.index, "look": look, "counters": _again(reader)})
    listed = {reader.row.get("address") for reader in readers}
    say({"opens": {a: _opens(node) for a, node in nodes.items() if a not in listed}})


def _sample(reader: Reader) -> None:
    for name, query in COUNTERS.items() if reader.handle is not None else ():
        reader.ask(name, query)


def _again(reader: Reader) -> dict[str, int]:
    later = Reader(reader.nvml, reader.index)
    _sample(later)
    return {name: later.row[name] for name in COUNTERS if name in later.row}


def _opens(node: str) -> str:
    """Whether a GPU that NVML does not list may be opened: not where a scheduler shares GPUs out."""
    try:
        os.close(os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return {1: "EPERM", 2: "ENOENT", 5: "EIO", 6: "ENXIO", 13: "EACCES", 19: "ENODEV"}.get(
            error.errno or 0, str(error.errno)
        )
    return "yes"


def main() -> None:
    """`nvml_health PYNVML NODES`"""

    def say(value: Any) -> None:
        print(json.dumps(value), flush=True)

    try:
        survey(load(sys.argv[1]), json.loads(sys.argv[2]), say)
    except Exception as failure:  # the parent reports it as a gap
        say({"failure": f"{type(failure).__name__}: {failure}"})
