"""What came of building a folder."""

from __future__ import annotations

from gpufix.model.base import Model


class BuiltLibrary(Model):
    """A shared library that came out, as read back from its file."""

    path: str
    code: str  # "machine code for sm_120 and PTX for sm_120", "no code"
    cxx11_abi: bool | None = None
    problems: list[str] = []


class BuildResult(Model):
    """`ok` only when the programs succeeded and the product is what was asked for."""

    path: str
    distribution: str | None = None
    ok: bool
    reasons: list[str] = []  # of a failure
    errors: list[str] = []  # the first real error lines of the log
    notes: list[str] = []
    libraries: list[BuiltLibrary] = []
    seconds: float = 0.0
    jobs: int = 1
    log: str | None = None

    @property
    def reason(self) -> str:
        """A failure in one line: why, the first error, where the log is."""
        said = "; ".join(self.reasons)
        first = f": {self.errors[0].splitlines()[0]}" if self.errors else ""
        return f"{said}{first}" + (f" ({self.log})" if self.log else "")
