"""`gpufix fleet smoke`: GPUs, links and collectives of many nodes, by loading them."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import fleet_engine, options
from gpufix.cli.choices import FailOn, TextOrJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufix.fleet.engines import Engine
    from gpufix.fleet.smoke.drive import Wanted
    from gpufix.model.fleet_smoke import FleetSmoke


class Device(str, Enum):
    """What the ranks work on."""

    auto = "auto"
    cuda = "cuda"
    cpu = "cpu"


class Section(str, Enum):
    """Parts of the test."""

    quick = "quick"
    copies = "copies"
    allreduce = "allreduce"
    pairs = "pairs"


def smoke(
    ray: fleet_engine.Ray = None,
    slurm: fleet_engine.Slurm = None,
    ssh: fleet_engine.Ssh = None,
    here: Annotated[bool, typer.Option("--here", help="Only this node.")] = False,
    ssh_options: fleet_engine.SshOptions = "",
    python: options.Python = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Load the GPUs of these nodes without a question.")
    ] = False,
    device: Annotated[
        Device,
        typer.Option(
            "--device", metavar="DEVICE", help="auto: GPUs; cpu: ranks on processors, by gloo."
        ),
    ] = Device.auto,
    ranks: Annotated[
        int,
        typer.Option(
            "--ranks", min=1, max=64, metavar="N", help="With --device cpu: ranks of each node."
        ),
    ] = 2,
    only: Annotated[
        list[Section] | None,
        typer.Option(
            "--only", metavar="PART", help="Only quick, copies, allreduce or pairs. Repeatable."
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=10, metavar="SECONDS", help="How long one step may take."),
    ] = 300.0,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", metavar="LEVEL", help="error, warning, advice or never.")
    ] = FailOn.error,
    format: options.TextOrJsonFormat = TextOrJson.text,
    output: options.Output = None,
) -> None:
    """Load every GPU of every node for about a minute, and name who is slow, wrong or lost.

    `smoke --quick` on each GPU; copies between the GPUs of a node; all-reduces; then rounds of pairs
    that tell a slow rank from a slow link. Needs torch on the nodes, and your consent: a question
    on a terminal, --yes elsewhere.
    """
    from gpufix.cli.examine import fail
    from gpufix.fleet.engines import CannotReach
    from gpufix.fleet.smoke.drive import SECTIONS, Wanted
    from gpufix.fleet.smoke.outcome import exit_code

    named = fleet_engine.which(ray, slurm, ssh, here)
    wanted = Wanted(
        python=_python(python, named),
        device=None if device is Device.auto else device.value,
        ranks=ranks,
        seconds=timeout,
        sections=tuple(section.value for section in only) if only else SECTIONS,
    )
    if not yes:
        _may_ask()
    try:
        engine = fleet_engine.engine(ray, slurm, ssh, ssh_options)
        try:
            made = _run(engine, wanted, yes)
        finally:
            engine.close()
    except CannotReach as error:
        raise fail(str(error)) from None
    _emit(made, format, output)
    from gpufix.diagnosis.verdict import Gate

    raise typer.Exit(exit_code(made, Gate.of(fail_on.value)))


def _python(given: str | None, named: str) -> str:
    """On this node the environment that other commands judge; elsewhere what is there."""
    from gpufix.cli.examine import fail
    from gpufix.facts.context import CollectContext
    from gpufix.facts.python.interpreter import NoInterpreter, collect
    from gpufix.fleet.engines import PYTHON

    if named != "--here":
        return given or (PYTHON if named == "--ray" else "")
    try:
        found = collect(CollectContext(), given)
    except NoInterpreter as error:
        raise fail(str(error)) from None
    return found.executable if found else ""


def _may_ask() -> None:
    from gpufix.cli.dialogue import can_ask
    from gpufix.cli.examine import fail

    if not can_ask():
        raise fail("fleet smoke loads the GPUs of all these nodes: --yes says that you want it")


def _run(engine: Engine, wanted: Wanted, yes: bool) -> FleetSmoke:
    from gpufix.cli.dialogue import Live
    from gpufix.fleet.smoke.drive import smoke as drive

    nodes = list(engine.nodes())
    if not yes and not _consents(nodes):
        raise typer.Exit(0)
    with Live(lambda line: print(f"gpufix: {line}", file=sys.stderr)) as live:
        return drive(engine, nodes, wanted, live.say)


def _consents(nodes: Sequence[str]) -> bool:
    """One question, for all nodes."""
    from gpufix.cli import first_words
    from gpufix.fleet.ranges import fold
    from gpufix.text.clean import clean, counted

    first_words.wipe()
    question = f"Load the GPUs of {counted(len(nodes), 'node')} ({clean(fold(nodes))[:200]})"
    try:
        return input(f"{question} for about a minute? [y]es [n]o: ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _emit(made: FleetSmoke, format: TextOrJson, output: str | None) -> None:
    from gpufix.cli.output import write, write_lines
    from gpufix.report.fleet import json, smoke_table

    if format is TextOrJson.json:
        write(json.smoke(made), output)
    else:
        write_lines(smoke_table.lines(made), output)
    sys.stdout.flush()
