"""What `gpufix fix` and `gpufix build` show: the proposal before, the outcome after."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from gpufix.model.base import Model
from gpufix.model.finding import Finding, PatientSummary, Target
from gpufix.model.plan import Plan, Skip


class BuiltLibrary(Model):
    """A shared library that came out, as read back from its file."""

    path: str
    code: str  # "machine code for sm_120 and PTX for sm_120", "no code"
    cxx11_abi: bool | None = None
    problems: list[str] = field(default_factory=list)


class BuildResult(Model):
    """`ok` only when the programs succeeded and the product is what was asked for."""

    path: str
    distribution: str | None = None
    ok: bool
    reasons: list[str] = field(default_factory=list)  # of a failure
    errors: list[str] = field(default_factory=list)  # the first real error lines of the log
    notes: list[str] = field(default_factory=list)
    libraries: list[BuiltLibrary] = field(default_factory=list)
    seconds: float = 0.0
    jobs: int = 1
    log: str | None = None

    @property
    def reason(self) -> str:
        """A failure in one line: why, the first error, where the log is."""
        reasons = "; ".join(self.reasons)
        first = f": {self.errors[0].splitlines()[0]}" if self.errors else ""
        return f"{reasons}{first}" + (f" ({self.log})" if self.log else "")


class StepPreview(Model):
    """One merged step, as it would be done. `diff` is a unified diff."""

    kind: str
    title: str
    commands: list[str] = field(default_factory=list)
    diff: str | None = None
    downloads: list[str] = field(
        default_factory=list
    )  # exact requirements, or what the index said with --resolve
    resolved: bool = True  # False: which versions would come is not known here
    touches: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)  # whose code its programs run


class Held(Model):
    """A plan that is not carried out, and why: unsafe, manual, in conflict, or without effect."""

    plan: Plan
    reason: str
    tried: bool = False  # carried out, and put back
    steps: list[StepPreview] = field(default_factory=list)  # what consent would carry out


class Proposal(Model):
    """What `gpufix fix` prints without --apply."""

    schema_version: int = 1
    gpufix_version: str
    patient: PatientSummary
    targets: list[Target] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)  # to be carried out, in order
    steps: list[StepPreview] = field(default_factory=list)  # of these plans, merged
    held: list[Held] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    refused: str | None = None  # a precondition that does not hold
    standing: list[Finding] = field(default_factory=list)  # errors for which nothing is planned
    failures: list[Finding] = field(
        default_factory=list
    )  # of gpufix or a plugin (DOC…): not all was judged and planned


class Probe(Model):
    """Whether a repaired module imports, in a process of the patient's own."""

    module: str
    ok: bool
    said: str = ""
    driver: bool = False  # it fails for want of a GPU driver's library: this machine cannot tell

    @property
    def failed(self) -> bool:
        """Whether the import fails for anything that the patient could have."""
        return not self.ok and not self.driver


class Outcome(Model):
    """What `gpufix fix --apply` did: the findings before against the findings after."""

    schema_version: int = 1
    gpufix_version: str
    patient: PatientSummary
    state: Literal["nothing", "kept", "undone", "failed"]
    run: str | None = None
    plans: list[Plan] = field(default_factory=list)
    fixed: list[Finding] = field(default_factory=list)
    remaining: list[Finding] = field(default_factory=list)
    introduced: list[Finding] = field(default_factory=list)
    revealed: list[Finding] = field(
        default_factory=list
    )  # there before, but hidden by what has been fixed
    held: list[Held] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    reason: str | None = None  # for which it was undone or failed
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    bytes_kept: int = 0
    built: list[BuildResult] = field(default_factory=list)  # as read back
