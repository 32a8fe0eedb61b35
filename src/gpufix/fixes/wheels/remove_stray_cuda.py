"""Remove CUDA wheels of another major, and restore what they take along."""

from __future__ import annotations

from gpufix.evidence.declared import declared
from gpufix.evidence.view import View
from gpufix.fixes.pins import reinstall
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Install, Plan, Step
from gpufix.model.payload import StrayWheel


@fix("remove-stray-cuda", "WHL501", "WHL510")
def remove_stray_cuda(finding: Finding, view: View) -> Plan | None:
    """Uninstall the stray, then reinstall every distribution that owned the same files."""
    stray = finding.payload
    if not isinstance(stray, StrayWheel):
        return None
    name = stray.distribution
    keepers = [d for owner in stray.shared_with if (d := view.dist(owner))]
    steps: list[Step] = [Install(uninstall=[name])]
    steps += [reinstall(view, d.name, declared(view, d.name).version or d.version) for d in keepers]
    wanted = bool(stray.required_by or stray.requested)
    restored = f", and restore {', '.join(d.name for d in keepers)}" if keepers else ""
    return finding.plan(
        "remove-stray-cuda",
        "unsafe" if wanted else "safe",
        f"remove {name}{restored}",
        *steps,
        subjects=[name],
        notes=[f"{user} requires {name}" for user in stray.required_by],
    )
