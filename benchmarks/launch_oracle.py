"""Compares what doctor and `inspect` say of GPU code with what launching it did.

usage: python benchmarks/launch_oracle.py build FOLDER [--nvcc PATH] [--jobs N]
       python FOLDER/launch_truth.py FOLDER > TRUTH.json      on a machine with an NVIDIA GPU
       python benchmarks/launch_oracle.py judge FOLDER TRUTH.json
GPU and driver are those that the truth names. Exit 1 when a judgement and a launch disagree.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpufix.checks.judge import judge
from gpufix.evidence.targets import choose
from gpufix.evidence.view import View
from gpufix.facts.collect import collect
from gpufix.facts.context import CollectContext
from gpufix.facts.queries import Queries
from gpufix.inspection.installed import inspect
from gpufix.model import ADVICE, Driver, Facts, Gpu
from gpufix.plugins import all_rules
from gpufix.text.names import normalise
from launch_builds import build_all

RULES = ("GPU103", "GPU104", "GPU108")
# What a library that works may be called, and one of which all, or some, launches fail.
INSPECT = {
    "native": {"native"},
    "jit": {"jit"},
    "none": {"none", "too new"},
    "partly": {"partly"},
}


@dataclass(frozen=True)
class Case:
    """One build: what happened, and what was said. `doctor`: None of bare files."""

    name: str
    truth: str
    inspect: str
    doctor: str | None
    launches: Mapping[str, Any]

    @property
    def agrees(self) -> bool:
        """A library that works must be called clean, one that fails must not."""
        works = self.truth in ("native", "jit")
        said = self.doctor is None or (self.doctor == "clean") == works
        # What takes its kernels by the GPU cannot be told from what launches them all.
        unknown = self.doctor == "not known" and self.truth != "none"
        shown = self.inspect in INSPECT[self.truth] or (unknown and self.inspect == "partly")
        return (said or unknown) and shown


def outcome(launches: Mapping[str, Any]) -> str:
    """native, jit, partly or none, of what the launches of a build returned."""
    lazy, no_jit = launches["lazy"] or {}, launches["no_jit"] or {}
    works = [call for call, error in lazy.items() if error == 0]
    if len(works) < len(lazy) or not lazy:
        return "partly" if works else "none"
    jit = [call for call in works if no_jit.get(call) != 0]
    return "jit" if 2 * len(jit) >= len(works) else "native"


def environment(folder: Path, rows: list[Mapping[str, Any]], where: Path) -> Path:
    """A virtual environment with each library in a package of its own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(where)], check=True)
    site = next(where.glob("lib/python*/site-packages"))
    for row in rows:
        package = site / row["name"].replace("-", "_")
        package.mkdir()
        (package / "__init__.py").write_text("")
        shutil.copy(folder / f"{row['name']}.so", package / "_C.so")
        about = site / f"{package.name}-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {row['name']}\nVersion: 1\n")
        files = [f"{package.name}/{name}" for name in ("__init__.py", "_C.so")]
        (about / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    return where / "bin" / "python"


def diagnosed(facts: Facts, machine: Mapping[str, str]) -> dict[str, str]:
    """Distribution -> what doctor says of it, on the machine of the truth."""
    gpu = Gpu(vendor="nvidia", index=0, name=machine["gpu"], arch=machine["arch"], source="nvml")
    driver = Driver(vendor="nvidia", version=machine["driver"], cuda=machine["cuda"])
    there = replace(facts, gpus=[gpu], drivers=[driver])
    view = View(there, choose(there, ()), Queries.of(there))
    rules = [rule for rule in all_rules(False)[0] if rule.code in RULES]
    findings = judge(view, rules)
    said = {gap.subject: ["not known"] for gap in view.gaps}
    for finding in findings:
        for each in (finding, *finding.consequences):
            if each.severity is not ADVICE:
                said.setdefault(each.subject, []).append(f"{each.code} {each.severity.value}")
    return {subject: ", ".join(words) for subject, words in said.items()}


def cases(folder: Path, truth: Mapping[str, Any]) -> Iterator[Case]:
    """Every build that was launched."""
    rows = json.loads((folder / "manifest.json").read_text())
    machine, launches = truth["machine"], truth["launches"]
    with tempfile.TemporaryDirectory() as scratch:
        libraries = [row for row in rows if row["file"] == "so"]
        python = environment(folder, libraries, Path(scratch, "venv"))
        facts = collect(CollectContext(environ={}), str(python), None)
        found = diagnosed(facts, machine)
    for row in rows:
        name, said = row["name"], None
        if row["file"] == "so":
            said = found.get(normalise(name), "clean")
        path = str(folder / f"{name}.{row['file']}")
        file = inspect(path, None, (machine["arch"],), machine["cuda"])
        how = file.served[machine["arch"]]
        yield Case(name, outcome(launches[name]), how, said, launches[name])


def main() -> int:
    """Parse, do, and print the disagreements."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("build", "judge"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("truth", type=Path, nargs="?")
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    if args.step == "build":
        failed = build_all(args.folder, args.nvcc, args.jobs)
        for name, why in failed.items():
            print(f"not built: {name}: {why}")
        return 0
    found = list(cases(args.folder, json.loads(args.truth.read_text())))
    for case in found:
        if not case.agrees:
            print(f"{case.name}: doctor {case.doctor}, inspect {case.inspect}; {case.launches}")
    right = sum(case.agrees for case in found)
    unknown = sum(case.doctor == "not known" for case in found)
    print(f"{right} of {len(found)} builds judged as they launched, {unknown} of them not known")
    return 0 if right == len(found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
