"""Have the loader keep more room for thread-local variables of libraries that are opened late."""

from __future__ import annotations

import re

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge.data_table import at_least
from gpufix.model import Finding, Plan, SetVariables, Skip
from gpufix.model.payload import DamagedDistribution

NAME = "raise-static-tls"
_VARIABLE, _TUNABLE = "GLIBC_TUNABLES", "glibc.rtld.optional_static_tls"
_DEFAULT, _STEP, _MOST = 512, 64, 1 << 20
_SINCE = "2.33"


@fix(NAME, "SYM405")
def raise_static_tls(finding: Finding, view: View) -> Plan | Skip | None:
    """Only the room grows: nothing that loads without it loads otherwise."""
    lacking = finding.payload_as(DamagedDistribution).static_tls
    if not lacking:
        return None
    host = view.facts.host
    if host.libc != "glibc" or not at_least(host.libc_version or "0", _SINCE):
        reason = f"{_TUNABLE} is glibc's, since {_SINCE}; {host.libc_version or 'another'} is here"
        return finding.skip(NAME, reason)
    given = [part for part in (view.env(_VARIABLE) or "").split(":") if part]
    mine = [
        m[1] for part in given if (m := re.fullmatch(_TUNABLE + r"=(0x[0-9a-fA-F]+|\d+)", part))
    ]
    now = int(mine[-1], 0) if mine else _DEFAULT
    wanted = -(-(now + lacking + _STEP) // _STEP) * _STEP  # the block is rounded up
    if wanted > _MOST:
        reason = f"{wanted:,} bytes are more than a process should keep for each thread"
        return finding.skip(NAME, reason)
    kept = [part for part in given if not part.startswith(f"{_TUNABLE}=")]
    value = ":".join([*kept, f"{_TUNABLE}={wanted}"])
    return finding.plan(
        NAME,
        "safe",
        f"have the loader keep {wanted:,} bytes of static TLS for libraries opened late, not {now:,}",
        SetVariables(variables={_VARIABLE: value}),
    )
