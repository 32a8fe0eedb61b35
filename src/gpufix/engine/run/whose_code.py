"""Whose code the programs of a step run, beside their own."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.model import Build, Facts, Install, InstallFallback, Step


def whose_code(step: Step, facts: Facts) -> Iterator[str]:
    """One line each; none for steps that gpufix does itself, and for git in a fresh repository."""
    if isinstance(step, (Install, InstallFallback, Build)) and facts.python:
        # uv asks the interpreter, pip runs in it: both start it, and `site` reads its folders.
        yield f"the environment: {facts.python.executable} obeys its .pth files at start"
    if isinstance(step, Install) and step.install:
        yield "the packages: the build of one that the index has only as source"
    if isinstance(step, Build):
        yield f"the project: setup.py, CMake files or the build back end of {step.path}"
