"""Runs in the patient: whether this torch computes right on one GPU, and how fast it copies and multiplies.

    python quick.py --device N     torch's ordinal
    python quick.py --cpu          for tests: every case on the CPU, timed by the clock

Prints the JSON lines that every program of the suite prints. Standard library and torch only; no compiler.
"""

from __future__ import annotations

import ctypes
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

SIZE = 2048  # of the timed product on the smallest GPUs
COPY_BYTES = 512 << 20  # beyond any cache
RUNS = 31
WARM_S = 0.1  # clocks rise only under load
BUDGET_S = 0.5  # of one timed case
# Of the driver's cuDeviceGetAttribute, which knows them under every torch.
ATTRIBUTES = {"clock_khz": 13, "memory_clock_khz": 36, "bus_bits": 37, "integrated": 18}


def say(**line: Any) -> None:
    print(json.dumps(dict(kernel="torch_quick", **line)), flush=True)


def fail(name: str, text: str, call: str) -> NoReturn:
    error = {"name": name, "text": text[-8000:], "call": call, "where": "quick.py"}
    say(status="error", error=error)
    sys.exit(3)


def import_torch() -> Any:
    try:
        import torch

        return torch
    except Exception as error:
        fail(type(error).__name__, str(error), "import torch")


def open_gpu(torch: Any, ordinal: int) -> Any:
    """The device, after its line is printed."""
    built = torch.version.cuda or getattr(torch.version, "hip", None)
    if not built:
        text = "torch " + torch.__version__ + " is built for the CPU"
        fail("NoGpu", text, "torch.version.cuda")
    try:
        torch.cuda.init()
        count = torch.cuda.device_count()
    except Exception as error:
        fail(type(error).__name__, str(error), "torch.cuda.init")
    if ordinal >= count:
        say(device={"visible": count})
        fail("NoSuchDevice", "torch sees " + str(count) + " GPUs", "torch.cuda.device_count")
    try:
        torch.cuda.set_device(ordinal)
        say(device=dict(describe(torch, ordinal), visible=count), seed="0")
    except Exception as error:
        fail(type(error).__name__, str(error), "torch.cuda.set_device")
    return torch.device("cuda", ordinal)


def describe(torch: Any, ordinal: int) -> dict[str, Any]:
    """As the suite's programs describe a device; 0 for what is not known."""
    about = torch.cuda.get_device_properties(ordinal)
    if torch.version.cuda:
        arch = "sm_" + str(about.major) + str(about.minor)
    else:
        arch = str(getattr(about, "gcnArchName", "")).partition(":")[0]
    row = {"name": about.name, "arch": arch, "units": about.multi_processor_count}
    return dict(
        row, total_bytes=about.total_memory, **(driver(ordinal) if torch.version.cuda else {})
    )


