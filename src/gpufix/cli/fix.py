"""`gpufix fix`: show the plans, or carry them out."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gpufix.cli import help, options
from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.checks.registry import Rule
    from gpufix.cli.examine import Patient
    from gpufix.engine.run.propose import FixRequest, Proposed
    from gpufix.engine.run_context import Indexes, RunContext
    from gpufix.facts.questions import Questions
    from gpufix.model import Facts, Outcome, Proposal

PENDING = 1
INTERRUPTED = 130


class _Manner(NamedTuple):
    """How plans are carried out."""

    keep: bool
    probe: bool | None
    deep: bool
    build: bool


def fix(
    project: options.Project = None,
    python: options.Python = None,
    gpu: options.Gpu = None,
    select: options.Select = None,
    ignore: options.Ignore = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CODE", help="Repair only these rules or families."),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply the plans, check, keep or undo.")
    ] = False,
    build: Annotated[
        bool,
        typer.Option("--build", help="Also build and import the project's extensions."),
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Also plans that change a version you chose.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the result even where a check fails.")
    ] = False,
    probe: Annotated[
        bool | None,
        typer.Option(
            "--probe/--no-probe",
            help="Undo what does not import; or import nothing. Default: import and say so.",
        ),
    ] = None,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Ask the index which versions would come.")
    ] = False,
    index_url: Annotated[
        str | None,
        typer.Option("--index-url", metavar="URL", help="Take packages from this index."),
    ] = None,
    find_links: Annotated[
        list[str] | None,
        typer.Option("--find-links", metavar="PLACE", help="Also look here. Repeatable."),
    ] = None,
    format: options.TextOrJsonFormat = TextOrJson.text,
    output: options.Output = None,
    deep: options.Deep = False,
    log: Annotated[
        str | None,
        typer.Option(
            "--log",
            metavar="FILE",
            help="Also what the error in this log asks for.",
        ),
    ] = None,
    fallback: Annotated[
        list[str] | None,
        typer.Option(
            "--fallback",
            metavar="NAME",
            autocompletion=help.fallbacks,
            help="Only install gpufix's replacement of it; or `list`.",
        ),
    ] = None,
) -> None:
    """Show how to repair the environment; with --apply, repair it.

    A safe plan can be undone and changes no version that you chose. After the repair, gpufix reads
    the environment again and imports what it repaired; what does not help is undone.
    """
    from gpufix.cli.cut_off import say_cut_off
    from gpufix.cli.examine import examine, no_patient, say_unjudged
    from gpufix.engine.run_context import Indexes, RunContext

    if "list" in (fallback or ()):
        _list_fallbacks()
    patient = examine(python, project, deep=deep)
    fix_request = _wish(patient, gpu, select, ignore, only, unsafe, log)
    fix_request = replace(fix_request, fallbacks=tuple(dict.fromkeys(fallback or ())))
    proposed = _propose(patient, fix_request)
    if build:
        proposed = proposed.with_builds()
    say_unjudged(patient.facts, proposed.judgement)
    if not apply:
        say_cut_off(patient.facts)
    if apply and proposed.choice.plans and patient.facts.python is None:
        raise no_patient(patient.facts.gaps)
    indexes = Indexes(index_url, tuple(find_links or ()))
    context = RunContext(patient.facts, indexes=indexes, say=_say)
    if not apply:
        shown = _preview(proposed, context, resolve)
        code = _show(shown, proposed.wanted, format, output)
        agreed = None
        if format is TextOrJson.text and output is None:
            agreed = _agreed(shown, proposed, patient, fix_request)
        if agreed is None:
            raise typer.Exit(code)
        proposed = agreed
    how = _Manner(keep, probe, deep, build)
    outcome = _carry_out(proposed, context, patient, fix_request, how)
    command = None
    if not build and not fallback and _leaves_unbuilt(outcome, patient):
        command = _building(project, python, gpu, unsafe, indexes)
    _finish(outcome, proposed.wanted, format, output, command)


def _wish(
    patient: Patient,
    gpu: list[str] | None,
    select: list[str] | None,
    ignore: list[str] | None,
    only: list[str] | None,
    unsafe: bool,
    log: str | None,
) -> FixRequest:
    from gpufix.cli.config import settings
    from gpufix.cli.values import RULES, split
    from gpufix.engine.run.propose import FixRequest

    chosen = settings(patient.facts, gpu, select, ignore, None)
    request = replace(chosen.request, of_log=_of_log(log) if log else None)
    return FixRequest(request, split("--only", only, RULES), unsafe)


def _of_log(log: str) -> Rule | None:
    """What the log's cause says of the installed packages."""
    from gpufix.cli.explain import read_log
    from gpufix.explain.advised import advised

    primary = read_log(log)[0].primary
    return advised(primary) if primary else None


