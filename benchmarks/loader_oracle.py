"""Compares the loader model with the real loader on libraries of real wheels.

usage: python benchmarks/loader_oracle.py --folder DIR [--quick] [--json FILE]
       … --packages FILE [--mutants N] [--library-path DIR]
Builds a venv and folders of extension wheels in DIR (kept and used again), predicts every
library's dlopen(RTLD_NOW), does it, and prints where the two differ. Exit 1 when agreement is
below 99.9 %, when a library that loads was called faulty, or when a failure was named otherwise.

--packages: another DIR, of the wheels in this list (loader_packages.txt), each library opened in a
bare process. --mutants: that many changed copies of them instead. --library-path: as LD_LIBRARY_PATH.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Process, Verdict
from gpufix.binary.loader.scan import scan
from gpufix.binary.loader.state import start
from loader_corpus import build, build_packages, libraries, site_of
from loader_mutants import made

TRUTH = Path(__file__).with_name("loader_truth.py")
GOAL = 0.999
_MESSAGES = (
    ("missing", re.compile(r"^(\S+): cannot open shared object file")),
    ("undefined", re.compile(r"undefined symbol: ([^\s,]+)")),
    ("versions", re.compile(r"version `([^']+)' not found")),
    (
        "unusable",
        re.compile(
            r"invalid ELF header|file too short|cannot read file data|cannot dynamically load"
            r"|ELF file|wrong ELF class|padding in e_ident|only ET_DYN|no loadable segments"
            r"|no dynamic section|not page-aligned|cannot be dlopen|executable stack|static TLS"
        ),
    ),
)


@dataclass
class Case:
    """One library: what was said of it, and what happened."""

    group: str
    verdict: Verdict
    outcome: str
    message: str

    @property
    def judged(self) -> bool:
        """The loader answered; a constructor that crashes or hangs says nothing about it.

        A file that is cut ends the process while it is mapped: that was predicted, or it was not.
        """
        return self.outcome in ("loads", "fails") or (
            self.outcome == "crashes" and bool(self.verdict.unusable)
        )

    @property
    def agrees(self) -> bool:
        return self.verdict.loads == (self.outcome == "loads")

    @property
    def named(self) -> bool:
        """What the loader names in its message is among what was predicted."""
        for kind, pattern in _MESSAGES:
            found = pattern.search(self.message)
            if (found and kind == "unusable") or (found and found[1] == self.verdict.path):
                return bool(self.verdict.unusable)
            if found:
                return found[1] in _names(self.verdict, kind)
        return False


def _names(verdict: Verdict, kind: str) -> set[str]:
    if kind == "missing":
        return {problem.name for problem in verdict.missing}
    if kind == "undefined":
        return {problem.name for problem in verdict.undefined}
    return {problem.version for problem in verdict.versions}


def groups(folder: Path) -> list[tuple[str, list[str], list[str], bool]]:
    """(name, libraries, site folders, whether torch is imported first) of the whole corpus."""
    site = site_of(folder / "venv")
    mine, others = [], []
    torch_owned = files_of_torch_users(site)
    for path in libraries(site):
        (mine if os.path.relpath(path, site).split("/")[0] in torch_owned else others).append(path)
    found = [("venv", others, [str(site)], False), ("venv, after torch", mine, [str(site)], True)]
    extras = sorted((folder / "ext").glob("*"))
    return found + [(e.name, libraries(e), [str(e), str(site)], True) for e in extras]


def files_of_torch_users(site: Path) -> set[str]:
    """Top-level names of torch and of the distributions that require it without a condition."""
    names: set[str] = set()
    for item in importlib.metadata.distributions(path=[str(site)]):
        needs = [text for text in item.requires or () if ";" not in text]
        if item.name == "torch" or any(re.match(r"torch\b(?![-_.])", text) for text in needs):
            names |= {str(file).split("/")[0] for file in item.files or ()}
    return names


def truth(
    python: Path,
    paths: list[str],
    after_torch: bool,
    sites: list[str],
    more: dict[str, str] | None = None,
) -> dict[str, list[str]]:
    """path -> [outcome, message], from the real loader. more: further variables."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LD_", "PYTHON"))}
    environment |= {"PYTHONPATH": os.pathsep.join(sites), **(more or {})}
    command = [str(python), str(TRUTH), *(["torch"] if after_torch else [])]
    result = subprocess.run(
        command, input="\n".join(paths), capture_output=True, text=True, env=environment, check=True
    )
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return {path: [outcome, message] for path, outcome, message in rows}


