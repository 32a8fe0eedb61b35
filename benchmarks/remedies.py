"""What became of every error that gpufix reported on the clinic's broken cases.

    python benchmarks/remedies.py [--results FILE]

Reads the clinic's kept answers (clinic/results/gpufix.jsonl): the doctor's report, and what
`gpufix fix --apply --unsafe` printed. Each error, a consequence with its cause, ends as one of:

- removed: its plan was carried out, and the look afterwards does not show it any more
- by hand: the plan is for the user (drivers, packages of the system, a choice)
- no plan: a reason is printed for that
- no source: a plan was tried, everything restored, and a sentence says why: no index has it, none answers,
  nothing is built for this system, no releases fit, pip cannot replace what is there
- put back: a plan failed in another way, and everything was restored
- planned: the repair was not asked for (a tree that is only judged), or removed something else first
- nothing: neither plan nor reason
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("removed", "planned", "by hand", "no plan", "no source", "put back", "nothing")
_SENTENCES = re.compile(
    r"no index that was asked has |does not answer|has no wheel|there is no wheel|no releases fit|"
    r"pip cannot replace"
)


def cases() -> dict[str, dict[str, Any]]:
    """The clinic's cases, by id."""
    files = (ROOT / "clinic/cases").glob("*/case.toml")
    rows = (tomllib.loads(path.read_text("utf-8")) for path in files)
    return {row["id"]: row for row in rows}


def became(error: dict[str, Any], printed: str) -> str:
    """How an error ended, by its row of the report and what the repair printed."""
    key = f"{error['code']} {error['subject']}"
    lines = [line.strip() for line in printed.splitlines()]
    applied = "✓ applied" in lines
    if applied and any(line.startswith(f"fixed {key}:") for line in lines):
        return "removed"
    if any(line.startswith(("✗ failed", "✗ undone")) for line in lines) or _tried(lines, error):
        return "no source" if any(map(_SENTENCES.search, lines)) else "put back"
    if error["fixes"] and all(plan["safety"] == "manual" for plan in error["fixes"]):
        return "by hand"
    if error.get("no_plan") or any(line.startswith(f"{key}: ") for line in lines):
        return "no plan"
    return "planned" if error["fixes"] else "nothing"


def _tried(lines: list[str], error: dict[str, Any]) -> bool:
    """Whether a plan for it is held back since it failed."""
    held = (f"held back {error['code']} ", f"not applied {error['code']} ")
    by_hand = ("for you to do", "gpufix cannot do this: run it yourself")
    pairs = pairwise(lines)
    return any(line.startswith(held) and reason not in by_hand for line, reason in pairs)


def errors(results: Path) -> Iterator[tuple[str, bool, str, str]]:
    """(case, whether it is healthy, kind, how it ended) of each error."""
    known = cases()
    for line in results.read_text("utf-8").splitlines():
        row = json.loads(line)
        case = known.get(row["case"])
        try:
            report = json.loads(row["said"]["output"])
        except (TypeError, ValueError):
            continue
        for found in report["findings"] if case else []:
            if found["severity"] == "error":
                printed = row["repaired"]["said"]["output"] if row["repaired"] else ""
                ended = became(found, printed)
                key = f"{row['case']}: {found['code']} {found['subject']}"
                yield key, bool(case.get("healthy")), case["kind"], ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "clinic/results/gpufix.jsonl")
    rows = list(errors(parser.parse_args().results))
    print("| | errors |", " | ".join(KINDS), "|")
    print("| --- |", "---: | " * (len(KINDS) + 1))
    for kind in ("environment", "tree"):
        ends = Counter(end for _, healthy, of, end in rows if of == kind and not healthy)
        print(f"| {kind}s |", sum(ends.values()), "|", " | ".join(str(ends[k]) for k in KINDS), "|")
    print("errors on healthy cases:", sum(healthy for _, healthy, _, _ in rows))
    for key, healthy, _, end in rows:
        if healthy or end in ("put back", "nothing"):
            print(f"{end}: {key}")


if __name__ == "__main__":
    main()
