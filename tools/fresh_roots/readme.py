"""What the README promises of a fresh machine: read from it, so that nothing else can be tried."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"


def start(text: str) -> str:
    """The section "Start"."""
    found = re.search(r"^## Start$(.*?)(?=^## |\Z)", text, re.M | re.S)
    if found is None:
        raise SystemExit("README.md has no section 'Start'")
    return found[1]


def commands(text: str) -> list[str]:
    """The make commands of the section's code blocks, without their comments."""
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", start(text), re.M | re.S))
    lines = [line.split(" #")[0].strip() for line in blocks.splitlines()]
    return [line for line in lines if line.startswith("make ")]


def packages(text: str) -> tuple[str, ...]:
    """What the section has one install on Debian before these commands."""
    found = re.search(r"\bapt install ([a-z0-9.+ -]+)", start(text))
    if found is None:
        raise SystemExit("README.md names no packages in its section 'Start': apt install …")
    return tuple(found[1].split())
