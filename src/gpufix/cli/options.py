"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from gpufix.cli import help
from gpufix.cli.choices import TextOrJson

Python = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="An environment folder or interpreter. "
        "Default: the active one, else the project's (.venv, uv, pixi, poetry, hatch, pdm, pipenv).",
    ),
]
Gpu = Annotated[
    list[str] | None,
    typer.Option(
        "--gpu",
        metavar="GPU",
        help="A GPU to serve: sm_120, 12.0, gfx1101, 'RTX 5080'. Repeatable. Default: those visible.",
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
        help="Only these rules or families (WHL, TCH201).",
        autocompletion=help.codes,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="CODE",
        help="Without these rules or families.",
        autocompletion=help.codes,
    ),
]
Node = Annotated[
    bool,
    typer.Option("--node", help="The machine itself, without root: GPUs, driver, links, limits."),
]
FactsFile = Annotated[
    str | None,
    typer.Option("--facts", metavar="FILE", help="Judge a saved snapshot instead."),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE."),
]
TextOrJsonFormat = Annotated[
    TextOrJson, typer.Option("--format", metavar="FORMAT", help="text or json.")
]
Deep = Annotated[bool, typer.Option("--deep", help="Hash every installed file.")]
Project = Annotated[
    str | None,
    typer.Argument(
        metavar="PROJECT", help="Project folder. Default: the current one, if it is a project."
    ),
]
