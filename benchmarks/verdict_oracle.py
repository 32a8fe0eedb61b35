"""Compares the doctor's verdict on each package with a real import of it, healthy and broken.

usage: python benchmarks/verdict_oracle.py --folder DIR --stub libcuda.so [--gpufix CHECKOUT]
       [--packages FILE] [--only TEXT] [--broken N] [--make] [--made] [--report FILE]

For every line of verdict_packages.txt: a venv in DIR (made by uv, kept and used again), the doctor on
it, and `import X` for every name that the line's packages install, each once without a GPU driver
and once with the CUDA toolkit's stub of it on LD_LIBRARY_PATH. Then the same N times a line in a copy
that is broken in a drawn way. What the imports did is kept in DIR: another run asks the doctor alone,
and only where gpufix has changed. Exit 1 when less than 99 % of the packages agree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from verdict_break import break_once
from verdict_compare import ends_in, judge, said
from verdict_envs import (
    Distribution,
    Recipe,
    distributions,
    make,
    modules,
    normal,
    recipes,
    site_of,
)
from verdict_report import Row, summary, written
from verdict_truth import Import, attempt, environment, worst

HERE = Path(__file__).resolve()
GOAL = 0.99
CONDITIONS = ("no driver", "stub driver")


class Store:
    """Answers kept as lines of JSON under a key, so that a run goes on where another ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Any] = {}
        if path.exists():
            self.rows = dict(json.loads(line) for line in path.read_text().splitlines())

    def put(self, key: str, value: Any) -> Any:
        self.rows[key] = value
        with self.path.open("a") as file:
            file.write(json.dumps([key, value]) + "\n")
        return value


@dataclass
class Case:
    """One environment, whole or broken."""

    venv: Path
    recipe: Recipe
    broken: dict[str, str]


class Oracle:
    def __init__(self, folder: Path, checkout: Path, stub: Path) -> None:
        self.folder, self.source = folder, checkout / "src"
        self.tree = _digest(self.source)
        self.truths = Store(folder / "truth.jsonl")
        self.reports = Store(folder / "doctor.jsonl")
        self.home, self.empty = folder / "home", folder / "empty"
        for path in (self.home, self.empty, folder / "envs"):
            path.mkdir(parents=True, exist_ok=True)
        self.stubs = folder / "cuda/lib64/stubs"
        self.stubs.mkdir(parents=True, exist_ok=True)
        shutil.copy(stub, self.stubs / "libcuda.so.1")

    def cases(self, wanted: list[Recipe], broken: int) -> Iterator[Case]:
        """The whole environments, then the broken ones."""
        made = []
        for recipe in wanted:
            if venv := make(self.folder / "envs", recipe):
                made.append((recipe, venv))
                yield Case(venv, recipe, {})
        for recipe, venv in made:
            for number in range(broken * recipe.broken):
                if copy := break_once(venv, recipe, number):
                    yield Case(copy, recipe, json.loads((copy / "broken.json").read_text()))

    def variables(self, case: Case, condition: str) -> dict[str, str]:
        extra = {k: v for k, v in case.broken.items() if k.isupper()}
        folders = [str(self.stubs)] if condition == "stub driver" else []
        return environment(extra, folders, self.home)

    def report(self, case: Case, condition: str) -> dict[str, Any]:
        """What the doctor says, from the store when this very tree has said it."""
        key = f"{self.tree} {case.venv.name} {condition}"
        if key in self.reports.rows:
            return self.reports.rows[key]
        variables = {**self.variables(case, condition), "PYTHONPATH": str(self.source)}
        command = [sys.executable, "-m", "gpufix", "doctor", "--format", "json", "--python"]
        started = time.monotonic()
        result = subprocess.run(
            [*command, str(case.venv)],
            capture_output=True,
            text=True,
            env=variables,
            cwd=self.empty,
        )
        if result.returncode not in (0, 1):
            raise SystemExit(f"the doctor ended with {result.returncode}: {result.stderr[-2000:]}")
        whole = json.loads(result.stdout)
        kept = {key: whole[key] for key in ("findings", "gaps", "summary")}
        return self.reports.put(key, {**kept, "seconds": time.monotonic() - started})

    def asks_for_driver(self, case: Case) -> bool:
        """Whether any file of it names the driver's library: else its absence cannot matter."""
        key = f"libcuda {case.recipe.id}"
        if key not in self.truths.rows:
            site = site_of(self.folder / "envs" / case.recipe.id)
            found = subprocess.run(["grep", "-rqF", "libcuda.so", str(site)])
            self.truths.put(key, found.returncode == 0)
        return bool(self.truths.rows[key])

    def truth(self, case: Case, condition: str, item: Distribution, whole: Distribution) -> Import:
        """What importing it does, from the store when it has been done. `whole`: before the damage.

        All names in one process; where that fails, each in its own.
        """
        if not self.driver_matters(case, whole):
            condition = CONDITIONS[0]
        names = modules(item) or modules(whole)
        together = self.tried(case, condition, ", ".join(names))
        if together.kind == "works" or len(names) == 1:
            return together
        return worst([self.tried(case, condition, name) for name in names])

    def before(self, case: Case, condition: str, item: Distribution, truth: Import) -> Import:
        """The import in the environment that is whole, where a broken copy's does not work."""
        base = Case(self.folder / "envs" / case.recipe.id, case.recipe, {})
        if not case.broken or truth.kind == "works":
            return truth
        whole = distributions(base.venv).get(item.name, item)
        return self.truth(base, condition, whole, whole)

    def tried(self, case: Case, condition: str, names: str) -> Import:
        key = f"{case.venv.name} {condition} {names}"
        if key not in self.truths.rows:
            python = case.venv / "bin/python"
            done = attempt(python, names, self.variables(case, condition), self.empty)
            self.truths.put(key, asdict(done))
        return Import(**self.truths.rows[key])

    def driver_matters(self, case: Case, whole: Distribution) -> bool:
        """Broken copies are imported with the stub only where that matters to the whole one."""
        if not self.asks_for_driver(case):
            return False
        if not case.broken:
            return True
        base = Case(self.folder / "envs" / case.recipe.id, case.recipe, {})
        first, second = (self.truth(base, condition, whole, whole) for condition in CONDITIONS)
        return (first.kind, first.detail) != (second.kind, second.detail)

    def rows(self, case: Case) -> Iterator[Row]:
        """One row a package and condition."""
        items = distributions(case.venv)
        whole = items
        if case.broken:
            whole = distributions(self.folder / "envs" / case.recipe.id)
        wanted = case.broken["judged"].split() if case.broken else case.recipe.targets
        judged = [n for n in wanted if n in items and modules(whole.get(n, items[n]))]
        lost = {need for item in items.values() for need in item.requires} - set(items)
        others = {name: modules(item) for name, item in whole.items()}
        for condition in CONDITIONS:
            report = self.report(case, condition)
            truths = {
                name: self.truth(case, condition, items[name], whole.get(name, items[name]))
                for name in judged
            }
            for name, truth in truths.items():
                item = items[name]
                site = site_of(case.venv)
                files = {str(site / path) for path in item.files}
                answer = said(report, name, files, truth, others)
                before = self.before(case, condition, item, truth)
                verdict = judge(truth, answer, claimed(lost, case.broken, truth, before))
                if verdict == "false error" and any(
                    ends_in(t, others[name]) for t in truths.values()
                ):
                    verdict = "caught for another"
                compiled = bool(whole.get(name, item).libraries)
                yield Row(case.venv.name, case.recipe.line, case.broken, condition, name,
                          item.version, compiled, truth, answer, verdict, report)  # fmt: skip


