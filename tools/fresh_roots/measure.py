"""What a row's log and folders say: pytest's words, and how much came and lies there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_CLOSING = re.compile(
    r"^=*\s*(\d+ (?:passed|failed|skipped|errors?)\b.* in [\d.]+s.*?)\s*=*$", re.M
)
_WANT = re.compile(r"^.*\bbecause of missing: .*$", re.M | re.I)
_DOWNLOADED = re.compile(r"^\s*Downloading \S+ \(([\d.]+) (bytes|kB|MB|GB)\)", re.M)
_FROM_DISK = re.compile(r"^\s*Processing (/\S+\.(?:whl|tar\.gz))", re.M)
_UNITS = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def closing_lines(log: str) -> list[str]:
    """pytest's last line, of each of its runs."""
    return _CLOSING.findall(_COLOURS.sub("", log))


def wanting(log: str) -> list[str]:
    """The lines that say what was not run for want of what."""
    return list(dict.fromkeys(line.strip() for line in _WANT.findall(_COLOURS.sub("", log))))


def downloads(log: str) -> int:
    """Megabytes of what pip says it took, from folders of wheels on this machine, too."""
    text = _COLOURS.sub("", log)
    loaded = sum(float(number) * _UNITS[unit] for number, unit in _DOWNLOADED.findall(text))
    files = [Path(name) for name in _FROM_DISK.findall(text)]
    return round(loaded + sum(file.stat().st_size / 1e6 for file in files if file.exists()))


def megabytes(*folders: Path) -> int:
    """What folders take on disk; those that are not there take nothing."""
    there = [str(folder) for folder in folders if folder.exists()]
    if not there:
        return 0
    done = subprocess.run(["du", "-smc", *there], capture_output=True, text=True, check=False)
    return int(done.stdout.splitlines()[-1].split()[0])
