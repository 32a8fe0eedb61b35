"""What can keep a run from being done. Each message is one line, fit to be shown."""

from __future__ import annotations

from gpufix.model import Step


class EngineError(Exception):
    """Base of all of them. `step`: the one to blame, when it is one."""

    step: Step | None = None


class Refused(EngineError):
    """A precondition does not hold: nothing has been changed."""


class StepFailed(EngineError):
    """A step could not be carried out; what it had done is put back."""


class Busy(EngineError):
    """Another run, or a program that one has started, holds the patient's lock."""


class Corrupt(EngineError):
    """A journal or listing is not what was written."""


class UnknownRun(EngineError):
    """No run has this name."""


class NothingToUndo(EngineError):
    """There is no run that could be undone."""
