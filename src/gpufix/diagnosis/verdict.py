"""The verdict of a diagnosis, its counts, and what fails a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gpufix.checks.judge import INTERNAL_CODES
from gpufix.frozen import Frozen
from gpufix.model import Diagnosis, Finding, Gap, Severity, Summary, Target

Verdict = Literal["clean", "faults", "incomplete", "nothing judged"]


def summarised(
    findings: Sequence[Finding],
    gaps: Sequence[Gap],
    targets: Sequence[Target],
    ignored: int,
    accepted: int = 0,
    why_unjudged: str | None = None,
) -> Summary:
    """The counts and the verdict; `accepted` findings are not among `findings`."""
    counts = {s: sum(f.severity is s for f in findings) for s in Severity}
    serious = counts[Severity.error] + counts[Severity.warning]
    unseen: Verdict = "nothing judged" if why_unjudged else "incomplete" if gaps else "clean"
    return Summary(
        verdict="faults" if serious else unseen,
        unjudged=why_unjudged,
        error=counts[Severity.error],
        warning=counts[Severity.warning],
        advice=counts[Severity.advice],
        ignored=ignored,
        accepted=accepted,
        no_target=not targets,
    )


FINDINGS, INTERNAL = 1, 3


class Gate(Frozen):
    """`least`: the least severity that fails, None = none does. `strict`: gaps fail too, and so does
    having nothing to judge."""

    least: Severity | None = Severity.error
    strict: bool = False

    @classmethod
    def of(cls, fail_on: str, strict: bool = False) -> Gate:
        """`fail_on`: the name of a severity, or "never"."""
        return cls(None if fail_on == "never" else Severity(fail_on), strict)

    def fails(self, finding: Finding) -> bool:
        """Whether this finding alone makes the exit code other than 0."""
        if finding.code in INTERNAL_CODES:
            return True
        return self.least is not None and finding.severity.rank >= self.least.rank

    def exit_code(self, diagnosis: Diagnosis) -> int:
        """The designed exit code of a completed report: 0, 1 or 3."""
        if any(f.code in INTERNAL_CODES for f in diagnosis.findings):
            return INTERNAL
        if self.strict and (diagnosis.gaps or diagnosis.summary.unjudged):
            return FINDINGS
        return FINDINGS if any(map(self.fails, diagnosis.findings)) else 0
