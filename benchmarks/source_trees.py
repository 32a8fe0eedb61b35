"""Runs the doctor over a folder of source trees and counts its findings by verdict.

usage: python benchmarks/source_trees.py --trees DIR --out FILE --cuda ENV --rocm ENV
       [--target sm_120 ...] [--only NAME ...] [--gpufix CHECKOUT] [--verdicts FILE] [--open]

Each folder of DIR is a project, judged for each target in the environment of its maker (`--cuda`,
`--rocm`). What the doctor says of a folder with one kernel in the same environment is no finding of
the tree. FILE keeps them, a line of JSON for each tree and target, so that a run goes on where one
ended; with --counts it is read and nothing is run.
A finding is looked up in the verdicts (benchmarks/source_verdicts.jsonl) by tree, rule and subject;
--open lists those that have none yet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
TARGETS = ("sm_120", "sm_90", "gfx1101", "gfx942")
Row = dict[str, Any]


def asked(
    checkout: Path, project: Path, env: Path, target: str
) -> subprocess.CompletedProcess[str]:
    """A checkout's doctor on one project, in JSON."""
    command = [sys.executable, "-m", "gpufix", "doctor", str(project), "--python", str(env)]
    return subprocess.run(
        [*command, "--gpu", target, "--format", "json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout / "src")},
        check=False,
    )


def doctor(checkout: Path, project: Path, env: Path, target: str) -> list[Row]:
    """The findings on one project."""
    done = asked(checkout, project, env, target)
    if done.returncode not in (0, 1):
        return [{"code": "FAILED", "severity": "error", "subject": "", "message": done.stderr}]
    return list(json.loads(done.stdout)["findings"])


def kept(found: list[Row], project: Path, idle: set[str]) -> Iterator[Row]:
    """The findings that are about the project, with paths relative to it."""
    for row in found:
        text = json.dumps(row).replace(f"{project}/", "")
        finding = json.loads(text)
        if said(finding) not in idle:
            yield {name: finding[name] for name in finding if name != "name"}


def said(row: Row) -> str:
    """What tells a finding from the same one on another project."""
    return f"{row['code']} {row['subject']} {row['message']}"


def run(options: argparse.Namespace) -> None:
    """Every tree for every target; what FILE has already is not asked again."""
    there = options.out.read_text().splitlines() if options.out.exists() else []
    done = {(row["tree"], row["target"]) for row in map(json.loads, there)}
    for target in options.target or TARGETS:
        env = options.rocm if target.startswith("gfx") else options.cuda
        with tempfile.TemporaryDirectory() as empty:
            Path(empty, "k.cu").write_text("__global__ void k() {}\n")
            idle = {said(row) for row in doctor(options.gpufix, Path(empty), env, target)}
        for name in options.only or sorted(p.name for p in options.trees.iterdir() if p.is_dir()):
            if (name, target) in done:
                continue
            found = doctor(options.gpufix, options.trees / name, env, target)
            rows = list(kept(found, options.trees / name, idle))
            with options.out.open("a") as file:
                file.write(json.dumps({"tree": name, "target": target, "findings": rows}) + "\n")


def findings(path: Path) -> list[Row]:
    """The findings that a file keeps, each with its tree and target."""
    rows = map(json.loads, path.read_text().splitlines())
    return [{"tree": r["tree"], "target": r["target"], **f} for r in rows for f in r["findings"]]


def key(row: Row) -> tuple[str, ...]:
    """What a verdict is given for."""
    return tuple(str(row[name]) for name in ("tree", "code", "subject"))


def verdicts(path: Path) -> dict[tuple[str, ...], Row]:
    """Those of the file, each for one target or for all."""
    lines = path.read_text().splitlines() if path.exists() else []
    given = [json.loads(line) for line in lines]
    return {(*key(row), target): row for row in given for target in row.get("targets", TARGETS)}


def counts(rows: list[Row], given: dict[tuple[str, ...], Row]) -> None:
    """The table: rules, and how many of their findings are true, arguable, false, open."""
    table: Counter[tuple[str, str]] = Counter()
    errors: Counter[str] = Counter()
    for row in rows:
        verdict = given.get((*key(row), row["target"]), {}).get("verdict", "open")
        table[row["code"], verdict] += 1
        errors[verdict] += row["severity"] == "error"
    kinds = ("true", "arguable", "false", "open")
    print("| rule | " + " | ".join(kinds) + " |\n| --- |" + " ---: |" * len(kinds))
    for code in sorted({code for code, _ in table}):
        print(f"| {code} | " + " | ".join(str(table[code, kind]) for kind in kinds) + " |")
    total = {kind: sum(n for (_, k), n in table.items() if k == kind) for kind in kinds}
    print("| all | " + " | ".join(str(total[kind]) for kind in kinds) + " |")
    print("| errors | " + " | ".join(str(errors[kind]) for kind in kinds) + " |")


def main() -> int:
    """Runs the trees, or counts what an earlier run kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cuda", type=Path)
    parser.add_argument("--rocm", type=Path)
    parser.add_argument("--target", action="append")
    parser.add_argument("--only", action="append")
    parser.add_argument("--gpufix", type=Path, default=HERE.parents[1])
    parser.add_argument("--verdicts", type=Path, default=HERE.with_name("source_verdicts.jsonl"))
    parser.add_argument("--counts", action="store_true")
    parser.add_argument("--open", action="store_true")
    options = parser.parse_args()
    if not options.counts:
        run(options)
    rows = findings(options.out)
    given = verdicts(options.verdicts)
    counts(rows, given)
    for row in rows if options.open else ():
        if (*key(row), row["target"]) not in given:
            print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
