"""What one device's programs gave, and how it compares with the device's roofs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gpufix.frozen import Frozen
from gpufix.kernels.execute import Achieved, Roofs, RunResult, achieved, roofs
from gpufix.model.smoke_result import DeviceRow
from gpufix.smoke.rows import Slow, slow_cases

Again = Callable[[], RunResult]


class Behind(Frozen):
    """A case that took over 5% longer than on the siblings, `ratios` to their median, each time."""

    kernel: str
    case: str
    siblings: int
    ratios: tuple[float, ...]


@dataclass
class Ran:
    """Every program's result by kernel, on one device. `again` runs a kernel once more."""

    device: DeviceRow
    results: dict[str, RunResult] = field(default_factory=dict)
    again: dict[str, Again] = field(default_factory=dict)
    fractions: dict[tuple[str, str], Achieved] = field(default_factory=dict)
    slow: list[Slow] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)

    def take(self, result: RunResult, again: Again) -> None:
        """Keep a program's result and judge its times."""
        self.results[result.kernel] = result
        self.again[result.kernel] = again
        limits = self._limits(result)
        for case in result.cases:
            if near := achieved(case, limits):
                self.fractions[result.kernel, case.name] = near
        self.slow += slow_cases(result, limits, again)

    def _limits(self, result: RunResult) -> Roofs:
        """The roofs of the device as the first program that saw it describes it."""
        if not self.device.about and result.device:
            limits = roofs(result.device)
            self.device = replace(
                self.device,
                about=dict(result.device),
                bandwidth=limits.bandwidth,
                fp32=limits.fp32,
                bf16=limits.bf16,
            )
        return Roofs(self.device.bandwidth, self.device.fp32, self.device.bf16)
