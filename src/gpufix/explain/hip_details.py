"""A name of CUDA's device code that HIP does not have: what to write instead."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import hip_api

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
