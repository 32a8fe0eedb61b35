"""Choose a back end that is shown to work here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.evidence.backends import OWN, OWN_AND_SLOW, Reading, readings
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.runtime.backend_fit import why_not
from gpufix.model import Finding, Plan, SetVariables, Skip
from gpufix.model.payload import EnvironmentVariable

NAME = "choose-backend"


@fix(NAME, "RUN801")
def choose_backend(finding: Finding, view: View) -> Plan | Skip | None:
    """A value that the program accepts: torch's own attention, else a package that serves the targets.

    A value is set only when its back end is shown to run. A package must be installed with its
    requirements met, its libraries must load, and each must hold code for every target. No other
    reader of the variable may be moved to a back end that does not run.
    """
    chosen_by = finding.payload
    if not isinstance(chosen_by, EnvironmentVariable):
        return None
    variable = chosen_by.name
    concerned, others = _readers(chosen_by, view)
    values = list(dict.fromkeys(value for r in concerned for value in r.accepts))
    reasons = [] if values else [f"what is accepted as {variable} is not seen in the source"]
    for value in _preferred(values):
        against = next(_against(view, variable, value, concerned, others), None)
        if against is None:
            own = "torch's own attention (sdpa)" if value == "sdpa" else value
            return finding.plan(
                NAME,
                "safe",
                f"set {variable} to {own}",
                SetVariables(variables={variable: value}),
                subjects=[variable],
            )
        reasons.append(against)
    return finding.skip(NAME, "; ".join(dict.fromkeys(reasons)))


def _readers(chosen_by: EnvironmentVariable, view: View) -> tuple[list[Reading], list[Reading]]:
    """Those who read the variable and are to take another value, and the rest."""
    variable, path = chosen_by.name, chosen_by.path
    everyone = readings(view, variable)
    concerned = []
    for reading in everyone:
        deciding = reading.deciding(view.env)
        decides = deciding is not None and deciding[0] == variable
        own = path is not None and (reading.where, reading.variables[0]) == (path, variable)
        if own or (path is None and decides):
            concerned.append(reading)
    return concerned, [r for r in everyone if r not in concerned]


def _preferred(values: Sequence[str]) -> list[str]:
    """torch's own first, and last what takes the memory of a whole attention matrix."""
    first = [value for value in OWN if value in values]
    last = [value for value in OWN_AND_SLOW if value in values]
    return [*first, *(v for v in values if v not in (*first, *last)), *last]


def _against(
    view: View,
    variable: str,
    value: str,
    concerned: Sequence[Reading],
    others: Sequence[Reading],
) -> Iterator[str]:
    """Why a value is not set."""
    if reason := why_not(view, value):
        yield reason

    def env(name: str) -> str | None:
        return value if name == variable else view.env(name)

    for reading in concerned:
        if reading.chosen(env) != value or not reading.accepts:
            yield f"{reading.where} is not known to accept {value}"
    for reading in others:
        after = reading.chosen(env)
        if after != reading.chosen(view.env) and (reason := _moved(view, reading, after)):
            yield f"{value} would move {reading.where} to {after}: {reason}"


def _moved(view: View, reading: Reading, value: str) -> str | None:
    """Why somebody else who reads the variable may not be moved to a value."""
    unknown = not reading.accepts and value != reading.default
    return "whether it knows that is not seen in the source" if unknown else why_not(view, value)
