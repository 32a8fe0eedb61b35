"""What makes a run of the doctor fail."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.model import Diagnosis, Finding, Severity

# A check or fix that crashed, a plugin that does not load: not all was judged and planned, so nothing
# can pass.
INTERNAL_CODES = frozenset({"DOC001", "DOC002", "DOC003"})
FINDINGS, INTERNAL = 1, 3


@dataclass(frozen=True)
class Gate:
    """`least`: the least severity that fails, None = none does. `strict`: gaps fail too."""

    least: Severity | None = Severity.error
    strict: bool = False

    def fails(self, finding: Finding) -> bool:
        """Whether this finding alone makes the exit code other than 0."""
        if finding.code in INTERNAL_CODES:
            return True
        return self.least is not None and finding.severity.rank >= self.least.rank

    def exit_code(self, diagnosis: Diagnosis) -> int:
        """The designed exit code of a completed report: 0, 1 or 3."""
        if any(f.code in INTERNAL_CODES for f in diagnosis.findings):
            return INTERNAL
        if self.strict and diagnosis.gaps:
            return FINDINGS
        return FINDINGS if any(map(self.fails, diagnosis.findings)) else 0
