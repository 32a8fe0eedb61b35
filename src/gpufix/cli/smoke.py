"""`gpufix smoke`: compile, validate and benchmark the kernel suite."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.model import Facts
    from gpufix.model.smoke_result import SmokeReport
    from gpufix.smoke.request import SmokeRequest

FAULTS = 1


def smoke(
    gpu: options.Gpu = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KERNEL", help="Only these kernels. Repeatable."),
    ] = None,
    compile_only: Annotated[
        bool, typer.Option("--compile-only", help="Run nothing: needs no GPU.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Only: does each GPU work with this torch? Needs no compiler."
        ),
    ] = False,
    format: options.TextOrJsonFormat = TextOrJson.text,
    output: options.Output = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Keep the results for --compare."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="FILE", help="Put a saved run beside this one."),
    ] = None,
    python: options.Python = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Compilers at once.")
    ] = None,
    private_toolkit: Annotated[
        bool,
        typer.Option(
            "--private-toolkit",
            help="Compile CUDA with wheels that pip installs into gpufix's cache (CUDA 13).",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="A line for each case of each kernel.")
    ] = False,
) -> None:
    """Prove that GPU code builds and runs here: compile, validate and time a suite of kernels."""
    from gpufix.cli.examine import examine_to_run, say_unjudged, whole
    from gpufix.cli.output import write
    from gpufix.smoke import save as saving

    if quick:
        _only_quick({"--gpu": gpu, "--only": only, "--compile-only": compile_only,
                     "--jobs": jobs, "--private-toolkit": private_toolkit})  # fmt: skip
    then = _load(compare)
    facts = examine_to_run(python, compilers=not quick)
    request = _request(facts, gpu, only, compile_only, jobs, quick)
    if facts.python is None:
        say_unjudged(facts)
    request = replace(request, private_toolkit=private_toolkit, quick=quick)
    report = _run(facts, request, lambda: whole(python))
    if then is not None and compare is not None:
        beside = saving.compare(report, then, compare)
        report = replace(report, comparison=beside)
    if save is not None:
        _save(report, save)
    if format is TextOrJson.json:
        write(saving.dumps(report), output)
    else:
        _text(report, output, verbose)
    failed = any(finding.severity.value == "error" for finding in report.findings)
    raise typer.Exit(FAULTS if failed else 0)


def _only_quick(others: dict[str, object]) -> None:
    """--quick compiles nothing and asks every GPU: what steers that says something else."""
    from gpufix.cli.examine import fail

    for name, value in others.items():
        if value:
            raise fail(f"--quick and {name} exclude each other")


def _load(path: str | None) -> SmokeReport | None:
    """Before anything is compiled: a file that cannot be read is a usage error."""
    from gpufix.cli.examine import fail
    from gpufix.smoke.save import CorruptSave, load

    if path is None:
        return None
    try:
        return load(Path(path))
    except OSError as error:
        raise fail(f"--compare {path}: {error.strerror}") from None
    except CorruptSave as error:
        raise fail(f"--compare {error}") from None


def _request(
    facts: Facts,
    gpu: list[str] | None,
    only: list[str] | None,
    compile_only: bool,
    jobs: int | None,
    quick: bool,
) -> SmokeRequest:
    from gpufix.cli.examine import fail
    from gpufix.cli.values import GPUS, KERNELS, split
    from gpufix.kernels.execute import TORCH_EXTENSION
    from gpufix.kernels.manifest import suite
    from gpufix.knowledge.gpus.models import GpuNameError
    from gpufix.smoke.devices import NoTarget, targets_of
    from gpufix.smoke.request import SmokeRequest, cache_dir, child_environment, compilers_at_once

    kernels, wanted = suite(), set(split("--only", only, KERNELS))
    known = [*(kernel.name for kernel in kernels), TORCH_EXTENSION.name]
    if unknown := sorted(wanted - set(known)):
        raise fail(f"--only {unknown[0]}: no such kernel; there are {', '.join(known)}")
    try:
        targets = targets_of(facts, split("--gpu", gpu, GPUS), compile_only, quick)
    except (GpuNameError, NoTarget) as error:
        raise fail(str(error)) from None
    return SmokeRequest(
        targets=tuple(targets),
        kernels=tuple(k for k in kernels if not wanted or k.name in wanted),
        with_torch_extension=not wanted or TORCH_EXTENSION.name in wanted,
        compile_only=compile_only,
        jobs=compilers_at_once(facts, jobs),
        cache=cache_dir(),
        env=child_environment(facts),
    )


def _run(facts: Facts, request: SmokeRequest, whole: Callable[[], Facts]) -> SmokeReport:
    """In a thread: a signal then interrupts the waiting, and finds no lock held in between.

    `whole` reads the environment's libraries too.
    """
    from gpufix.cli.examine import fail
    from gpufix.process import stop_all
    from gpufix.report.progress import SmokeProgress
    from gpufix.smoke.private import PrivateToolkitError
    from gpufix.smoke.quick import quick
    from gpufix.smoke.suite import smoke as run_suite

    def run(facts: Facts, request: SmokeRequest, say: Callable[[str], None]) -> SmokeReport:
        if request.quick:
            return quick(facts, request.targets[0], request.env, say)
        return run_suite(facts, request, say, whole)

    with SmokeProgress() as progress, ThreadPoolExecutor(max_workers=1) as pool:
        say: Callable[[str], None] = progress.say
        running = pool.submit(run, facts, request, say)
        try:
            return running.result()
        except OSError as error:
            hint = "XDG_CACHE_HOME names another place"
            raise fail(f"cannot compile into {request.cache}: {error} ({hint})") from None
        except PrivateToolkitError as error:
            raise fail(str(error)) from None
        except BaseException:
            stop_all()
            raise


def _save(report: SmokeReport, path: str) -> None:
    from gpufix.cli.examine import fail
    from gpufix.smoke.save import save

    try:
        save(report, Path(path))
    except OSError as error:
        raise fail(f"--save {path}: {error.strerror}") from None


def _text(report: SmokeReport, output: str | None, verbose: bool) -> None:
    from gpufix.cli.output import write
    from gpufix.report.smoke_table import show, text

    if output is None:
        show(report, verbose)
    else:
        write(text(report, verbose), output)
