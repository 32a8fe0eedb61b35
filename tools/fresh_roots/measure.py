"""What a row's log and folders say: pytest's words, and how much came and lies there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_CLOSING = re.compile(
    r"^=*\s*(\d+ (?:passed|failed|skipped|errors?)\b.* in [\d.]+s.*?)\s*=*$", re.M
)
_WANT = re.compile(r"^.*\bfor want of\b.*$", re.M | re.I)
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def closing_lines(log: str) -> list[str]:
    """pytest's last line, of each of its runs."""
    return _CLOSING.findall(_COLOURS.sub("", log))


def wanting(log: str) -> list[str]:
    """The lines that say what was not run for want of what."""
    return list(dict.fromkeys(line.strip() for line in _WANT.findall(_COLOURS.sub("", log))))


def megabytes(*folders: Path) -> int:
    """What folders take on disk; those that are not there take nothing."""
    there = [str(folder) for folder in folders if folder.exists()]
    if not there:
        return 0
    done = subprocess.run(["du", "-smc", *there], capture_output=True, text=True, check=False)
    return int(done.stdout.splitlines()[-1].split()[0])
