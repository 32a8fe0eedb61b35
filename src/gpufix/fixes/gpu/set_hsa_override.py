"""Let an AMD GPU pose as a close relative whose code torch holds."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge.gpus import models
from gpufix.model import Finding, Plan, SetVariables, Skip
from gpufix.model.payload import HsaOverride

NAME = "set-hsa-override"
VARIABLE = "HSA_OVERRIDE_GFX_VERSION"


@fix(NAME, "GPU107")
def set_hsa_override(finding: Finding, view: View) -> Plan | Skip:
    """Only where the risk is low and no GPU here would be harmed: the variable holds for all."""
    override = finding.payload_as(HsaOverride)
    arch, value = override.arch, override.value
    if value is None:
        known = models.hsa_override(arch)
        reason = f"{known.value}: {known.text}" if known else "no override value is known"
        return finding.skip(NAME, reason, subject=arch)
    others = {t.arch for t in view.targets if t.vendor == "amd"} - {arch}
    if others:
        reason = f"it would hold for {', '.join(sorted(others))} too"
        return finding.skip(NAME, reason, subject=arch)
    notes = [f"code of {models.posed(value)} runs on {arch}; AMD does not support this"]
    return finding.plan(
        NAME,
        "unsafe",
        f"set {VARIABLE} to {value}",
        SetVariables(variables={VARIABLE: value}),
        subjects=[arch],
        notes=notes,
    )
