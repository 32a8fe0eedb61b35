"""Runs every collector, in the order in which they need each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import gpufix
from gpufix.facts.context import CollectContext
from gpufix.model import (
    Binaries,
    CacheEntry,
    CondaPackage,
    Distribution,
    Driver,
    Environment,
    Facts,
    Gpu,
    Host,
    Network,
    Python,
    Shadow,
    SharedFile,
    Storage,
    Tool,
    Toolkit,
)

Installed: TypeAlias = tuple[list[Distribution], list[SharedFile]]
Machine: TypeAlias = tuple[list[Gpu], list[Driver]]


def collect(ctx: CollectContext, python: str | None, project: Path | None) -> Facts:
    """Observe one patient. `python` and `project` as on the command line, already located.

    Raises facts.python.interpreter.NoInterpreter when `python` names no interpreter, and
    facts.project.ConfigError when the project's configuration cannot be used. Everything else
    that goes wrong becomes a gap.
    """
    from gpufix.facts.libraries import libraries
    from gpufix.facts.machine import caches, gpus
    from gpufix.facts.machine import network as network_facts
    from gpufix.facts.machine import storage as storage_facts
    from gpufix.facts.packages import conda, conda_prefix, distributions
    from gpufix.facts.project import project as project_facts
    from gpufix.facts.project import script_folder
    from gpufix.facts.python import environment, interpreter, torch_package

    ctx.progress("interpreter")
    patient = interpreter.collect(ctx, python, project)
    shadows: list[Shadow] = []
    unmet: dict[str, str] = {}
    shadows, unmet = ctx.attempt(
        "scripts", lambda: script_folder.collect(ctx, patient, project), (shadows, unmet)
    )
    if project is None and any(Path(shadow.path).parent == ctx.cwd for shadow in shadows):
        project = ctx.cwd  # a script of it hides a package: somebody works in this folder
    ctx.examined = _examined(patient, project)
    if patient is not None and patient.platform == "win32":
        from gpufix.facts.windows.collect import collect_windows

        return collect_windows(ctx, patient, project)
    overlay, patient = _overlaid(ctx, python, project, patient)
    ctx.progress("installed distributions")
    condas = ctx.attempt("conda", lambda: conda.collect(ctx, patient), conda.Installed())
    managed = ctx.attempt("conda", lambda: conda_prefix.collect(ctx, patient), None)
    installed: Installed = ([], [])
    dists, shared = ctx.attempt(
        "distributions", lambda: distributions.collect(ctx, patient, condas), installed
    )
    packages = condas.beside(dists)
    torch_facts = ctx.attempt("torch", lambda: torch_package.collect(ctx, patient, dists), None)
    ctx.progress("GPUs and drivers")
    machine: Machine = ([], [])
    machine = ctx.attempt("gpus", lambda: gpus.collect(ctx), machine)
    kits, programs = _compilers(ctx, patient, [*dists, *packages])
    jit: list[CacheEntry] = []
    jit = ctx.attempt("caches", lambda: caches.collect(ctx, patient, torch_facts), jit)
    folder = project_facts.collect(ctx, project)
    variables = ctx.attempt(
        "environment", lambda: environment.collect(ctx, overlay, patient), Environment()
    )
    # The environment file outranks the process: what it says is what the loader would be told.
    there = replace(ctx, environ=environment.overlaid(ctx.environ, variables.overlay))
    storage: Storage | None = None
    if ctx.compare:
        storage = ctx.attempt("storage", lambda: storage_facts.collect(ctx, patient), storage)
        later = ctx.defer and storage is not None and storage.network
        there = replace(there, compare=not later)
    ctx.progress("compiled libraries")
    built = [path for entry in jit if entry.own for path in entry.libraries]
    built += folder.libraries if folder else []
    binaries = ctx.attempt(
        "binaries",
        lambda: libraries.collect(there, patient, dists, torch_facts, built, packages),
        Binaries(),
    )
    network: Network | None = None
    if ctx.compare:
        ctx.progress("network")
        network = ctx.attempt("network", lambda: network_facts.collect(ctx), network)
    prefixes = [patient.prefix, patient.base_prefix] if patient else []
    return Facts(
        gpufix_version=gpufix.__version__,
        host=_host(ctx, prefixes),
        python=patient,
        distributions=dists,
        conda=managed,
        conda_packages=packages,
        shared_files=shared,
        torch=torch_facts,
        gpus=machine[0],
        drivers=machine[1],
        toolkits=kits,
        tools=programs,
        caches=jit,
        environment=variables,
        binaries=binaries,
        project=folder,
        gaps=list(ctx.gaps),
        shadows=shadows,
        unmet_imports=unmet,
        network=network,
        storage=storage,
    )


def collect_to_run(
    ctx: CollectContext, python: str | None, project: Path | None, compilers: bool = False
) -> Facts:
    """What it takes to run a program with the patient's torch. No library or script is read.

    `compilers`: what it takes to compile one, too. Raises as `collect` does.
    """
    from gpufix.facts.machine import gpus
    from gpufix.facts.packages import conda, distributions
    from gpufix.facts.python import environment, interpreter, torch_package

    ctx.progress("interpreter")
    patient = interpreter.collect(ctx, python, project)
    ctx.examined = _examined(patient, project)
    if patient is not None and patient.platform == "win32":
        from gpufix.facts.windows.collect import collect_windows

        return collect_windows(ctx, patient, project)
    overlay, patient = _overlaid(ctx, python, project, patient)
    ctx.progress("installed distributions")
    condas = ctx.attempt("conda", lambda: conda.collect(ctx, patient), conda.Installed())
    installed: Installed = ([], [])
    dists, shared = ctx.attempt(
        "distributions", lambda: distributions.collect(ctx, patient, condas), installed
    )
    torch = ctx.attempt("torch", lambda: torch_package.collect(ctx, patient, dists), None)
    ctx.progress("GPUs and drivers")
    machine: Machine = ([], [])
    machine = ctx.attempt("gpus", lambda: gpus.collect(ctx), machine)
    kits: list[Toolkit] = []
    programs: list[Tool] = []
    if compilers:
        kits, programs = _compilers(ctx, patient, [*dists, *condas.beside(dists)])
    variables = ctx.attempt(
        "environment", lambda: environment.collect(ctx, overlay, patient), Environment()
    )
    return Facts(
        gpufix_version=gpufix.__version__,
        host=_host(ctx, None),
        python=patient,
        distributions=dists,
        shared_files=shared,
        torch=torch,
        gpus=machine[0],
        drivers=machine[1],
        toolkits=kits,
        tools=programs,
        environment=variables,
        gaps=list(ctx.gaps),
    )


def _overlaid(
    ctx: CollectContext, python: str | None, project: Path | None, patient: Python | None
) -> tuple[Path | None, Python | None]:
    """The environment file, and the patient as it is with what that sets."""
    from gpufix.facts.python import environment, interpreter

    overlay = environment.overlay_path(patient.prefix, project, ctx.environ) if patient else None
    if overlay is not None:
        written = environment.overlay(ctx, overlay)
        if not environment.MOVE_SYS_PATH.isdisjoint(written):
            there = replace(ctx, environ=environment.overlaid(ctx.environ, written))
            patient = interpreter.collect(there, python, project)
    return overlay, patient


def _host(ctx: CollectContext, prefixes: Sequence[str] | None) -> Host:
    """`prefixes`: as for facts.machine.operating_system."""
    if os.name == "nt":  # no environment was found there
        from gpufix.facts.windows import machine

        return machine.host(None)
    from gpufix.facts.machine import operating_system

    unknown = Host(os="?", kernel="?", machine="?")
    return ctx.attempt("host", lambda: operating_system.collect(ctx, prefixes), unknown)


def _examined(patient: Python | None, project: Path | None) -> tuple[Path, ...]:
    """The system's own folders have everybody's programs: they are the machine, not the patient."""
    prefix = [Path(patient.prefix)] if patient and patient.kind != "system" else []
    return (*prefix, *([project] if project else []))


def _compilers(
    ctx: CollectContext, patient: Python | None, dists: Sequence[Distribution | CondaPackage]
) -> tuple[list[Toolkit], list[Tool]]:
    from gpufix.facts.toolchain import toolkits, tools

    ctx.progress("toolkits and compilers")
    kits: list[Toolkit] = []
    kits = ctx.attempt("toolkits", lambda: toolkits.collect(ctx, patient, dists), kits)
    programs: list[Tool] = []
    return kits, ctx.attempt("tools", lambda: tools.collect(ctx, patient), programs)
