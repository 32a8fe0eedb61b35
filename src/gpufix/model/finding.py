"""What is wrong: targets, faults, findings and the diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from enum import Enum
from typing import Literal, TypeVar

from gpufix.frozen import Frozen
from gpufix.model.base import INNER, Model
from gpufix.model.facts import Gap
from gpufix.model.host import Vendor
from gpufix.model.payload import Payload
from gpufix.model.plan import FindingKey, Plan, PlanSummary, Safety, Skip, Step, TorchMove

P = TypeVar("P", bound=Payload)


class Severity(str, Enum):
    """error: it will fail; warning: it can fail or costs much; advice: worth knowing."""

    error = "error"
    warning = "warning"
    advice = "advice"

    @property
    def rank(self) -> int:
        """3 for error, 2 for warning, 1 for advice."""
        return {"error": 3, "warning": 2, "advice": 1}[self.value]


ERROR, WARNING, ADVICE = Severity.error, Severity.warning, Severity.advice


class Target(Model):
    """A GPU architecture that the patient must serve."""

    vendor: Vendor
    arch: str  # "sm_120", "sm_90a", "gfx1101", "gfx90a:xnack-"
    name: str | None = None  # product, when one was named or seen
    source: str  # "--gpu sm_120", "GPU 0", "[tool.gpufix]"
    # The index of the visible GPU that it stands for, None = it was named; not part of the report.
    gpu: int | None = field(default=None, metadata=INNER)


class Evidence(Model):
    """One observed thing that a finding rests on. `path`/`line` when it is a place in a file."""

    text: str
    path: str | None = None
    line: int | None = None


class Fault(Frozen):
    """What a check yields; the registry adds the rule's code and name.

    `breaks` and `needs` hold resource keys ("file:/x/libc10.so", "dist:torch", "torch",
    "var:CUDA_HOME"): a fault that needs a resource which another one breaks is reported as a
    consequence of it.
    """

    severity: Severity
    subject: str
    message: str
    evidence: tuple[str | Evidence, ...] = ()
    breaks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    payload: Payload | None = None  # what fixes need to know


class Finding(Model):
    """One fault. `message` says found versus needed; the remedy is the plan's title."""

    code: str
    name: str
    severity: Severity
    subject: str
    message: str
    evidence: list[Evidence] = field(default_factory=list)
    consequences: list[Finding] = field(default_factory=list)
    fixes: list[PlanSummary] = field(default_factory=list)
    no_plan: str | None = None  # of an error: why there is no plan for it and its consequences
    # For arranging and fixing; not part of the report.
    breaks: list[str] = field(
        default_factory=list, metadata=INNER
    )  # resources made unusable: "file:..."
    needs: list[str] = field(
        default_factory=list, metadata=INNER
    )  # whose breakage would explain this one
    payload: Payload | None = field(default=None, metadata=INNER)  # see Fault

    @property
    def key(self) -> FindingKey:
        """By which it is known again after a repair."""
        return FindingKey(self.code, self.subject)

    def payload_as(self, kind: type[P]) -> P:
        """The payload, which must be of this kind. Raises TypeError."""
        if not isinstance(self.payload, kind):
            held = "no payload" if self.payload is None else type(self.payload).__name__
            raise TypeError(f"{self.code} hands over {held}, not {kind.__name__}")
        return self.payload

    def plan(
        self,
        fix: str,
        safety: Safety,
        title: str,
        *steps: Step,
        subjects: Sequence[str] | None = None,
        notes: Sequence[str] = (),
        moves_torch: TorchMove | None = None,
        for_this_torch: bool = False,
    ) -> Plan:
        """The plan of a fix for this finding, about the finding's subject unless others are given."""
        return Plan(
            fix=fix,
            codes=[self.code],
            subjects=[self.subject] if subjects is None else list(subjects),
            title=title,
            safety=safety,
            steps=list(steps),
            notes=list(notes),
            moves_torch=moves_torch,
            for_this_torch=for_this_torch,
        )

    def skip(self, fix: str, reason: str, subject: str | None = None) -> Skip:
        """Why a fix has no plan for this finding."""
        return Skip(fix=fix, code=self.code, subject=subject or self.subject, reason=reason)


class PatientSummary(Model):
    """One line's worth of the patient."""

    python: str | None = None
    executable: str | None = None
    prefix: str | None = None
    kind: str | None = None
    torch: str | None = None
    platform: str = ""
    project: str | None = None
    chosen: str | None = None  # why this environment: "the active environment"
    node: str | None = None  # a machine was judged: "8 × NVIDIA H200, driver 570.86.15"


class Summary(Model):
    """Counts by severity (primary findings), and the verdict."""

    verdict: Literal["clean", "faults", "incomplete", "nothing judged"]
    # Why the rules had no environment, or no source, to judge; faults may be found all the same.
    unjudged: str | None = None
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
    targets: list[Target] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    # Installed packages for GPUs of which no rule tells which GPUs they serve: they change no verdict.
    not_judged: list[str] = field(default_factory=list)
    summary: Summary
    # For reports that also list what was judged and found well; not part of the JSON.
    judged: tuple[str, ...] = field(default=(), metadata=INNER)  # codes of the rules that ran
    looked_at: tuple[str, ...] = field(default=(), metadata=INNER)  # a line for each kind of thing
