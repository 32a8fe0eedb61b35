"""Which module carries out which kind of step."""

from __future__ import annotations

import importlib
from typing import cast

from gpufix.engine.steps.protocol import StepKind
from gpufix.model import Step

_MODULES = {
    "write": "write",
    "remove": "remove",
    "install": "install",
    "fallback": "fallback",
    "build": "build",
    "submodules": "submodules",
    "environment": "variables",
    "advise": "advise",
}


def kind_of(step: Step) -> StepKind:
    """The module for a step's kind."""
    module = importlib.import_module(f"gpufix.engine.steps.{_MODULES[step.kind]}")
    return cast(StepKind, module)