def driver(ordinal: int) -> dict[str, Any]:
    """What NVIDIA's driver says of the device; its ordinals are torch's."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return {}
    device, bus = ctypes.c_int(), ctypes.create_string_buffer(32)
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), ordinal):
        return {}
    row: dict[str, Any] = {}
    if cuda.cuDeviceGetPCIBusId(bus, len(bus), device) == 0:
        row["bus_id"] = bus.value.decode("ascii", "replace")
    for name, number in ATTRIBUTES.items():
        value = ctypes.c_int()
        failed = cuda.cuDeviceGetAttribute(ctypes.byref(value), number, device)
        row[name] = 0 if failed else value.value
    row["integrated"] = bool(row["integrated"])
    return row


class Bench:
    """The cases, on one device. Data are fresh; references are float64 on the CPU."""

    def __init__(self, torch: Any, device: Any) -> None:
        self.torch, self.device, self.good = torch, device, True
        seed = random.SystemRandom().getrandbits(31)
        torch.manual_seed(seed)
        self.random = torch.Generator().manual_seed(seed)
        self.gpu = device.type == "cuda"
        # A GPU that computes in bf16 itself; before, torch imitates it or refuses.
        self.bf16 = not self.gpu or not torch.version.cuda or self._capability() >= 8
        self.half = torch.bfloat16 if self.bf16 else torch.float16

    def _capability(self) -> int:
        major: int = self.torch.cuda.get_device_capability(self.device)[0]
        return major

    def data(self, *shape: int, dtype: Any = None) -> Any:
        """Random values on the CPU, as this type holds them."""
        return self.torch.randn(*shape, generator=self.random).to(dtype or self.torch.float32)

    def close(
        self, case: str, got: Any, wanted: Any, tolerance: float, time_ms: Any = None, **sizes: int
    ) -> None:
        """The largest error, as a part of the largest value, against the tolerance."""
        error = (got.detach().cpu().double() - wanted).abs().max().item()
        relative = error / max(wanted.abs().max().item(), 1e-30)
        valid = relative <= tolerance  # False for NaN
        self.say(case, valid, relative, tolerance, time_ms, sizes)

    def say(
        self, case: str, valid: bool, error: float, tolerance: float, time_ms: Any, sizes: Any
    ) -> None:
        self.good &= valid
        shown = error if error < float("inf") else None  # NaN is no JSON
        timed = {"time_ms": time_ms} if valid and time_ms else {}
        errors = {"max_err": shown, "rel_err": shown, "tolerance": tolerance}
        say(case=case, sizes=sizes, valid=valid, **errors, **timed)

    def elementwise(self) -> None:
        n = (1 << 20) + 3  # no multiple of a block
        x = self.data(n)
        got = self.torch.sigmoid(x.to(self.device)) * 2.0 + 1.0
        self.close("elementwise", got, self.torch.sigmoid(x.double()) * 2.0 + 1.0, 1e-5, n=n)

    def reduction(self) -> None:
        n = (1 << 20) + 3
        x = self.data(n).abs()
        self.close("reduction", x.to(self.device).sum(), x.double().sum(), 1e-5, n=n)

    def matmul_fp32(self) -> None:
        self._small_matmul("matmul_fp32", self.torch.float32, 1e-3)  # holds for TF32 as well

    def matmul_bf16(self) -> None:
        if not self.bf16:
            say(case="matmul_bf16", status="not applicable", why="this GPU has no bf16 units")
            return
        self._small_matmul("matmul_bf16", self.torch.bfloat16, 2e-2)

    def _small_matmul(self, case: str, dtype: Any, tolerance: float) -> None:
        n = 384
        a, b = self.data(n, n, dtype=dtype), self.data(n, n, dtype=dtype)
        got = a.to(self.device) @ b.to(self.device)
        self.close(case, got, a.double() @ b.double(), tolerance, n=n)

    def convolution(self) -> None:
        """With its gradient for the weight: another kernel of the library."""
        torch = self.torch
        x, w = self.data(2, 16, 33, 33), self.data(24, 16, 3, 3)
        parts = []
        for place, dtype in (("cpu", torch.float64), (self.device, torch.float32)):
            weight = w.to(place, dtype).detach().requires_grad_()
            out = torch.nn.functional.conv2d(x.to(place, dtype), weight, padding=1)
            out.square().mean().backward()
            parts.append([out.detach().flatten(), weight.grad.flatten()])
        values, slopes = (part.abs().max().item() for part in parts[0])
        wanted, got = (torch.cat([side[0] / values, side[1] / slopes]) for side in parts)
        self.close("convolution", got, wanted, 5e-3, n=33)

    def attention(self) -> None:
        torch = self.torch
        attend = getattr(torch.nn.functional, "scaled_dot_product_attention", None)
        if attend is None:
            say(case="attention", status="not applicable", why="this torch has none")
            return
        length, dim = 257, 64
        q, k, v = (self.data(1, 4, length, dim, dtype=self.half) for _ in range(3))
        scores = q.double() @ k.double().transpose(-1, -2) / dim**0.5
        wanted = torch.softmax(scores, -1) @ v.double()
        got = attend(*(x.to(self.device) for x in (q, k, v)))
        self.close("attention", got, wanted, 4e-2, length=length)

    def copy(self) -> None:
        n = self._copied() // 4
        source = self.torch.arange(n, dtype=self.torch.int32, device=self.device)
        target = self.torch.zeros_like(source)
        time_ms = self.times(lambda: target.copy_(source))
        same = bool(self.torch.equal(source, target))
        self.say("copy", same, 0.0 if same else float("nan"), 0.0, time_ms, {"n": n})

    def _copied(self) -> int:
        if not self.gpu:
            return 16 << 20
        free = self.torch.cuda.mem_get_info(self.device)[0] if self._has_mem_info() else 0
        return COPY_BYTES if not free or free > 4 * COPY_BYTES else COPY_BYTES // 8

    def _has_mem_info(self) -> bool:
        return hasattr(self.torch.cuda, "mem_get_info")

    def matmul(self) -> None:
        """One size for all GPUs of a kind; some rows and columns of the product are checked."""
        n = self._matmul_size()
        a, b = self._drawn(n), self._drawn(n)
        out = self.torch.empty_like(a)
        time_ms = self.times(lambda: self.torch.matmul(a, b, out=out))
        rows, columns = [0, n // 2, n - 1], list(range(0, n, n // 64))
        wanted = a[rows].cpu().double() @ b[:, columns].cpu().double()
        self.close("matmul", out[rows][:, columns], wanted, 2e-2, time_ms, n=n)

    def _drawn(self, n: int) -> Any:
        return self.torch.randn(n, n, device=self.device).to(self.half)

    def _matmul_size(self) -> int:
        if not self.gpu:
            return SIZE // 8
        about = self.torch.cuda.get_device_properties(self.device)
        large = about.multi_processor_count >= 64 and self._capability() >= 7
        return SIZE * (4 if large else 2) if about.total_memory > 4 << 30 else SIZE

    def times(self, work: Callable[[], Any]) -> dict[str, float]:
        """Milliseconds of each run: by events on a GPU."""
        end = time.monotonic() + WARM_S
        while time.monotonic() < end:
            work()
            self.wait()
        found: list[float] = []
        end = time.monotonic() + BUDGET_S
        while len(found) < RUNS and (len(found) < 3 or time.monotonic() < end):
            found.append(self._once(work))
        row = {"median": statistics.median(found), "min": min(found), "max": max(found)}
        return dict(row, runs=len(found))

    def _once(self, work: Callable[[], Any]) -> float:
        if not self.gpu:
            begin = time.perf_counter()
            work()
            return max((time.perf_counter() - begin) * 1e3, 1e-6)
        first, last = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        work()
        last.record()
        last.synchronize()
        return float(first.elapsed_time(last))

    def wait(self) -> None:
        if self.gpu:
            self.torch.cuda.synchronize(self.device)


def main() -> None:
    given = sys.argv[1:]
    on_cpu = given == ["--cpu"]
    if not on_cpu and not (len(given) == 2 and given[0] == "--device" and given[1].isdigit()):
        sys.exit(__doc__)
    torch = import_torch()
    torch.set_num_threads(min(4, torch.get_num_threads()))  # one process a GPU, side by side
    device = torch.device("cpu") if on_cpu else open_gpu(torch, int(given[1]))
    if on_cpu:
        say(device={"name": "CPU", "arch": "cpu", "visible": 1}, seed="0")
    bench = Bench(torch, device)
    cases = (
        bench.elementwise, bench.reduction, bench.matmul_fp32, bench.matmul_bf16,
        bench.convolution, bench.attention, bench.copy, bench.matmul,
    )  # fmt: skip
    for case in cases:
        try:
            case()
            bench.wait()
        except Exception as error:
            fail(type(error).__name__, str(error), case.__name__)
    sys.exit(0 if bench.good else 1)


if __name__ == "__main__":
    main()