def _list_fallbacks() -> None:
    """Prints the fallbacks there are, and exits."""
    from gpufix.fallbacks.catalogue import every

    width = max((len(f.name) for f in every()), default=0)
    for fallback in every():
        compiled = " (compiled when it is installed)" if fallback.build else ""
        typer.echo(f"{fallback.name:<{width}}  {fallback.summary}{compiled}")
    raise typer.Exit(0)


def _propose(patient: Patient, fix_request: FixRequest) -> Proposed:
    from gpufix.checks.judge import UnknownCode
    from gpufix.cli.examine import fail
    from gpufix.engine.run.propose import propose
    from gpufix.fallbacks.catalogue import UnknownFallback
    from gpufix.knowledge.gpus.models import GpuNameError

    try:
        return propose(patient.facts, patient.ask, fix_request)
    except (GpuNameError, UnknownCode, UnknownFallback) as error:
        raise fail(str(error)) from None


def _preview(proposed: Proposed, context: RunContext, resolve: bool) -> Proposal:
    from gpufix.cli.examine import fail
    from gpufix.engine.installer import resolve as ask_index
    from gpufix.engine.run.preview import proposal
    from gpufix.engine.run_context import EngineError

    try:
        return proposal(proposed, context, ask_index if resolve else None)
    except EngineError as error:
        raise fail(str(error)) from None


def _agreed(
    shown: Proposal, proposed: Proposed, patient: Patient, fix_request: FixRequest
) -> Proposed | None:
    """What the user says yes to on a terminal; None where nobody can be asked, or wants nothing."""
    from gpufix.cli import dialogue

    if not dialogue.can_ask() or not (shown.plans or dialogue.unsafe_of(shown)):
        return None
    try:
        wanted, unsafe = dialogue.consent(shown, _say)
    except (dialogue.Quit, KeyboardInterrupt):
        return None
    if not wanted and not unsafe:
        return None
    every = _propose(patient, replace(fix_request, unsafe=True)) if unsafe else proposed
    return dialogue.narrowed(proposed, wanted, unsafe, every)


def _show(
    proposal: Proposal, wanted: Container[str], format: TextOrJson, output: str | None
) -> int:
    """Print the preview; returns the exit code of a run that ends here."""
    from gpufix.cli.output import write, write_lines
    from gpufix.diagnosis.verdict import INTERNAL
    from gpufix.report import plans

    if format is TextOrJson.json:
        write(plans.as_json(proposal), output)
    else:
        write_lines(plans.proposed(proposal), output)
    standing = [f for f in proposal.standing if f.code in wanted]
    pending = [*proposal.plans, *proposal.held, *standing]
    unmet = any(s.asked for s in proposal.skips)
    return INTERNAL if proposal.failures else PENDING if pending or unmet else 0


def _look(patient: Patient, deep: bool) -> tuple[Facts, Questions | None]:
    """The same patient and project again, named as the first look found them."""
    from gpufix.cli.examine import examine

    python, project = patient.facts.python, patient.facts.project
    again = examine(
        python.executable if python else None, project.root if project else None, deep=deep
    )
    return again.facts, again.ask


