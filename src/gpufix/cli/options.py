"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from gpufix.cli import help

Python = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="The patient: an interpreter or environment folder. "
        "Default: the active venv or conda environment, else the project's (.venv, or as uv, pixi, "
        "poetry, hatch, pdm and pipenv keep it).",
    ),
]
Gpu = Annotated[
    list[str] | None,
    typer.Option(
        "--gpu",
        metavar="GPU",
        help="A GPU to serve: sm_120, 12.0, gfx1101, 'RTX 5080'. Repeatable: each must be served. "
        "Default: the visible ones, of which one must be.",
        autocompletion=help.gpus,
    ),
]
Driver = Annotated[
    str | None,
    typer.Option(
        "--driver", metavar="VERSION", help="NVIDIA driver (550.54.14), or its CUDA (12.4)."
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="CODE",
        help="Run only these rules or families (WHL, TCH201).",
        autocompletion=help.codes,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="CODE",
        help="Leave these rules or families out.",
        autocompletion=help.codes,
    ),
]
FactsFile = Annotated[
    str | None,
    typer.Option("--facts", metavar="FILE", help="Judge a saved snapshot instead of this machine."),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write to FILE instead of standard output."
    ),
]
Deep = Annotated[bool, typer.Option("--deep", help="Hash every installed file.")]
Project = Annotated[
    str | None,
    typer.Argument(metavar="PROJECT", help="Project folder. Default: this one, when it is one."),
]
