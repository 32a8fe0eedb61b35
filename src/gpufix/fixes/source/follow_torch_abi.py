"""Read the C++ ABI from the installed torch."""

from __future__ import annotations

from collections.abc import Callable

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import AbiFile, FixedAbi
from gpufix.source import edits
from gpufix.source.python import python_edits

NAME = "follow-torch-abi"
_CHANGES: dict[AbiFile, Callable[[str, set[int]], str | None]] = {
    "python": python_edits.follow_torch_abi,
    "cmake": edits.follow_torch_abi,
    "shell": edits.shell_abi,
}


@fix(NAME, "SRC602")
def follow_torch_abi(finding: Finding, view: View) -> Plan | Skip:
    """A fixed 1 would be as wrong for another torch as a fixed 0: ask torch when building."""
    flag = finding.payload_as(FixedAbi)
    path, lines, change = flag.path, set(flag.lines), _CHANGES.get(flag.file)
    if change is None:
        return finding.skip(NAME, "the torch of an image is not known here")
    write = rewrite(view, path, lambda text: change(text, lines))
    if write is None:
        reason = f"{path} does not define it in a form that is changed with confidence"
        return finding.skip(NAME, reason)
    return finding.plan(
        NAME,
        "safe",
        f"let {path} take the C++ ABI of the installed torch",
        write,
        notes=["what was built before must be built again"],
    )
