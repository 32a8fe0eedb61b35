"""Cast at the call, or where the value comes from."""

from __future__ import annotations

from functools import partial

from gpufix.evidence import half_precision
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import HalfPlace, UnfitArgument
from gpufix.source.python import half_flow, python_edits

NAME = "cast-argument"


@fix(NAME, "SRC611")
def cast_argument(finding: Finding, view: View) -> Plan | Skip:
    """`.float()` for a half tensor; `.cpu().int()` for ranges, which are int32 on the CPU.

    Before a Linear, the type of its weights.
    """
    if isinstance(finding.payload, HalfPlace):
        place = finding.payload
        path, title = place.path, f"cast what {place.call} is handed in {place.path}"
        write = rewrite(view, path, partial(_cast, place=place))
    else:
        argument = finding.payload_as(UnfitArgument)
        path, given = argument.path, argument.text
        suffix = ".cpu().int()" if argument.kind == "ranges" else ".float()"
        title = f"hand {argument.call} {given}{suffix} in {path}"
        write = rewrite(
            view, path, lambda text: python_edits.call_on(text, argument.line, given, suffix)
        )
    if write is None:
        reason = f"{path} does not hand it over in a form that is changed with confidence"
        return finding.skip(NAME, reason)
    return finding.plan(NAME, "unsafe", title, write)


def _cast(text: str, place: HalfPlace) -> str | None:
    wanted = (place.line, place.kind, place.call)
    for row in half_precision.of_text(text):
        if (row.line, row.kind, row.call) == wanted:
            try:
                return half_flow.cast_at(text, row.edits)
            except ValueError:  # two casts of one expression
                return None
    return None
