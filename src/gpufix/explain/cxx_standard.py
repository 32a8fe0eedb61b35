"""The C++ standard that torch's headers want, and the one that a build asks for."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.machine import machine
from gpufix.knowledge.messages import message_of

_WANTED = re.compile(r"C\+\+(?P<of>1[47]|2[03])\b|-std=(?:c|gnu)\+\+(?P<flag>\w{2})")
_ASKED = re.compile(r"-std=(?:c|gnu)\+\+(?P<asked>1[14])\b")
_GIVEN = re.compile(r"-std=(?:c|gnu)\+\+(?P<given>\w{2})\b")
_HEADER = re.compile(r"[/\\]torch[/\\]include[/\\]")


def wanted(explanation: Explanation, hit: Hit) -> Explanation:
    """Which standard is wanted, and which one the build asks for."""
    found = _WANTED.search(hit.shown)
    if found is None:
        return explanation
    around = context(hit)
    if found["flag"]:
        gcc = machine(around).gcc
        return explanation.but(
            what=f"The compiler{f', GCC {gcc},' if gcc else ''} is older than the C++ standard that the build asks for (c++{found['flag']})."
        )
    asked = _ASKED.search(around)
    build = (
        f"and the build asks for C++{asked['asked']}"
        if asked
        else "a newer standard than this build asks for or its compiler has"
    )
    return explanation.but(what=f"torch's headers want C++{found['of']}, {build}.")


def in_torch_headers(explanation: Explanation, hit: Hit) -> Explanation | None:
    """An error within torch's own headers, compiled as C++14 or older: the last -std of a command counts. None: another one."""
    given = _GIVEN.findall(hit.before) if _HEADER.search(hit.shown) else []
    if not given or given[-1] not in ("0x", "11", "1y", "14"):
        return None
    row = message_of("cxx-standard")
    return explanation.but(
        rule=row.rule,
        role="cause",
        what=f"torch's headers are compiled as C++{given[-1]}, and want C++17 from torch 2.1 on: the errors stand in them, not in the project.",
        do=row.do,
    )