def _carry_out(
    proposed: Proposed,
    context: RunContext,
    patient: Patient,
    fix_request: FixRequest,
    manner: _Manner,
) -> Outcome:
    from gpufix.cli.dialogue import Live
    from gpufix.engine.run.apply import termination
    from gpufix.engine.run.propose import judged
    from gpufix.engine.run.repair import Repair, nothing_to_do, repair
    from gpufix.facts.python.environment import state_dir

    if not proposed.choice.plans:
        return nothing_to_do(proposed, context.facts)
    how = Repair(
        state=state_dir(),
        request=judged(fix_request),
        look=lambda: _look(patient, manner.deep),
        keep=manner.keep,
        probe=manner.probe is not False,
        proven=manner.probe is True,
        build=manner.build,
        show=_show_more,
    )
    try:
        with termination(), Live(_say) as live:
            return repair(proposed, replace(context, say=live.say, tick=live.tick), how)
    except KeyboardInterrupt:
        _say(f"interrupted; {_what_is_left(how.state, context)}")
        raise typer.Exit(INTERRUPTED) from None


def _show_more(proposed: Proposed) -> None:
    """What is done next in the same run."""
    for plan in proposed.choice.plans:
        about = " ".join(plan.codes)
        _say(f"{plan.safety} {about}{' ' if about else ''}{plan.title}")
        for note in plan.notes:
            _say(f"  note: {note}")


def _leaves_unbuilt(outcome: Outcome, patient: Patient) -> bool:
    """Whether an extension of the project is not installed yet."""
    from gpufix.engine.builds.unbuilt import unbuilt
    from gpufix.evidence.view import View

    if outcome.state not in ("nothing", "kept"):
        return False
    facts, ask = _look(patient, False) if outcome.state == "kept" else (patient.facts, patient.ask)
    return any(unbuilt(View(facts, ask=ask)))


def _building(
    project: str | None, python: str | None, gpu: list[str] | None, unsafe: bool, indexes: Indexes
) -> str:
    """The same command, which builds as well."""
    import shlex

    words = ["gpufix", "fix", *([project] if project else []), "--apply", "--build"]
    words += ["--python", python] if python else []
    words += [word for name in gpu or () for word in ("--gpu", name)]
    words += ["--unsafe"] if unsafe else []
    words += ["--index-url", indexes.index_url] if indexes.index_url else []
    words += [word for place in indexes.find_links for word in ("--find-links", place)]
    return shlex.join(words)


def _what_is_left(state: Path, context: RunContext) -> str:
    from gpufix.engine.journal import runs
    from gpufix.engine.run.repair import prefix

    waiting = runs.interrupted(state, prefix(context))
    return (
        f"`gpufix undo {waiting.id}` restores what was begun"
        if waiting
        else "nothing is left half done"
    )


def _finish(
    outcome: Outcome,
    wanted: Container[str],
    format: TextOrJson,
    output: str | None,
    command: str | None,
) -> None:
    from gpufix.checks.judge import INTERNAL_CODES
    from gpufix.cli.output import write, write_lines
    from gpufix.diagnosis.verdict import INTERNAL
    from gpufix.engine.run.repair import left
    from gpufix.report import plans

    if command is not None:
        notes = [*outcome.notes, f"not built yet; to build, read back and import: {command}"]
        outcome = replace(outcome, notes=notes)
    if format is TextOrJson.json:
        write(plans.outcome_as_json(outcome), output)
    else:
        write_lines(plans.came_out(outcome), output)
    if any(f.code in INTERNAL_CODES for f in (*outcome.remaining, *outcome.introduced)):
        raise typer.Exit(INTERNAL)
    unmet = any(s.asked for s in outcome.skips) or any(p.failed for p in outcome.probes)
    unbuilt = any(row.plan.fix == "build" and row.tried for row in outcome.held)
    raise typer.Exit(1 if left(outcome, wanted) or unmet or unbuilt else 0)


def _say(line: str) -> None:
    from gpufix.text.clean import clean

    typer.echo(f"gpufix: {clean(line)}", err=True)
