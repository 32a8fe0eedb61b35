"""Starts a program in its process and reads what it says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHILD = Path(__file__).parent / "child.py"


@dataclass(frozen=True)
class Outcome:
    """One run of a program: its cases, how it ended, what it said on standard error."""

    cases: tuple[dict[str, Any], ...]
    code: int
    seconds: float
    instructions: int
    words: str

    @property
    def valid(self) -> bool:
        """Every case right or not applicable, and at least one right."""
        results = [case["valid"] for case in self.cases if "valid" in case]
        return self.code == 0 and bool(results) and all(results)


@dataclass(frozen=True)
class Runner:
    """Where the emulator and what it made lie."""

    emulator: Path
    cache: Path
    arch: str
    limit_s: float

    def run(
        self, runtime: Path, program: Path, extra: Sequence[str] = (), reverse: bool = False
    ) -> Outcome:
        """Small sizes, checked and not timed."""
        command = [sys.executable, str(CHILD), str(self.emulator), str(self.cache), self.arch]
        command += [str(runtime), str(program), *(["--reverse"] if reverse else [])]
        command += ["--", "--check-only", *extra]
        began = time.monotonic()
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, timeout=self.limit_s, check=False
            )
        except subprocess.TimeoutExpired:
            return Outcome((), -1, self.limit_s, 0, f"not done within {self.limit_s:.0f} s")
        lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
        cases = tuple(line for line in lines if "case" in line or "error" in line)
        words, _, last = ended.stderr.strip().rpartition("\n")
        counted = json.loads(last) if last.startswith('{"instructions"') else {}
        return Outcome(
            cases,
            ended.returncode,
            time.monotonic() - began,
            counted.get("instructions", 0),
            words if counted else ended.stderr.strip(),
        )


def error(case: dict[str, Any]) -> str:
    """A case's error; null stands for what is no number."""
    return "not a number" if case["rel_err"] is None else f"{case['rel_err']:g}"


def show(name: str, outcome: Outcome) -> None:
    """A line for each case."""
    for case in outcome.cases:
        if "error" in case:
            print(f"{name}: {case['error']['name']} at {case['error']['where']}")
        elif "valid" not in case:
            print(f"{name} {case['case']}: {case['status']} ({case['why']})")
        else:
            sizes = ", ".join(f"{key} {value:g}" for key, value in case["sizes"].items())
            verdict = "valid" if case["valid"] else "WRONG"
            print(f"{name} {case['case']}: {verdict} ({sizes}; error {error(case)})")
    if outcome.words and not outcome.valid:
        print(outcome.words)
    print(f"{name}: {outcome.instructions} wave instructions, {outcome.seconds:.0f} s", flush=True)
