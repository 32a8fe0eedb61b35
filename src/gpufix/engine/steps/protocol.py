"""What every kind of step provides. The engine keeps, journals and undoes; a step only acts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gpufix.engine.context import Context
from gpufix.engine.scope import Scope


class StepKind(Protocol):
    """A module of this package, seen as an object. `step` is the model's record of its kind."""

    def check(self, step: Any, context: Context) -> None:
        """Verify every precondition; change nothing. Raises Refused."""

    def scopes(self, step: Any, context: Context) -> Sequence[Scope]:
        """Every path that `run` can change, in the patient, the project or a cache."""

    def run(self, step: Any, context: Context) -> None:
        """Act. Raises StepFailed or OSError; what was done by then is put back by the engine."""
