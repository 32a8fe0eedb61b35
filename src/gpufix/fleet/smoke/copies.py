"""The copy matrix: what each GPU of this machine copies to each other one, checked and timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

BYTES = 256 << 20
_RUNS = 9


def matrix(torch: Any, devices: list[Any], arm: Callable[[str], None]) -> list[dict[str, Any]]:
    """A row for each ordered pair: access, whether the bytes arrived, bytes a second."""
    rows = []
    for one in devices:
        for two in devices:
            if one != two:
                arm(f"copy from {one} to {two}")
                rows.append(_row(torch, one, two))
    return rows


def _row(torch: Any, one: Any, two: Any) -> dict[str, Any]:
    cuda = one.type == "cuda"
    row: dict[str, Any] = {"from": one.index, "to": two.index}
    try:
        row["access"] = bool(torch.cuda.can_device_access_peer(two, one)) if cuda else True
        n = (_size(torch, one, two) if cuda else 4 << 20) // 4
        source = torch.randint(-(1 << 30), 1 << 30, (n,), dtype=torch.int32, device=one)
        target = torch.zeros(n, dtype=torch.int32, device=two)
        row["rate"] = 4 * n / _seconds(torch, source, target)
        row["same"] = bool(torch.equal(source.cpu(), target.cpu()))
    except Exception as error:  # torch's own words are the answer
        row["problem"] = f"{type(error).__name__}: {error}"[:300]
    return row


def _size(torch: Any, *devices: Any) -> int:
    free = min(torch.cuda.mem_get_info(d)[0] for d in devices)
    return BYTES if free > 4 * BYTES else max(4, free // 8 & ~3)


def _seconds(torch: Any, source: Any, target: Any) -> float:
    """The median of some copies, by the host's clock: it waits for both devices."""
    found = []
    for _ in range(_RUNS + 2):  # the first two open the way
        _wait(torch, source, target)
        begin = time.perf_counter()
        target.copy_(source, non_blocking=True)
        _wait(torch, source, target)
        found.append(time.perf_counter() - begin)
    return sorted(found[2:])[_RUNS // 2]


def _wait(torch: Any, *tensors: Any) -> None:
    for tensor in tensors:
        if tensor.device.type == "cuda":
            torch.cuda.synchronize(tensor.device)
