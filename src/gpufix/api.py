"""gpufix from Python: `gpufix.diagnose()`, `gpufix.plan()` and `gpufix.explain_error()`.

They read and judge as the commands of the same purpose do, change nothing, and print nothing. The
results are the records of `gpufix.model`; in a notebook a diagnosis shows itself as the HTML report.
"""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console

from gpufix.checks.judge import Selection, UnknownCode
from gpufix.diagnosis.diagnose import Request
from gpufix.diagnosis.diagnose import diagnose as diagnosed
from gpufix.diagnosis.redaction import CorruptFacts, load
from gpufix.engine.run.preview import proposal
from gpufix.engine.run.propose import FixRequest, propose
from gpufix.engine.run_context import RunContext
from gpufix.evidence.coverage import matrix
from gpufix.evidence.view import View
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import read
from gpufix.facts.collect import collect
from gpufix.facts.context import CollectContext
from gpufix.facts.project.project import ConfigError, locate
from gpufix.facts.python.interpreter import NoInterpreter
from gpufix.facts.queries import Queries
from gpufix.facts.questions import Questions
from gpufix.frozen import Frozen
from gpufix.knowledge.gpus.models import GpuNameError
from gpufix.model import Diagnosis, Facts, Finding, Gap, PatientSummary, Proposal
from gpufix.report import json as json_report
from gpufix.report import terminal
from gpufix.report.html import Content, render

Verdict = Literal["clean", "faults", "incomplete", "nothing judged"]
PathLike = str | Path
_WIDTH, _HEIGHT = 80, 640


class GpufixError(Exception):
    """What was asked cannot be done: no such environment, GPU, rule or file. Says why."""


class Report(Frozen):
    """A diagnosis. `str()` is the text of `gpufix doctor`; a notebook shows the HTML report."""

    diagnosis: Diagnosis
    facts: Facts
    _ask: Questions | None = None

    @property
    def verdict(self) -> Verdict:
        """clean, faults, incomplete (something could not be read) or nothing judged."""
        return self.diagnosis.summary.verdict

    @property
    def ok(self) -> bool:
        """Whether no error was found. What could not be read is in `gaps`."""
        return self.diagnosis.summary.error == 0

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, worst first; each with its evidence, consequences and repairs."""
        return self.diagnosis.findings

    @property
    def gaps(self) -> list[Gap]:
        """What could not be looked at, and why: never a pass."""
        return self.diagnosis.gaps

    @property
    def environment(self) -> PatientSummary:
        """Which environment was judged, and why this one."""
        return self.diagnosis.patient

    def to_json(self) -> str:
        """As `gpufix doctor --format json`; docs/schema/diagnosis.json describes it."""
        return json_report.render(self.diagnosis)

    def to_html(self) -> str:
        """The HTML report: one file that loads nothing."""
        view = View(self.facts, self.diagnosis.targets, self._ask)
        return render(Content(self.diagnosis, tuple(matrix(view))))

    def _repr_html_(self) -> str:
        """In a frame of its own, so that the notebook's styles and the report's do not meet."""
        page = html.escape(self.to_html(), quote=True)
        style = f"width:100%;height:{_HEIGHT}px;border:1px solid #8888"
        return f'<iframe srcdoc="{page}" sandbox style="{style}" title="gpufix report"></iframe>'

    def __str__(self) -> str:
        nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        console = Console(width=_WIDTH, color_system=None, record=True, file=nowhere)
        terminal.show(self.diagnosis, console, here=self._ask is not None)
        return console.export_text()


def diagnose(
    environment: PathLike | None = None,
    project: PathLike | None = None,
    *,
    gpus: Sequence[str] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    facts: PathLike | None = None,
) -> Report:
    """Judge a Python environment: will it import, find a kernel for the GPU, and build?

    environment: a folder or interpreter; None: the active one, else the project's, as the command.
    project: a project folder; None: the current folder if it is one.
    gpus: GPUs to serve ("sm_120", "RTX 5080"); none: those that are visible.
    select, ignore: codes or families of rules ("SYM402", "WHL").
    facts: a snapshot's file, judged in the place of this machine.

    Imports and runs nothing of the environment. Raises GpufixError for what cannot be examined.
    """
    request = Request(tuple(gpus), Selection(tuple(select), tuple(ignore)))
    found, ask = _looked(environment, project, facts)
    try:
        return Report(diagnosed(found, request, ask), found, ask)
    except (GpuNameError, UnknownCode) as error:
        raise GpufixError(str(error)) from None


def plan(
    environment: PathLike | None = None,
    project: PathLike | None = None,
    *,
    gpus: Sequence[str] = (),
    only: Sequence[str] = (),
    unsafe: bool = False,
) -> Proposal:
    """What `gpufix fix` would do: plans with their steps, commands and diffs. Changes nothing.

    only: codes or families to be repaired; unsafe: also plans that change a version you chose.
    Raises GpufixError.
    """
    found, ask = _looked(environment, project, None)
    try:
        proposed = propose(found, ask, FixRequest(Request(tuple(gpus)), tuple(only), unsafe))
    except (GpuNameError, UnknownCode) as error:
        raise GpufixError(str(error)) from None
    return proposal(proposed, RunContext(found))


def explain_error(text: str) -> Explanation | None:
    """The decisive message in an error, traceback or build log; None where none is known."""
    answer, _ = read(io.BytesIO(text.encode("utf-8", "surrogatepass")))
    return answer.primary if answer.recognised else None


def _looked(
    environment: PathLike | None, project: PathLike | None, snapshot: PathLike | None
) -> tuple[Facts, Questions | None]:
    """The facts, and whom to ask more: nobody, where they are a snapshot's."""
    try:
        if snapshot is not None:
            return load(Path(snapshot)), None
        root = locate(str(project) if project is not None else None, Path.cwd())
        named = str(environment) if environment is not None else None
        facts = collect(CollectContext(), named, root)
    except (NoInterpreter, NotADirectoryError, ConfigError, CorruptFacts, OSError) as error:
        raise GpufixError(str(error)) from None
    return facts, Queries.of(facts)
