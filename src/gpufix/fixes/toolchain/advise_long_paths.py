"""What only the user of a Windows machine can do about long paths."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Plan
from gpufix.model.payload import LongPath

NAME = "advise-long-paths"
_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\FileSystem"


@fix(NAME, "TCH214")
def advise_long_paths(finding: Finding, view: View) -> Plan:
    """The registry's switch needs an administrator; a shorter path needs none."""
    over = finding.payload_as(LongPath).over
    return finding.plan(
        NAME,
        "manual",
        "switch long paths on, or use a shorter path",
        Advise(
            text="As an administrator, before the next start of the program:",
            command=f"reg add {_KEY} /v LongPathsEnabled /t REG_DWORD /d 1 /f",
        ),
        Advise(text=f"Or move the project to a path that is {over} characters shorter."),
    )
