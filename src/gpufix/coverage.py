"""Which GPU code each library holds, and how that serves each target: a matrix."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.checks.extension_code import extensions
from gpufix.checks.gpu_code import (
    Code,
    Service,
    driver_cuda,
    listed,
    service,
    targets_of_code,
    torch_code,
)
from gpufix.view import View


@dataclass(frozen=True)
class Row:
    """torch, or one distribution with GPU code. `served`: target → how; absent: not its vendor's."""

    subject: str
    version: str | None
    holds: str
    served: dict[str, Service]

    @property
    def whole(self) -> bool:
        """Whether every target is served by machine code."""
        return all(how is Service.native for how in self.served.values())


def matrix(view: View) -> list[Row]:
    """torch first, then the others by name; only what holds GPU code at all."""
    torch = torch_code(view)
    codes = [*([torch] if torch else []), *extensions(view.facts)]
    return [_row(view, code) for code in codes]


def _row(view: View, code: Code) -> Row:
    dist = view.dist(code.subject)
    driver = driver_cuda(view)
    served = {t.arch: service(code, t, driver) for t in targets_of_code(view, code)}
    return Row(code.subject, dist.version if dist else None, listed(code.objects), served)
