"""What `gpufix fleet report` found: nodes, where they differ, and what the rules say of each kind."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from gpufix.model.base import INNER, Model
from gpufix.model.finding import Severity

# other version: it answered, by another gpufix; nothing judged: it has no environment to judge.
NodeState = Literal["answered", "no answer", "nothing judged", "other version"]


class FleetNode(Model):
    """One node. `odd`: sections in which it is not as the reference is."""

    name: str
    state: NodeState
    problem: str | None = None  # why there is no answer, or what is the matter with it
    gpufix_version: str | None = None
    note: str | None = None
    environment: int | None = None  # index into `environments`
    odd: list[str] = field(default_factory=list)
    cpu_seconds: float | None = None


class FleetValue(Model):
    """A value, and who has it. value None: absent."""

    value: str | None
    nodes: str  # in ranges: "node[01-06,08]"
    count: int
    reference: bool = False
    names: tuple[str, ...] = field(default=(), metadata=INNER)


class Difference(Model):
    """One thing of a section that is not alike on all nodes.

    compared: whether there is a reference; usual: its value, None = absent. also: further things of
    the section that differ between the same groups of nodes. code: the rule that explains it.
    """

    section: str
    name: str
    values: list[FleetValue]
    compared: bool = True
    usual: str | None = None
    note: str | None = None
    also: list[str] = field(default_factory=list)
    also_count: int = 0  # the list is cut
    code: str | None = None


class FleetFinding(Model):
    """What a rule says, and of which nodes."""

    code: str
    severity: Severity
    subject: str
    message: str
    nodes: str
    count: int


class FleetEnvironment(Model):
    """One distinct environment: the rules ran on the snapshot of `judged_on`."""

    judged_on: str
    nodes: str
    count: int
    verdict: str
    unjudged: str | None = None
    gaps: int = 0
    problem: str | None = None  # why it could not be judged


class FleetUnseen(Model):
    """A section that could not be looked at everywhere: there, nothing is said to differ."""

    section: str
    nodes: str
    count: int
    reason: str


class FleetCopy(Model):
    """One environment on storage that several nodes share."""

    storage: str
    nodes: str
    count: int


class FleetContainer(Model):
    """Nodes of which the inside of a container was looked at: "kubernetes", "docker" …"""

    kind: str
    nodes: str
    count: int


class FleetSummary(Model):
    """The counts. verdict: alike, or differs; incomplete where a node gave no answer."""

    verdict: Literal["alike", "differs", "faults", "incomplete", "nothing judged"]
    nodes: int
    answered: int
    odd: int
    error: int = 0
    warning: int = 0
    advice: int = 0


class FleetReport(Model):
    """What `gpufix fleet report --format json` prints."""

    schema_version: int = 1
    gpufix_version: str
    reference: str  # "majority", or the file that was named
    nodes: list[FleetNode] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)  # sections without a difference
    unseen: list[FleetUnseen] = field(default_factory=list)
    findings: list[FleetFinding] = field(default_factory=list)
    environments: list[FleetEnvironment] = field(default_factory=list)
    copies: list[FleetCopy] = field(default_factory=list)
    containers: list[FleetContainer] = field(default_factory=list)
    summary: FleetSummary


class DifferentRow(Model):
    """One thing that two snapshots do not agree on. None: absent."""

    section: str
    name: str
    a: str | None
    b: str | None


class TwoSnapshots(Model):
    """What `gpufix diff --format json` prints. not_compared: sections that one of them lacks."""

    schema_version: int = 1
    a: str
    b: str
    rows: list[DifferentRow] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
