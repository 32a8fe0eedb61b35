"""``python -m clinic``: cases, their truth, and tools run over them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from clinic import adapter, build, harbor, report, runner, sealed, truth, wheels
from clinic.case import BadCase, Case, cases
from clinic.patient import Failed

app = typer.Typer(
    name="clinic",
    help="A public benchmark of broken GPU environments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Names = Annotated[Optional[list[str]], typer.Argument(help="Ids, families, tags or kinds [all]")]  # noqa: UP045


@app.command("list")
def listed(names: Names = None) -> None:
    """The cases, a line each."""
    for case in cases(names):
        cause = "healthy" if case.healthy else case.cause.name if case.cause else ""
        print(f"{case.id:48} {case.family:16} {cause}")


@app.command("truth")
def remade(
    names: Names = None,
    check: Annotated[bool, typer.Option(help="Only compare; truth.json stays as it is")] = False,
) -> None:
    """Make each patient and its truth log anew; what contradicts the case is a failure."""
    bad = 0
    for case in cases(names):
        fault = _remade(case, check)
        bad += bool(fault)
        print(f"{case.id}: {fault or 'true'}", flush=True)
    raise typer.Exit(1 if bad else 0)


def _remade(case: Case, check: bool) -> str:
    try:
        with build.patient(case) as patient:
            made, faults = truth.log(case, patient)
    except build.Unfit as unfit:
        return f"left out: {unfit}"
    except Failed as failed:
        return str(failed)
    if faults:
        return "\n  ".join(["the case is not as it says", *faults])
    if not check:
        truth.save(case, made)
    return ""


@app.command("make")
def made(
    name: Annotated[str, typer.Argument(help="A case's id")],
    at: Annotated[Optional[Path], typer.Option(help="A folder, which is replaced")] = None,  # noqa: UP045
) -> None:
    """Make a patient and keep it, to look at."""
    (case,) = [c for c in cases([name]) if c.id == name]
    with build.patient(case, at=at or wheels.cache() / "patients" / name) as patient:
        print(patient.root)


@app.command("lock")
def locked(
    requirements: Annotated[list[str], typer.Argument(help="name==version …")],
    python: Annotated[str, typer.Option(help="For this Python")] = "3.11",
    resolve: Annotated[bool, typer.Option(help="With all that they need")] = True,
    output: Annotated[Optional[Path], typer.Option(help="A wheels.txt")] = None,  # noqa: UP045
) -> None:
    """Pin wheels by hash."""
    text = wheels.lock(requirements, python, resolve=resolve)
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


@app.command("run")
def ran(
    names: Names = None,
    tool: Annotated[Optional[list[str]], typer.Option(help="Repeatable [all]")] = None,  # noqa: UP045
    jobs: Annotated[int, typer.Option(min=1, help="Patients at a time")] = 2,
    again: Annotated[bool, typer.Option(help="Also what has been asked already")] = False,
    opened: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--sealed", help="Sealed cases, opened now, in this folder instead"),
    ] = None,
) -> None:
    """Ask tools about cases; a stopped run goes on where it was."""
    chosen = sealed.opened(opened) if opened else cases(names)
    failed = runner.run(adapter.adapters(tool), chosen, jobs=jobs, again=again)
    raise typer.Exit(1 if failed else 0)


@app.command("seal")
def sealing(folder: Annotated[Path, typer.Argument(help="A case's folder")]) -> None:
    """What to publish of a case that stays closed for now."""
    print(sealed.line(folder), end="")


@app.command("report")
def reported(
    check: Annotated[bool, typer.Option(help="Only say whether the page is current")] = False,
) -> None:
    """Judge the kept answers and write docs/clinic.md and results/matches.jsonl."""
    texts = {report.PAGE: report.page(), runner.RESULTS / "matches.jsonl": report.matches()}
    stale = [p for p, t in texts.items() if not p.exists() or p.read_text("utf-8") != t]
    for path in stale:
        print(f"{path.name}: {'not current' if check else 'written'}")
        if not check:
            path.write_text(texts[path], encoding="utf-8")
    raise typer.Exit(1 if check and stale else 0)


@app.command("harbor")
def exported(
    folder: Annotated[Path, typer.Argument(help="Where the tasks are written")], names: Names = None
) -> None:
    """Export cases as tasks of Harbor, to measure agents."""
    for case in cases(names):
        print(harbor.export(case, folder))


def main() -> None:
    try:
        app()
    except (BadCase, Failed) as fault:
        print(f"clinic: {fault}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
