"""Runs the tests once with the lowest versions that pyproject.toml's bounds admit.

    python tools/lowest.py [pytest arguments]

gpufix is installed into other people's environments, so its lower bounds are a promise. Makes a
venv of its own in .venv-lowest, with exactly those versions.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
VENV = ROOT / ".venv-lowest"
# Typer before 0.15.4 breaks with click 8.2, newer setuptools with packaging 21, whatever they declare.
COMPANIONS = ["click<8.2", "setuptools<70", "wheel"]
READERS = ["jsonschema", "junitparser", "markdown-it-py", "pyyaml"]  # of what reports are tested by
TESTS = ["tests/core", "tests/report", "tests/cli", "tests/checks", "tests/facts"]


def lowest(requirement: str) -> str:
    """ "rich>=12.0" → "rich==12.0"; the marker stays."""
    text, _, marker = requirement.partition(";")
    found = re.fullmatch(r"\s*([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)[^;]*", text)
    if found is None:
        raise SystemExit(f"{requirement!r} has no lower bound")
    return f"{found[1]}=={found[2]}" + (f";{marker}" if marker else "")


def main() -> int:
    """Install and test; pytest's exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = [lowest(r) for r in project["dependencies"]]
    if not VENV.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q"]
    subprocess.run(
        [*pip, "pytest>=8", "pytest-xdist", "hypothesis", *READERS, *COMPANIONS, *pins], check=True
    )
    subprocess.run([*pip, "--no-deps", "-e", str(ROOT)], check=True)
    print("lowest:", ", ".join(pins), flush=True)
    command = [python, "-m", "pytest", "-n", "2", "-m", "not slow", *(sys.argv[1:] or TESTS)]
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
