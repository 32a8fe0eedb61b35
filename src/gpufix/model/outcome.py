"""What `gpufix fix` shows: the proposal before anything is done, and the outcome after."""

from __future__ import annotations

from typing import Literal

from gpufix.model.base import Model
from gpufix.model.finding import Finding, PatientSummary, Target
from gpufix.model.plan import Plan, Skip


class Held(Model):
    """A plan that is not carried out, and why: unsafe, manual, in conflict, or without effect."""

    plan: Plan
    reason: str
    tried: bool = False  # carried out, and put back


class StepPreview(Model):
    """One merged step, as it would be done. `diff` is a unified diff."""

    kind: str
    title: str
    commands: list[str] = []
    diff: str | None = None
    downloads: list[str] = []  # exact requirements, or what the index said with --resolve
    resolved: bool = True  # False: which versions would come is not known here
    touches: list[str] = []


class Proposal(Model):
    """What `gpufix fix` prints without --apply."""

    schema_version: int = 1
    gpufix_version: str
    patient: PatientSummary
    targets: list[Target] = []
    plans: list[Plan] = []  # to be carried out, in order
    steps: list[StepPreview] = []  # of these plans, merged
    held: list[Held] = []
    skips: list[Skip] = []
    refused: str | None = None  # a precondition that does not hold
    failures: list[Finding] = []  # of gpufix or a plugin (DOC…): not all was judged and planned


class Probe(Model):
    """Whether a repaired module imports, in a process of the patient's own."""

    module: str
    ok: bool
    said: str = ""


class Outcome(Model):
    """What `gpufix fix --apply` did: the findings before against the findings after."""

    schema_version: int = 1
    gpufix_version: str
    patient: PatientSummary
    state: Literal["nothing", "kept", "undone", "failed"]
    run: str | None = None
    plans: list[Plan] = []
    fixed: list[Finding] = []
    remaining: list[Finding] = []
    introduced: list[Finding] = []
    revealed: list[Finding] = []  # there before, but hidden by what has been fixed
    held: list[Held] = []
    skips: list[Skip] = []
    probes: list[Probe] = []
    reason: str | None = None  # for which it was undone or failed
    notes: list[str] = []
    seconds: float = 0.0
    bytes_kept: int = 0
