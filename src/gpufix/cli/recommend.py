"""`gpufix recommend`: which torch build fits."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.evidence.torch_builds.candidates import Extension
    from gpufix.evidence.torch_builds.question import Question
    from gpufix.evidence.torch_builds.rank import Prefer
    from gpufix.evidence.view import View

_SHOWN = 6


class Preference(str, Enum):
    """What matters most among builds that fit."""

    newest = "newest"
    oldest_cuda = "oldest-cuda"
    smallest_change = "smallest-change"


def recommend(
    packages: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PACKAGE...]", help="Packages that must have a wheel: gsplat."),
    ] = None,
    gpu: options.Gpu = None,
    python: options.Python = None,
    python_version: Annotated[
        str | None,
        typer.Option(
            "--python-version",
            metavar="X.Y",
            help="For a Python that is not here (3.12, 3.13t).",
        ),
    ] = None,
    driver: options.Driver = None,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            metavar="NAME",
            help="linux_x86_64 or linux_aarch64.",
        ),
    ] = None,
    extension: Annotated[
        list[str] | None,
        typer.Option(
            "--extension",
            metavar="FILE",
            help="A .so, wheel or package that must load with it.",
        ),
    ] = None,
    torch: Annotated[
        str | None,
        typer.Option("--torch", metavar="SPEC", help="Only these: 2.8, 2.7.0+cu118, '>=2.6,<2.9'."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME", help="The same as PACKAGE."),
    ] = None,
    prefer: Annotated[
        Preference | None,
        typer.Option(
            "--prefer",
            metavar="WHAT",
            help="newest, oldest-cuda or smallest-change. Default: smallest-change where torch is installed.",
        ),
    ] = None,
    format: options.TextOrJsonFormat = TextOrJson.text,
    output: options.Output = None,
    facts: options.FactsFile = None,
    everything: Annotated[bool, typer.Option("--all", help="Every build that fits.")] = False,
) -> None:
    """Say which torch build fits these GPUs, this driver, this Python and these extensions.

    Without options: for this environment and its GPUs. Nothing is downloaded or installed.
    """
    from gpufix.cli.output import write, write_lines
    from gpufix.evidence.torch_builds.rank import answer
    from gpufix.recommend.offer import offers, pose
    from gpufix.report import recommendation as report

    wanted = _companions([*(packages or ()), *(also or ())])
    elsewhere = python_version is not None or platform is not None
    view = None if elsewhere else _view(python, facts, gpu)
    question = _question(view, gpu, python_version, platform, (python, facts))
    question = _narrowed(question, driver, torch, _extensions(extension, view), wanted)
    preference = _preference(prefer, question)
    found = answer(question, preference)
    remains = pose(found, preference)
    shown = offers(found, view, wanted, None if everything else _SHOWN)
    if format is TextOrJson.json:
        write(report.as_json(found, shown, remains), output)
    else:
        write_lines(report.recommended(found, shown, remains), output)
    raise typer.Exit(0 if found.fitting else 1)


def _view(python: str | None, facts_file: str | None, gpu: list[str] | None) -> View:
    from gpufix.cli.examine import examine, fail
    from gpufix.cli.values import GPUS, split
    from gpufix.evidence.targets import choose
    from gpufix.evidence.view import View
    from gpufix.knowledge.gpus.models import GpuNameError

    patient = examine(python, None, facts_file)
    try:
        return View(patient.facts, choose(patient.facts, split("--gpu", gpu, GPUS)), patient.ask)
    except GpuNameError as error:
        raise fail(str(error)) from None


def _question(
    view: View | None,
    gpu: list[str] | None,
    python_version: str | None,
    platform: str | None,
    patient: tuple[str | None, str | None],
) -> Question:
    from gpufix.cli.examine import fail, no_patient
    from gpufix.cli.values import GPUS, split
    from gpufix.evidence.torch_builds.question import Question, of_view, platform_name, python_tag
    from gpufix.knowledge.gpus.models import GpuNameError, resolve

    if view is not None:
        targets = list(view.targets)
        found = of_view(view, targets)
        if found is None:
            if patient[1] is not None:
                raise fail("the snapshot holds no Python: name one with --python-version")
            raise no_patient(view.facts.gaps, ", or only its version with --python-version 3.12")
        if view.facts.python is not None and view.facts.python.platform == "win32":
            raise fail(
                "the builds that recommend knows are for Linux: --python-version asks about these"
            )
    else:
        if any(patient):
            raise fail("--python-version and --platform ask about no patient: leave it out")
        try:
            targets = [resolve(name) for name in split("--gpu", gpu, GPUS)]
            found = Question(
                tuple(targets), python_tag(python_version), platform=platform_name(platform)
            )
        except (GpuNameError, ValueError) as error:
            raise fail(str(error)) from None
    if len({t.vendor for t in targets}) > 1:
        raise fail("no torch build serves GPUs of both vendors: name those of one with --gpu")
    return found


def _narrowed(
    question: Question,
    driver: str | None,
    torch: str | None,
    extensions: tuple[Extension, ...],
    along: tuple[str, ...],
) -> Question:
    from dataclasses import replace

    from gpufix.cli.examine import fail
    from gpufix.evidence.torch_builds import question as asked

    try:
        allowed, variant = asked.wanted(torch) if torch else (None, None)
        return replace(
            question,
            driver=asked.driver(driver) if driver else question.driver,
            allowed=allowed,
            variant=variant,
            extensions=extensions,
            along=along,
        )
    except ValueError as error:
        raise fail(str(error)) from None


def _extensions(named: list[str] | None, view: View | None) -> tuple[Extension, ...]:
    if not named:
        return ()
    from gpufix.cli.examine import fail
    from gpufix.evidence.torch_builds.candidates import of_inspection
    from gpufix.inspection.installed import inspect
    from gpufix.inspection.subject import CannotInspect

    try:
        facts = view.facts if view else None
        return tuple(of_inspection(inspect(name, facts)) for name in named)
    except CannotInspect as error:
        raise fail(str(error)) from None


def _companions(named: list[str]) -> tuple[str, ...]:
    from gpufix.cli.examine import fail
    from gpufix.cli.values import PACKAGES, split
    from gpufix.knowledge import listings, packages
    from gpufix.text.names import normalise

    wanted = tuple(normalise(name) for name in split("--with", named, PACKAGES))
    every = {*packages.names(), *listings.names()}
    for name in wanted:
        if listings.key(name) is None and name not in every:
            raise fail(_stranger(name, sorted(every)))
    return wanted


def _stranger(name: str, known: list[str]) -> str:
    from gpufix.cli.help import suggestion

    near = suggestion(name, known) or f"; it knows {', '.join(known)}"
    return f"no wheels of {name!r} are known{near}"


def _preference(prefer: Preference | None, question: Question) -> Prefer:
    from gpufix.evidence.torch_builds.rank import Prefer

    if prefer is not None:
        return Prefer(prefer.value)
    return Prefer.smallest_change if question.now.release else Prefer.newest
