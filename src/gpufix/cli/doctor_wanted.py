"""The command line of `gpufix doctor`, whoever read it."""

from __future__ import annotations

from gpufix.cli.choices import FailOn, Format
from gpufix.frozen import Frozen


class Wanted(Frozen):
    """Its arguments and options."""

    project: str | None = None
    python: str | None = None
    gpu: list[str] | None = None
    select: list[str] | None = None
    ignore: list[str] | None = None
    fail_on: FailOn | None = None
    strict: bool = False
    baseline: str | None = None
    write_baseline: str | None = None
    format: Format = Format.text
    output: str | None = None
    report: list[str] | None = None
    smoke: str | None = None
    facts: str | None = None
    deep: bool = False
    node: bool = False
    verbose: bool = False
