"""What a text tells of an AMD GPU: the value that passes it off as a relative; what HIP has in place of a name."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import hip_api
from gpufix.knowledge.gpus.models import arch_of_name, hsa_override

_NAME = re.compile(r"(?:identifier|member named) '(\w+)'")


def hip_name(explanation: Explanation, _: Hit) -> Explanation:
    """The row of the name in the message, where the table has one."""
    found = _NAME.search(explanation.shown)
    name = found[1] if found else ""
    row = hip_api.CONSTRUCTS.get(name) or hip_api.CONSTRUCTS.get(f"cooperative_groups::{name}")
    if row is None:
        return explanation
    if row.native is None:
        since = f"HIP has no {row.name}" + (f", up to ROCm {row.without}." if row.without else ".")
    elif row.opt_in:
        since = (
            f"HIP has {row.name} from ROCm {row.native} on, and from {row.opt_in} on with "
            "-DHIP_ENABLE_WARP_SYNC_BUILTINS."
        )
    else:
        since = f"HIP has {row.name} from ROCm {row.native} on."
    return explanation.but(what=since, do=f"Instead: {row.instead}.", source=row.source)


_GFX = re.compile(r"(?<![\w-])gfx\d{3,4}[a-f]?\b")
_RADEON = re.compile(
    r"(?:Radeon(?: RX| PRO)?|\bRX|AI PRO) ?(?:RX )?[A-Z]?\d{3,4}[MS]?(?: ?(?:XTX|XT|GRE|S|M)\b)?"
)
_WINDOWS = re.compile(r"\b[A-Z]:[\\/]|\bWindows\b|\.dll\b")


def passed_off(explanation: Explanation, hit: Hit) -> Explanation:
    """The row's remedy after the variable and value for the GPU that the text names, where one is in use."""
    near = context(hit, 2000, 1500)
    if _WINDOWS.search(near):  # the variable is ROCr's, which HIP on Windows does without
        return explanation
    named = set(_GFX.findall(hit.shown)) or set(_GFX.findall(near)) or set(_radeons(near))
    known = [one for one in map(hsa_override, sorted(named)) if one]
    if len({one.value for one in known}) != 1:
        return explanation
    value = known[0]
    doubt = "" if value.risk == "low" else f" ({value.risk} risk: {value.text})"
    return explanation.but(
        do=f"`export HSA_OVERRIDE_GFX_VERSION={value.value}` runs {value.poses_as}'s code on {value.gfx}{doubt}. {explanation.do}"
    )


def _radeons(text: str) -> list[str]:
    found = (
        arch_of_name(f"Radeon {one[0].split('Radeon ')[-1]}") for one in _RADEON.finditer(text)
    )
    return [arch for arch in found if arch]
