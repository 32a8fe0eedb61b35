"""What is wrong: targets, findings and the diagnosis."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

from pydantic import Field

from gpufix.model.base import Model
from gpufix.model.facts import Gap
from gpufix.model.host import Vendor
from gpufix.model.plan import PlanSummary


class Severity(str, Enum):
    """error: it will fail; warning: it can fail or costs much; advice: worth knowing."""

    error = "error"
    warning = "warning"
    advice = "advice"

    @property
    def rank(self) -> int:
        """3 for error, 2 for warning, 1 for advice."""
        return {"error": 3, "warning": 2, "advice": 1}[self.value]


class Target(Model):
    """A GPU architecture that the patient must serve."""

    vendor: Vendor
    arch: str  # "sm_120", "sm_90a", "gfx1101", "gfx90a:xnack-"
    name: str | None = None  # product, when one was named or seen
    source: str  # "--gpu sm_120", "GPU 0", "[tool.gpufix]"
    # The index of the visible GPU that it stands for, None = it was named; not part of the report.
    gpu: int | None = Field(default=None, exclude=True)


class Evidence(Model):
    """One observed thing that a finding rests on. `path`/`line` when it is a place in a file."""

    text: str
    path: str | None = None
    line: int | None = None


class Finding(Model):
    """One fault. `message` says found versus needed; the remedy is the plan's title."""

    code: str
    name: str
    severity: Severity
    subject: str
    message: str
    evidence: list[Evidence] = []
    consequences: list[Finding] = []
    fixes: list[PlanSummary] = []
    # For arranging and fixing; not part of the report.
    breaks: list[str] = Field(default=[], exclude=True)  # resources made unusable: "file:..."
    needs: list[str] = Field(default=[], exclude=True)  # whose breakage would explain this one
    data: dict[str, Any] = Field(default={}, exclude=True)  # what fixes need to know


class PatientSummary(Model):
    """One line's worth of the patient."""

    python: str | None = None
    executable: str | None = None
    prefix: str | None = None
    kind: str | None = None
    torch: str | None = None
    platform: str = ""
    project: str | None = None


class Summary(Model):
    """Counts by severity (primary findings), and the verdict."""

    verdict: Literal["clean", "faults", "incomplete"]
    error: int = 0
    warning: int = 0
    advice: int = 0
    ignored: int = 0
    accepted: int = 0  # findings that the baseline accepts: not among those counted above
    no_target: bool = False


class Diagnosis(Model):
    """What `gpufix doctor --format json` prints."""

    schema_version: int = 1
    gpufix_version: str
    patient: PatientSummary
    targets: list[Target] = []
    findings: list[Finding] = []
    gaps: list[Gap] = []
    summary: Summary
    # For reports that also list what was judged and found well; not part of the JSON.
    judged: tuple[str, ...] = Field(default=(), exclude=True)  # codes of the rules that ran
