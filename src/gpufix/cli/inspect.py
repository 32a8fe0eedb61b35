"""`gpufix inspect`: one .so, wheel, archive, folder or installed package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson


def inspect(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help=".so, .whl, .a, .o, a folder, or a package's name."),
    ],
    python: options.Python = None,
    gpu: options.Gpu = None,
    driver: options.Driver = None,
    format: options.TextOrJsonFormat = TextOrJson.text,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All files and gaps.")] = False,
) -> None:
    """Say what compiled files need: libraries, torch releases, C++ ABI, and the GPUs they serve.

    With --python: whether they load in that environment. Nothing is loaded or unpacked to disk.
    """
    from gpufix.cli.examine import examine, fail, no_patient
    from gpufix.cli.values import GPUS, split
    from gpufix.evidence.gpu_code import driver_of
    from gpufix.evidence.torch_builds.question import driver as asked_driver
    from gpufix.inspection.installed import run
    from gpufix.inspection.subject import CannotInspect
    from gpufix.knowledge.gpus.models import GpuNameError, resolve

    # An installed package is looked up in the patient; a file needs none.
    needs_patient = python is not None or not all(Path(f).exists() for f in files)
    try:
        targets = list(dict.fromkeys(resolve(name).arch for name in split("--gpu", gpu, GPUS)))
        facts = examine(python, None).facts if needs_patient else None
        if facts is not None and facts.python is None:
            absent = [f for f in files if re.search(r"[/.]", f) and not Path(f).exists()]
            if absent:
                raise fail(f"{absent[0]}: no such file")
            raise no_patient(facts.gaps)
        here = driver_of(facts) if facts else None
        cuda = asked_driver(driver).cuda if driver else here
        as_json = format is TextOrJson.json
        text = run(files, targets, facts, python is not None, as_json, verbose, cuda)
    except (CannotInspect, GpuNameError, ValueError) as error:
        raise fail(str(error)) from None
    typer.echo(text, nl=False)
