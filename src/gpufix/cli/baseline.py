"""`--baseline` and `--write-baseline`: read, apply and write the file of accepted findings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gpufix.cli.patient import fail

if TYPE_CHECKING:
    from gpufix.baseline import Baseline, Entry
    from gpufix.model import Diagnosis

_SHOWN = 5


def accepted(diagnosis: Diagnosis, baseline: str | None, write: str | None) -> Diagnosis:
    """The report without accepted findings; says on standard error which entries are stale.

    Writing accepts all that was found, and the report is then judged by what was written.
    """
    if write is not None:
        return _without(diagnosis, _written(diagnosis, write), write)
    if baseline is not None:
        found = _read(baseline)
        if found is None:
            raise fail(f"--baseline {baseline}: no such file (--write-baseline makes one)")
        return _without(diagnosis, found, baseline)
    return diagnosis


def _read(file: str) -> Baseline | None:
    """None when there is no such file."""
    from gpufix.baseline import NotBaseline, load

    try:
        return load(Path(file))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise fail(f"{file}: {error.strerror}") from None
    except NotBaseline as error:
        raise fail(str(error)) from None


def _written(diagnosis: Diagnosis, file: str) -> Baseline:
    """Replaces an earlier baseline, and nothing else."""
    from gpufix.baseline import of, render
    from gpufix.cli.output import write

    made = of(diagnosis, _read(file))
    write(render(made), file, "--write-baseline")
    _say(f"{file}: {_count(len(made.accepted), 'finding')} accepted")
    return made


def _without(diagnosis: Diagnosis, baseline: Baseline, file: str) -> Diagnosis:
    from gpufix.baseline import sort
    from gpufix.doctor import summarised

    sorted_ = sort(diagnosis, baseline)
    if sorted_.stale:
        _say(f"{file}: no longer found: {_listed(sorted_.stale)} (--write-baseline leaves it out)")
    summary = summarised(
        sorted_.remaining,
        diagnosis.gaps,
        diagnosis.targets,
        diagnosis.summary.ignored,
        sorted_.accepted,
    )
    return diagnosis.model_copy(update={"findings": sorted_.remaining, "summary": summary})


def _listed(stale: list[Entry]) -> str:
    named = [f"{entry.code} {entry.subject}" for entry in stale[:_SHOWN]]
    more = [f"{len(stale) - _SHOWN} more"] if len(stale) > _SHOWN else []
    return ", ".join([*named, *more])


def _say(line: str) -> None:
    from gpufix.report.clean import clean

    typer.echo(f"gpufix: {clean(line)}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
