"""Use the spelling that works on old and new releases."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.knowledge import removed_apis
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import RemovedNameUse
from gpufix.source.python import python_edits

NAME = "replace-removed-name"
_ALIASES = {"numpy": ("np", "numpy"), "torch": ("torch",)}


@fix(NAME, "SRC604")
def replace_removed_name(finding: Finding, view: View) -> Plan | Skip | None:
    """Only where the new spelling means the same on every release."""
    use = finding.payload_as(RemovedNameUse)
    if use.language != "python":
        return None
    path, name = use.path, use.name
    row = removed_apis.get(name)
    if row is None or row.instead is None:
        return finding.skip(NAME, f"no spelling replaces {name} on every release")
    lines, instead, last = set(use.lines), row.instead, name.rpartition(".")[2]

    def change(text: str) -> str | None:
        if "()" in name:
            return python_edits.rename(text, lines, f".{last}", instead)
        for alias in _ALIASES.get(row.package, (row.package,)):
            new = instead.format(alias)
            changed = python_edits.rename(text, lines, f"{alias}.{last}", new)
            if changed is not None:
                return changed
        return None

    write = rewrite(view, path, change)
    if write is None:
        return finding.skip(
            NAME, f"{path} does not use it in a form that is changed with confidence"
        )
    return finding.plan(
        NAME, "safe", f"replace {name} in {path} by {instead.format(name.split('.')[0])}", write
    )