def claimed(lost: set[str], broken: dict[str, str], truth: Import, before: Import) -> bool:
    """Whether a rule speaks of this cause: a file or a requirement (`lost`) that is not there.

    `before`: what importing it did before the damage.
    """
    if truth.unanswered:
        return False
    if broken.get("kind") not in (None, "older-dependency"):
        return (truth.kind, truth.detail) != (before.kind, before.detail)
    return truth.kind == "module" and normal(truth.detail.split(".")[0]) in lost


def _digest(source: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted((source / "gpufix").rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            whole.update(str(path.relative_to(source)).encode() + path.read_bytes())
    return whole.hexdigest()[:12]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--stub", type=Path, required=True, help="CUDA's lib64/stubs/libcuda.so")
    parser.add_argument("--gpufix", type=Path, default=HERE.parents[1], help="checkout to judge")
    parser.add_argument("--packages", type=Path, default=HERE.with_name("verdict_packages.txt"))
    parser.add_argument("--only", default="", help="lines that hold this text")
    parser.add_argument("--broken", type=int, default=2, help="broken copies of each environment")
    parser.add_argument("--make", action="store_true", help="make the environments and end")
    parser.add_argument("--made", action="store_true", help="only environments that are there")
    parser.add_argument("--report", type=Path, help="write every disagreement there")
    options = parser.parse_args()
    folder = options.folder.resolve()
    oracle = Oracle(folder, options.gpufix.resolve(), options.stub)
    wanted = [r for r in recipes(options.packages.read_text()) if options.only in r.line]
    if options.made:
        wanted = [r for r in wanted if (folder / "envs" / r.id / "made").exists()]
    rows: list[Row] = []
    for case in oracle.cases(wanted, options.broken):
        if options.make:
            continue
        for row in oracle.rows(case):
            rows.append(row)
            if row.wrong:
                print(row.line, flush=True)
        if options.report:
            options.report.write_text(written(rows))
    print(summary(rows))
    agreeing = sum(not row.wrong for row in rows)
    return int(agreeing < GOAL * len(rows))


if __name__ == "__main__":
    sys.exit(main())
