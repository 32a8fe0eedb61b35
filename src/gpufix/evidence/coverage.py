"""The table of all that holds GPU code, and how each serves the targets."""

from __future__ import annotations

from gpufix.evidence.gpu_code import Service, SubjectCode, all_code, listed, targets_of_code
from gpufix.evidence.partial import service_here
from gpufix.evidence.view import View
from gpufix.frozen import Frozen


class Row(Frozen):
    """torch, or one distribution with GPU code. `served`: target → how; absent: not its vendor's."""

    subject: str
    version: str | None
    holds: str
    served: dict[str, Service]

    @property
    def complete(self) -> bool:
        """Whether every target is served by machine code."""
        return all(how is Service.native for how in self.served.values())


def matrix(view: View) -> list[Row]:
    """As all_code."""
    return [_row(view, code) for code in all_code(view)]


def _row(view: View, code: SubjectCode) -> Row:
    dist = view.dist(code.subject)
    served = {t.arch: service_here(view, code, t) for t in targets_of_code(view, code)}
    return Row(code.subject, dist.version if dist else None, listed(code.objects), served)
