"""What two states of gpufix find and plan: prints each difference, exits with 1 if there is one.

    python tools/compare_findings.py BEFORE AFTER TREE … --python ENV [--facts FILE …]

BEFORE and AFTER are checkouts. Each TREE is judged and planned for each of TARGETS, each snapshot
judged. Run by a Python that has gpufix's dependencies.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

TARGETS = ("sm_120", "sm_75", "gfx1101")
VOLATILE = ("run", "seconds", "gpufix_version")


def commands(options: argparse.Namespace) -> Iterator[list[str]]:
    """The command lines to compare, without what tells the checkouts apart."""
    patient = ["--python", options.python]
    for tree in options.trees:
        for target in TARGETS:
            yield ["doctor", tree, *patient, "--gpu", target, "--format", "json", "--verbose"]
        yield ["fix", tree, *patient, "--gpu", TARGETS[0], "--unsafe", "--format", "json"]
    for facts in options.facts:
        for target in TARGETS:
            yield ["doctor", "--facts", facts, "--gpu", target, "--format", "json"]


def said(checkout: Path, command: Sequence[str]) -> tuple[int, str]:
    """Exit code and report, as indented JSON."""
    environ = {**os.environ, "PYTHONPATH": str(checkout / "src"), "PYTHONSAFEPATH": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "gpufix", *command],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report: Any = json.loads(ended.stdout)
    except ValueError:
        return ended.returncode, ended.stdout + ended.stderr
    kept = {name: value for name, value in report.items() if name not in VOLATILE}
    return ended.returncode, json.dumps(kept, indent=1, sort_keys=True)


def main() -> int:
    """Compare, and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("trees", nargs="*", metavar="TREE")
    parser.add_argument("--python", required=True)
    parser.add_argument("--facts", nargs="*", default=[])
    options = parser.parse_args()
    runs = findings = different = 0
    for command in commands(options):
        before, after = (said(each, command) for each in (options.before, options.after))
        runs += 1
        findings += after[1].count('"severity"')
        if before != after:
            different += 1
            print(f"{' '.join(command)}: exit {before[0]}, {after[0]}")
            rows = difflib.unified_diff(before[1].splitlines(), after[1].splitlines(), lineterm="")
            print("\n".join([*rows][:40]))
    print(f"{runs} runs, {findings} findings, {different} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
