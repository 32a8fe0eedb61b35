"""Everything observed of a Windows patient. Of this machine only what is the patient's as well."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import gpufix
from gpufix.facts.context import CollectContext
from gpufix.facts.machine import gpus, nvidia
from gpufix.facts.packages import distributions
from gpufix.facts.project import project as project_facts
from gpufix.facts.python import environment, torch_package
from gpufix.facts.windows import libraries, machine
from gpufix.model import (
    Binaries,
    Distribution,
    Driver,
    Environment,
    Facts,
    Gpu,
    Python,
    Torch,
)


def collect_windows(ctx: CollectContext, patient: Python, project: Path | None) -> Facts:
    """As facts.collect.collect, by the files of the patient alone where this machine runs no Windows."""
    here = os.name == "nt"
    there = ctx if here else replace(ctx, environ={}, gaps=ctx.gaps)
    ctx.progress("installed distributions")
    dists, shared = distributions.collect(there, patient)
    torch = torch_package.collect(there, patient, dists)
    ctx.progress("Windows")
    windows = machine.collect(there, patient)
    devices, driver = _gpus(ctx, machine.driver(patient, there.environ))
    folder = project_facts.collect(ctx, project)
    ctx.progress("compiled libraries")
    binaries = _scanned(there, patient, dists, torch, windows.system32)
    return Facts(
        gpufix_version=gpufix.__version__,
        host=machine.host(patient),
        python=patient,
        distributions=dists,
        shared_files=shared,
        torch=torch,
        gpus=devices,
        drivers=[driver] if driver else [],
        toolkits=machine.toolkits(patient, there.environ),
        tools=machine.tools(windows.visual_studios or ()),
        environment=environment.collect(ctx, None) if here else Environment(),
        binaries=binaries,
        project=folder,
        gaps=list(ctx.gaps),
        windows=windows,
    )


def _scanned(
    ctx: CollectContext,
    patient: Python,
    dists: list[Distribution],
    torch: Torch | None,
    system32: str | None,
) -> Binaries:
    try:
        return libraries.collect(ctx, patient, dists, torch, system32)
    except Exception as error:
        ctx.gap("binaries", "binaries", f"the collector crashed: {error!r}")
        return Binaries()


def _gpus(ctx: CollectContext, driver: Driver | None) -> tuple[list[Gpu], Driver | None]:
    """On Windows those that NVML names, in WSL those that it shares; elsewhere nobody is asked."""
    if os.name != "nt":
        shared = ctx.at("/usr/lib/wsl/lib").exists()
        return gpus.collect(ctx)[0] if shared else [], driver
    if driver is None:
        return [], None
    survey = nvidia.ask_nvml(ctx)
    cuda, error = nvidia.said_of_driver(survey)
    return nvidia.from_nvml(ctx, survey), replace(driver, cuda=cuda, error=error)
