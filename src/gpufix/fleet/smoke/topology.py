"""What NVML says of the ways between the GPUs of this machine. A process of its own: NVML can hang.

    python topology.py

Prints one JSON object. pynvml comes beside it.
"""

from __future__ import annotations

import json
from typing import Any

# nvmlGpuTopologyLevel_t and nvmlGpuP2PStatus_t, <nvml.h> of the driver 580.
LEVELS = {
    0: "same board",
    10: "PCIe switch",
    20: "PCIe switches",
    30: "host bridge",
    40: "NUMA node",
    50: "across sockets",
}
STATUS = {
    0: "ok",
    1: "chipset not supported",
    2: "GPU not supported",
    3: "topology not supported",
    4: "disabled by a registry key",
    5: "not supported",
}
_READ = 0  # NVML_P2P_CAPS_INDEX_READ
_LINKS = 18  # NVML_NVLINK_MAX_LINKS


def survey(nvml: Any) -> dict[str, Any]:
    """The GPUs with their NVLinks, and each pair's common ancestor and P2P status."""
    nvml.nvmlInit()
    handles = [
        nvml.nvmlDeviceGetHandleByIndex(i) for i in range(min(nvml.nvmlDeviceGetCount(), 64))
    ]
    gpus = [_gpu(nvml, handle) for handle in handles]
    pairs = [
        _pair(nvml, handles, gpus, a, b) for a in range(len(handles)) for b in range(len(handles)) if a != b
    ]  # fmt: skip
    return {"gpus": gpus, "pairs": pairs}


def _gpu(nvml: Any, handle: Any) -> dict[str, Any]:
    states = [_ask(nvml, "nvmlDeviceGetNvLinkState", handle, n) for n in range(_LINKS)]
    remote = [
        _ask(nvml, "nvmlDeviceGetNvLinkRemotePciInfo", handle, n)
        for n, state in enumerate(states)
        if state == 1
    ]
    return {
        "bus_id": _bus(_ask(nvml, "nvmlDeviceGetPciInfo", handle)),
        "up": sum(state == 1 for state in states),
        "down": sum(state == 0 for state in states),
        "remote": [_bus(one) for one in remote if one is not None],
    }


def _pair(
    nvml: Any, handles: list[Any], gpus: list[dict[str, Any]], a: int, b: int
) -> dict[str, Any]:
    one, two = handles[a], handles[b]
    level = _ask(nvml, "nvmlDeviceGetTopologyCommonAncestor", one, two)
    status = _ask(nvml, "nvmlDeviceGetP2PStatus", one, two, _READ)
    return {
        "from": gpus[a]["bus_id"],
        "to": gpus[b]["bus_id"],
        "ancestor": LEVELS.get(level) if level is not None else None,
        "status": STATUS.get(status) if status is not None else None,
        "nvlinks": _nvlinks(gpus[a], gpus[b]),
    }


def _nvlinks(one: dict[str, Any], two: dict[str, Any]) -> int:
    """Links from one GPU to another: straight, or all of them where both lead to switches."""
    straight = one["remote"].count(two["bus_id"])
    if straight:
        return int(straight)
    switches = set(one["remote"]) & set(two["remote"])
    return min(sum(r in switches for r in g["remote"]) for g in (one, two)) if switches else 0


def _ask(nvml: Any, query: str, *about: Any) -> Any:
    """None where it is not supported, or the binding is older than the question."""
    try:
        return getattr(nvml, query)(*about)
    except (nvml.NVMLError, AttributeError):
        return None


def _bus(info: Any) -> str:
    """The place on the bus, of a PCI description."""
    value = getattr(info, "busId", "")
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def bus(text: str) -> str:
    """A bus ID as CUDA and NVML both have it: the domain with its last four digits."""
    domain, _, rest = text.lower().partition(":")
    return domain[-4:] + ":" + rest


if __name__ == "__main__":
    try:
        import pynvml

        answer = survey(pynvml)
    except Exception as failure:  # no driver, no binding: told to the parent
        answer = {"problem": type(failure).__name__ + ": " + str(failure)}
    print(json.dumps(answer))
