"""How the GPU benchmarks time: the GPU's share and the host's apart, medians, spread of three rounds.

A step is host work (Python, torch, launches) that queues GPU work. Which of the two a program feels
depends on what surrounds the step:

    gpu     the host is far ahead: the stream is kept busy before the first event, so that the GPU
            never waits for a launch. What a long queue of work feels.
    step    each step waits for the one before. What a training that reads its loss feels.
    host    microseconds until the call returns, the GPU idle. What the GPU waits for when it is fast.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

REPS, ROUNDS = 20, 3
AHEAD_CYCLES = 20_000_000  # about 10 ms: longer than any step takes to queue
FLUSH_BYTES = 256 << 20  # beyond the L2 of any GPU


class Times(NamedTuple):
    """Medians of a round's steps, then of three rounds; spread = (most - least) / median."""

    gpu_ms: float
    step_ms: float
    host_us: float
    spread: float


def measure(work: Callable[[], object]) -> Times:
    """All three, in turn, after five steps to warm up."""
    for _ in range(5):
        work()
    rounds = [(gpu_ms(work), step_ms(work), host_us(work)) for _ in range(ROUNDS)]
    gpu, step, host = (statistics.median(column) for column in zip(*rounds, strict=True))
    steps = [one[1] for one in rounds]
    return Times(gpu, step, host, (max(steps) - min(steps)) / step)


def gpu_ms(work: Callable[[], object], reps: int = REPS) -> float:
    """Milliseconds of GPU time, on an L2 that was just overwritten."""
    return _between_events(work, reps, AHEAD_CYCLES)


def cold_ms(work: Callable[[], object], reps: int = REPS) -> float:
    """Between events with the host beside it: as the suite's own timer takes a launch."""
    return _between_events(work, reps, 0)


def _between_events(work: Callable[[], object], reps: int, ahead_cycles: int) -> float:
    """The median after five to warm up. The stream is busy for so many cycles before the first event."""
    import torch

    flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda")
    times = []
    for i in range(reps + 5):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        if ahead_cycles:
            torch.cuda._sleep(ahead_cycles)
        flush.zero_()
        start.record()
        work()
        stop.record()
        stop.synchronize()
        if i >= 5:
            times.append(start.elapsed_time(stop))
    return statistics.median(times)


def step_ms(work: Callable[[], object], reps: int = 5 * REPS) -> float:
    """Milliseconds by the host's clock, each step waited for."""
    import torch

    times = []
    for _ in range(reps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def host_us(work: Callable[[], object], reps: int = 5 * REPS) -> float:
    """Microseconds until the call returns, the GPU having nothing left to do before."""
    import torch

    times = []
    for _ in range(reps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        times.append(1e6 * (time.perf_counter() - start))
    torch.cuda.synchronize()
    return statistics.median(times)
