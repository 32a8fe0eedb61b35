"""Faults that a check has to catch, seeded into copies of the suite: one each, one program each."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from amd_emulation.build import Builder, Missing, absent
from amd_emulation.run import Outcome, Runner, error
from gpufix.kernels.manifest import SUITE

FAULTS = Path(__file__).parent / "faults.toml"


@dataclass(frozen=True)
class Fault:
    """In `file` of the suite, `old` becomes `new`."""

    name: str
    program: str
    case: str
    file: str
    old: str
    new: str
    arch: str = "gfx1100"


def faults() -> list[Fault]:
    """As faults.toml lists them."""
    rows = tomllib.loads(FAULTS.read_text(encoding="utf-8"))["fault"]
    return [Fault(**row) for row in rows]


def seeded(fault: Fault, folder: Path) -> Path:
    """A copy of the suite with the fault. Raises Missing when the suite no longer has the place."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SUITE, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise Missing(
            f"{fault.name}: {fault.file} has {text.count(fault.old)} such places, not one"
        )
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    return folder


def main(builder: Builder, runner: Runner, programs: Collection[str] | None = None) -> int:
    """Each program without its fault, which has to be valid, and with it. The exit status."""
    caught = total = 0
    for fault in faults():
        if fault.arch != builder.arch or (programs and fault.program not in programs):
            continue
        if builder.headers(fault.program) is None:
            print(f"{fault.name}: skipped, {absent(fault.program)}", flush=True)
            continue
        total += 1
        caught += _caught(builder, runner, fault)
    print(f"{caught} of {total} caught")
    return int(caught < total)


def _caught(builder: Builder, runner: Runner, fault: Fault) -> bool:
    whole = _run(builder, runner, fault, SUITE)
    if not whole.valid:
        print(f"{fault.name}: {fault.program} is not valid without it: {whole.words}", flush=True)
        return False
    broken = _run(builder, runner, fault, seeded(fault, builder.folder / "seeded"))
    how = "; ".join(_how(broken)) or "NOT CAUGHT"
    print(f"{fault.name} ({fault.program} {fault.case}): {how}", flush=True)
    return not broken.valid


def _run(builder: Builder, runner: Runner, fault: Fault, suite: Path) -> Outcome:
    headers = builder.headers(fault.program)
    assert headers is not None
    program = builder.program(fault.program, headers, suite)
    return runner.run(builder.runtime(headers), program, ["--case", fault.case])


def _how(outcome: Outcome) -> Iterator[str]:
    for case in outcome.cases:
        if not case.get("valid", True):
            yield f"wrong, error {error(case)}"
    if outcome.code not in (0, 1):
        yield outcome.words.splitlines()[0] if outcome.words else f"exit status {outcome.code}"
