"""`gpufix fleet`: many nodes, by whatever reaches them."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import fleet_engine, options
from gpufix.cli.choices import FailOn
from gpufix.cli.diff import diff
from gpufix.cli.fleet_smoke import smoke
from gpufix.cli.help import FleetCommand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufix.diagnosis.verdict import Gate
    from gpufix.fleet.engines import Engine
    from gpufix.fleet.inputs import Reading
    from gpufix.fleet.launch import Look
    from gpufix.fleet.report import FleetRequest
    from gpufix.model.fleet_report import FleetReport

fleet = typer.Typer(
    help="Many nodes: who is the odd one out, by Ray, Slurm, ssh, Kubernetes, or saved answers.",
)


class FleetFormat(str, Enum):
    """Report formats. exclude, drain: for Slurm; npd: a plug-in of node-problem-detector."""

    text = "text"
    json = "json"
    html = "html"
    prometheus = "prometheus"
    npd = "npd"
    drain = "drain"
    exclude = "exclude"
    kubernetes = "kubernetes"


class Origin(str, Enum):
    """Which gpufix looks at a node."""

    auto = "auto"
    node = "node"
    stream = "stream"


Form = Annotated[
    FleetFormat,
    typer.Option("--format", metavar="FORMAT", help=f"{', '.join(f.value for f in FleetFormat)}."),
]
Reference = Annotated[
    str | None,
    typer.Option(
        "--reference",
        metavar="FILE",
        help="A node's answer to compare with. Default: what most nodes have.",
    ),
]
Least = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        metavar="LEVEL",
        help="error, warning, advice or never. [default: error]",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit 1 also when something could not be looked at.")
]


@fleet.command("report", cls=FleetCommand)
def report(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Snapshots, files of JSON lines, folders of both, - for standard input.",
        ),
    ],
    gpu: options.Gpu = None,
    select: options.Select = None,
    ignore: options.Ignore = None,
    fail_on: Least = None,
    strict: Strict = False,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            metavar="NODES",
            help="Nodes that should be among the answers: node[01-32]. One that is not is a row.",
        ),
    ] = None,
    reference: Reference = None,
    format: Form = FleetFormat.text,
    output: options.Output = None,
) -> None:
    """Compare saved answers of many nodes, and judge each distinct environment once."""
    from gpufix.cli.examine import fail
    from gpufix.fleet.inputs import expected, read_all
    from gpufix.fleet.ranges import BadRange, expand

    request = _request(gpu, select, ignore, reference)
    try:
        names = expand(expect) if expect else []
    except BadRange as error:
        raise fail(f"--expect {error}") from None
    made = _made(expected(read_all(inputs), names), request)
    raise typer.Exit(_emit(made, format, output, _gate(fail_on, strict)))


@fleet.command("doctor", cls=fleet_engine.Optional)
def doctor(
    ray: fleet_engine.Ray = None,
    slurm: fleet_engine.Slurm = None,
    ssh: fleet_engine.Ssh = None,
    here: Annotated[
        bool, typer.Option("--here", help="Only this node, compared with --reference.")
    ] = False,
    ssh_options: fleet_engine.SshOptions = "",
    python: options.Python = None,
    project: Annotated[
        str | None, typer.Option("--project", metavar="DIR", help="A project folder on each node.")
    ] = None,
    deep: options.Deep = False,
    gpufix: Annotated[
        Origin,
        typer.Option(
            "--gpufix",
            metavar="WHICH",
            help="auto: its own of this version, else streamed; node; stream.",
        ),
    ] = Origin.auto,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1, metavar="SECONDS", help="How long one node may take."),
    ] = 120.0,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Keep the answers, for fleet report."),
    ] = None,
    gpu: options.Gpu = None,
    select: options.Select = None,
    ignore: options.Ignore = None,
    fail_on: Least = None,
    strict: Strict = False,
    reference: Reference = None,
    format: Form = FleetFormat.text,
    output: options.Output = None,
) -> None:
    """Look at every node of a cluster, and report as `fleet report` does.

    Nothing is installed: a node without this gpufix gets it for the run. One that gives no answer is a
    row of the report.
    """
    from gpufix.cli.examine import fail
    from gpufix.fleet.engines import CannotReach
    from gpufix.fleet.launch import Look

    named = fleet_engine.which(ray, slurm, ssh, here)
    request = _request(gpu, select, ignore, reference)
    look = Look(python, project, deep, gpufix.value, timeout)
    try:
        engine = fleet_engine.engine(ray, slurm, ssh, ssh_options)
        try:
            made = _made(_answers(engine, look, named, save), request)
        finally:
            engine.close()
    except CannotReach as error:
        raise fail(str(error)) from None
    raise typer.Exit(_emit(made, format, output, _gate(fail_on, strict)))


class Kind(str, Enum):
    """Kinds of manifests."""

    job = "job"
    daemonset = "daemonset"


@fleet.command("manifest", cls=FleetCommand)
def manifest(
    kind: Annotated[
        Kind, typer.Argument(metavar="KIND", help="job (an indexed one) or daemonset.")
    ],
    image: Annotated[
        str, typer.Option("--image", metavar="IMAGE", help="The image that the training uses.")
    ],
    nodes: Annotated[
        int, typer.Option("--nodes", min=1, metavar="N", help="How many nodes the Job shall reach.")
    ] = 1,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Of the Job or DaemonSet.")
    ] = "gpufix-fleet",
    namespace: Annotated[
        str | None, typer.Option("--namespace", metavar="NAME", help="Of all objects.")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="The environment, inside the container."),
    ] = None,
    gpus: Annotated[
        int, typer.Option("--gpus", min=0, metavar="N", help="nvidia.com/gpu that a pod asks for.")
    ] = 0,
    selector: Annotated[
        list[str] | None,
        typer.Option("--node-selector", metavar="KEY=VALUE", help="Nodes with this label."),
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="The image has gpufix itself: no ConfigMaps.")
    ] = False,
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long the Job may take.")
    ] = 600,
    output: options.Output = None,
) -> None:
    """Print what Kubernetes needs to look at every node: gpufix itself and a Job or DaemonSet.

    What is judged is the environment inside the container of the image, on each node.
    """
    from gpufix.cli.examine import fail
    from gpufix.cli.output import write
    from gpufix.fleet.manifest import BadManifest, Request, render

    request = Request(
        kind=kind.value,
        image=image,
        nodes=nodes,
        name=name,
        namespace=namespace,
        python=python,
        gpus=gpus,
        selector=tuple(selector or ()),
        seconds=timeout,
        own=own,
    )
    try:
        text = render(request)
    except BadManifest as error:
        raise fail(str(error)) from None
    write(text, output)


@fleet.command("probe", cls=FleetCommand)
def probe(
    python: options.Python = None,
    project: Annotated[
        str | None, typer.Option("--project", metavar="DIR", help="A project folder.")
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NAME", help="What this node is called.")
    ] = None,
    deep: options.Deep = False,
    defer: Annotated[
        bool, typer.Option("--defer", help="Leave out the bytes of files on shared storage.")
    ] = False,
    seconds: Annotated[
        str | None, typer.Option("--seconds", metavar="N", help="End after this time.")
    ] = None,
) -> None:
    """Look at this node and print one line for `fleet report`: for clush, pdsh, Ansible, Dask."""
    from gpufix.fleet.probe import Wanted, run

    run(Wanted(python, project, node, deep, defer, seconds))


fleet.command("diff", cls=FleetCommand)(diff)
fleet.command("smoke", cls=fleet_engine.Optional)(smoke)


def _request(
    gpu: list[str] | None,
    select: list[str] | None,
    ignore: list[str] | None,
    reference: str | None,
) -> FleetRequest:
    from gpufix.checks.judge import Selection
    from gpufix.cli.diff import one
    from gpufix.cli.values import GPUS, RULES, split
    from gpufix.fleet.report import FleetRequest

    return FleetRequest(
        gpus=split("--gpu", gpu, GPUS),
        selection=Selection(
            select=split("--select", select, RULES), ignore=split("--ignore", ignore, RULES)
        ),
        reference=one(reference) if reference else None,
    )


def _answers(engine: Engine, look: Look, name: str, save: str | None) -> Iterable[Reading]:
    """The readings; kept in a file, too, where that is wanted."""
    from dataclasses import replace

    from gpufix.fleet.ask import ask
    from gpufix.fleet.engines import PYTHON
    from gpufix.fleet.launch import here, work

    if name == "--here":
        readings = ask(engine, here(look))
    else:
        default = PYTHON if name == "--ray" else ""
        first, whole = work(replace(look, defer=True), default), work(look, default)
        readings = ask(engine, first, whole)
    if save is None:
        return readings
    from gpufix.cli.output import write
    from gpufix.fleet.inputs import line

    kept = list(readings)
    write("".join(f"{line(reading)}\n" for reading in kept), save, "--save")
    return kept


def _made(readings: Iterable[Reading], request: FleetRequest) -> FleetReport:
    from gpufix.checks.judge import UnknownCode
    from gpufix.cli.examine import fail
    from gpufix.fleet.inputs import CannotRead
    from gpufix.fleet.report import NoReference, report
    from gpufix.knowledge.gpus.models import GpuNameError

    try:
        return report(readings, request)
    except (CannotRead, NoReference, GpuNameError, UnknownCode) as error:
        raise fail(str(error)) from None


def _gate(fail_on: FailOn | None, strict: bool) -> Gate:
    from gpufix.diagnosis.verdict import Gate

    return Gate.of((fail_on or FailOn.error).value, strict)


def _emit(made: FleetReport, format: FleetFormat, output: str | None, gate: Gate) -> int:
    """Print it; returns the exit code."""
    from gpufix.cli.output import write, write_lines
    from gpufix.fleet.report import exit_code
    from gpufix.report.fleet import acting, json, page, prometheus, table

    code = exit_code(made, gate)
    if format is FleetFormat.text:
        write_lines(table.lines(made), output)
    elif format is FleetFormat.npd:
        line, code = acting.detector(made, made.nodes)
        write(f"{line}\n", output)
    else:
        render = {
            FleetFormat.json: json.render,
            FleetFormat.html: page.render,
            FleetFormat.prometheus: prometheus.render,
            FleetFormat.drain: acting.drain,
            FleetFormat.exclude: acting.exclude,
            FleetFormat.kubernetes: acting.kubernetes,
        }[format]
        write(render(made), output)
    sys.stdout.flush()
    return code
