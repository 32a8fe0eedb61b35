"""What the HTML report shows beside the diagnosis: the matrix, the plan, a saved benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufix.cli.patient import Patient
    from gpufix.doctor import Request
    from gpufix.model import Diagnosis, Proposal
    from gpufix.model.smoke import SmokeReport


def page(
    diagnosis: Diagnosis, patient: Patient, request: Request, saved: SmokeReport | None
) -> str:
    """The whole HTML file."""
    from gpufix.coverage import matrix
    from gpufix.report.html import Content, render
    from gpufix.view import View

    rows = tuple(matrix(View(patient.facts, diagnosis.targets, patient.ask)))
    return render(Content(diagnosis, rows, _proposal(patient, request), saved))


def _proposal(patient: Patient, request: Request) -> Proposal | None:
    """What `gpufix fix` would show. None for a snapshot: its files are not here to be previewed."""
    if patient.ask is None:
        return None
    from gpufix.engine.context import Context
    from gpufix.engine.proposal import proposal
    from gpufix.engine.propose import Wish, propose

    return proposal(propose(patient.facts, patient.ask, Wish(request)), Context(patient.facts))


def saved_run(path: str | None) -> SmokeReport | None:
    """The run that `gpufix smoke --save` kept; a file that cannot be read is a usage error."""
    from gpufix.cli.patient import fail
    from gpufix.smoke.save import CorruptSave, load

    if path is None:
        return None
    try:
        return load(Path(path))
    except OSError as error:
        raise fail(f"--smoke {path}: {error.strerror}") from None
    except CorruptSave as error:
        raise fail(f"--smoke {error}") from None