def compare(folder: Path) -> tuple[list[Case], float]:
    """All cases of the corpus, and the CPU seconds that predicting took."""
    python = folder / "venv/bin/python"
    cases, spent = [], 0.0
    for name, paths, sites, after_torch in groups(folder):
        if not paths:
            continue
        started = time.process_time()
        verdicts = scan(Process(str(python), tuple(sites)), paths)
        spent += time.process_time() - started
        real = truth(python, paths, after_torch, sites)
        cases += [Case(name, verdict, *real[verdict.path]) for verdict in verdicts]
    return cases, spent


def compare_packages(
    folder: Path, mutants: int, library_path: Path | None
) -> tuple[list[Case], float]:
    """The libraries of `folder`/venv, or changed copies, each opened in a bare process."""
    python, site = folder / "venv/bin/python", site_of(folder / "venv")
    more = {"LD_LIBRARY_PATH": str(library_path.resolve())} if library_path else {}
    with made(libraries(site), mutants) as copies:
        paths = copies or libraries(site)
        started = time.process_time()
        state = start(Files(), Process(str(python), (str(site),), more))
        verdicts = [state.predict(path) for path in paths]
        spent = time.process_time() - started
        real = truth(python, paths, after_torch=False, sites=[], more=more)
    name = "venv, changed" if copies else "venv"
    return [Case(name, verdict, *real[verdict.path]) for verdict in verdicts], spent


def table(cases: list[Case]) -> str:
    """A Markdown table: one row for the venv's two contexts, one for each extension project."""
    lines = ["| libraries of | judged | load | fail | agree | false alarms | misses | named |"]
    lines.append("| --- " + "| ---: " * 7 + "|")
    by_group: dict[str, list[Case]] = {}
    for case in cases:
        name = case.group if case.group.startswith("venv") else case.group.split("-")[0]
        by_group.setdefault(name, []).append(case)
    for name, members in [*by_group.items(), ("all", cases)]:
        judged = [case for case in members if case.judged]
        fails = [case for case in judged if case.outcome != "loads"]
        alarms = [c for c in judged if not c.agrees and c.outcome == "loads"]
        misses = [c for c in fails if not c.agrees]
        told = [case for case in fails if case.outcome == "fails"]
        share = 1 - (len(alarms) + len(misses)) / max(len(judged), 1)
        lines.append(
            f"| {name} | {len(judged)} | {len(judged) - len(fails)} | {len(fails)} "
            f"| {share:.2%} | {len(alarms)} | {len(misses)} "
            f"| {sum(case.named for case in told)} of {len(told)} |"
        )
    return "\n".join(lines)


def explain(case: Case) -> str:
    """One disagreement, in full."""
    verdict = case.verdict
    said = [p.name for p in (*verdict.missing, *verdict.undefined)][:5]
    said += [p.what for p in verdict.unusable] + [p.version for p in verdict.versions][:5]
    return f"{case.group}: {verdict.path}\n  really: {case.outcome} {case.message}\n  predicted: {said}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--mutants", type=int, default=0)
    parser.add_argument("--library-path", type=Path)
    options = parser.parse_args()
    folder = options.folder.resolve()
    if options.packages:
        build_packages(folder, options.packages)
        cases, spent = compare_packages(folder, options.mutants, options.library_path)
    else:
        build(folder, options.quick)
        cases, spent = compare(folder)
    judged = [case for case in cases if case.judged]
    wrong = [case for case in judged if not case.agrees]
    unnamed = [c for c in judged if c.outcome == "fails" and c.agrees and not c.named]
    print(table(cases))
    print(f"\npredicted in {spent:.2f} CPU seconds; not judged: {len(cases) - len(judged)}")
    for case in [*wrong, *unnamed, *(c for c in cases if not c.judged)]:
        print(explain(case))
    if options.json:
        rows = [[c.group, c.outcome, c.message, c.verdict.to_dict()] for c in cases]
        options.json.write_text(json.dumps(rows))
    alarms = [case for case in wrong if case.outcome == "loads"]
    return int(len(wrong) > (1 - GOAL) * len(judged) or bool(alarms) or bool(unnamed))


if __name__ == "__main__":
    sys.exit(main())
