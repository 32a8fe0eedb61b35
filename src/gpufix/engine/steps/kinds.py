"""What every kind of step provides. The engine keeps, journals and undoes; a step only acts."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol, cast

from gpufix.engine.journal.listing import Scope
from gpufix.engine.run_context import RunContext
from gpufix.model import Step


class StepKind(Protocol):
    """A module of this package, seen as an object. `step` is the model's record of its kind."""

    def check(self, step: Any, context: RunContext) -> None:
        """Verify every precondition; change nothing. Raises Refused."""

    def scopes(self, step: Any, context: RunContext) -> Sequence[Scope]:
        """Every path that `run` can change, in the patient, the project or a cache."""

    def run(self, step: Any, context: RunContext) -> None:
        """Act. Raises StepFailed or OSError; what was done by then is put back by the engine."""


_MODULES = {
    "write": "write",
    "remove": "remove",
    "install": "install",
    "fallback": "fallback",
    "build": "build_folder",
    "submodules": "submodules",
    "environment": "set_variables",
    "advise": "advise",
}


def kind_of(step: Step) -> StepKind:
    """The module for a step's kind."""
    module = importlib.import_module(f"gpufix.engine.steps.{_MODULES[step.kind]}")
    return cast(StepKind, module)
